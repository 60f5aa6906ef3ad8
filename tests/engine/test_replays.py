"""What failed for good is sent once more: alone, by filter, with other data."""

import json
from uuid import uuid4

import pytest

from dispatchserver.domain.concurrency import ConcurrencyKey
from dispatchserver.domain.errors import FireNotFound, FireOpen, Invalid
from dispatchserver.domain.fire import FireKind, FireState
from dispatchserver.domain.listing import FireFilter, PageRequest
from dispatchserver.domain.task import Policies
from dispatchserver.engine.replays import ReplayCases
from tests.builders import ALICE, a_key, an_outcome, at, once

NO = an_outcome(b'{"success": false}')


@pytest.fixture
def replays(works):
    return ReplayCases(works.store, works.clock, lambda: uuid4().hex, works.engine.dispatch_by)


async def failed(works, name="task", **spec):
    works.receiver.says = [NO]
    await works.add(name, once(works.clock.now()), **spec)
    await works.turn()
    (fire,) = [fire for fire in await works.house.fires() if fire.key.name == name]
    assert fire.state is FireState.FAILED
    return fire


async def test_a_failed_fire_is_sent_once_more_as_a_fire_of_its_own(works, replays):
    old = await failed(works)
    new = await replays.one(old.id, ALICE)
    await works.turn()
    again = await works.store.find_fire(new.id)
    assert (again.state, again.kind, again.replay_of) == (
        FireState.SUCCEEDED,
        FireKind.MANUAL,
        old.id,
    )
    assert (await works.store.find_fire(old.id)) == old
    bodies = [json.loads(order.body) for order in works.receiver.orders]
    assert bodies[0]["data"] == bodies[1]["data"]
    assert [body["tasklogid"] for body in bodies] == [old.id, new.id]
    assert ("replayed", old.id) in await works.house.audit()


async def test_it_may_be_sent_with_other_data_which_its_history_shows(works, replays):
    old = await failed(works)
    new = await replays.one(old.id, ALICE, '{"b":2}')
    await works.turn()
    assert json.loads(works.receiver.orders[1].body)["data"] == {"b": 2}
    assert (await works.tasks.history(new.id)).recall.data == {"b": 2}
    third = await replays.one(new.id, ALICE)
    assert third.data_json == '{"b":2}'


async def test_a_run_by_hand_may_have_data_of_its_own(works):
    await works.add(trigger=once(at(3600)))
    await works.tasks.trigger_now(a_key("task"), ALICE, '"just this once"')
    await works.turn()
    assert json.loads(works.receiver.orders[0].body)["data"] == "just this once"


async def test_what_is_still_under_way_and_what_never_was_is_not_repeated(works, replays):
    await works.add(trigger=once())
    await works.engine.planner.run_once()
    (pending,) = await works.house.fires()
    with pytest.raises(FireOpen):
        await replays.one(pending.id, ALICE)
    with pytest.raises(FireNotFound):
        await replays.one("0" * 32, ALICE)
    assert len(await works.house.fires()) == 1


async def test_all_failed_fires_of_a_group_are_sent_once_more_and_only_once(works, replays):
    for n in range(3):
        await failed(works, f"t{n}")
    await works.add("fine", once())
    await works.turn()
    made = await replays.failed(FireFilter(namespace="default", group="group"), ALICE)
    assert (len(made.fires), made.more) == (3, False)
    await works.turn()
    again = await replays.failed(FireFilter(namespace="default", group="group"), ALICE)
    assert again.fires == []
    wanted = FireFilter(namespace="default", state=FireState.FAILED, replayed=False)
    assert (await works.store.list_fires(wanted, PageRequest())).items == ()


async def test_a_filter_that_would_find_everything_is_refused(works, replays):
    await failed(works)
    with pytest.raises(Invalid) as told:
        await replays.failed(FireFilter(namespace="default", name="task"), ALICE)
    assert told.value.code == "fire.replay_filter"


async def test_a_fire_of_a_deleted_task_can_still_be_sent_once_more(works, replays):
    old = await failed(works)
    await works.tasks.delete(old.key, ALICE)
    new = await replays.one(old.id, ALICE)
    await works.turn()
    assert (await works.store.find_fire(new.id)).state is FireState.SUCCEEDED


async def test_a_repetition_waits_for_its_key_as_any_run_by_hand(works, replays):
    old = await failed(works, policies=Policies(concurrency=ConcurrencyKey(name="db")))
    (hangs,) = works.receiver.hold()
    await works.add("other", once(), policies=Policies(concurrency=ConcurrencyKey(name="db")))
    await works.engine.planner.run_once()
    await works.engine.dispatcher.run_once()
    new = await replays.one(old.id, ALICE)
    await works.engine.dispatcher.run_once()
    assert (await works.store.find_fire(new.id)).state is FireState.PENDING
    hangs.set_result(an_outcome(b"ok"))
    await works.idle()
    await works.turn()
    assert (await works.store.find_fire(new.id)).state is FireState.SUCCEEDED
