"""What failed for good is sent once more: alone, by filter, with other data."""

import asyncio
import json
from dataclasses import replace
from uuid import uuid4

import pytest

from dispatchserver.domain.concurrency import ConcurrencyKey
from dispatchserver.domain.errors import FireNotFound, FireOpen, Invalid
from dispatchserver.domain.fire import FireKind, FireState, Reason
from dispatchserver.domain.listing import FireFilter, PageRequest
from dispatchserver.domain.recall import HttpRecall, SocketRecall
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
    works.clock.advance(1)
    made = await replays.failed(FireFilter(namespace="default", group="group"), ALICE)
    assert (len(made.fires), made.more) == (3, False)
    await works.turn(1)
    again = await replays.failed(FireFilter(namespace="default", group="group"), ALICE)
    assert again.fires == []
    wanted = FireFilter(namespace="default", state=FireState.FAILED, replayed=False)
    assert (await works.store.list_fires(wanted, PageRequest())).items == ()


async def test_a_filter_that_would_find_everything_is_refused(works, replays):
    await failed(works)
    with pytest.raises(Invalid) as told:
        await replays.failed(FireFilter(namespace="default", until=at(9)), ALICE)
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


GROUP = FireFilter(namespace="default", group="group")


async def test_two_who_ask_at_the_same_time_send_each_fire_once(works, replays):
    for n in range(3):
        await failed(works, f"t{n}")
    works.clock.advance(1)
    made = await asyncio.gather(*(replays.failed(GROUP, ALICE) for _ in range(4)))
    assert sum(len(each.fires) for each in made) == 3
    assert len([fire for fire in await works.house.fires() if fire.replay_of]) == 3


async def test_a_look_counts_and_names_what_would_be_sent_and_sends_nothing(works, replays):
    old = [await failed(works, f"t{n:02}") for n in range(12)]
    works.clock.advance(1)
    found = await replays.look(GROUP)
    assert (found.count, len(found.first), found.until) == (12, 10, works.clock.now())
    assert len(await works.house.fires()) == len(old)
    one = await replays.look(FireFilter(namespace="default", ids=(old[3].id, "0" * 32)))
    assert (one.count, [fire.id for fire in one.first]) == (1, [old[3].id])


async def test_batches_up_to_a_moment_come_to_an_end_though_all_fails_again(works, replays):
    for n in range(5):
        await failed(works, f"t{n}")
    works.clock.advance(1)
    wanted = replace(GROUP, until=(await replays.look(GROUP)).until)
    counts = []
    for more in (True, True, False):
        made = await replays.failed(wanted, ALICE, most=2)
        counts.append(len(made.fires))
        assert made.more is more
        works.receiver.says = [NO] * 2
        await works.turn(1)
    assert counts == [2, 2, 1]
    assert (await replays.look(GROUP)).count == 5


async def test_dead_letters_are_found_by_reason_and_by_a_part_of_the_address(works, replays):
    await failed(works, "web", recall=HttpRecall(url="http://shop.test/a_b"))
    await failed(works, "socket", recall=SocketRecall(host="ledger.test", port=7070))
    found = {}
    for address in ("shop.test", "SHOP", "a_b", "axb", "ledger.test:7", "test", "data"):
        page = await replays.dead(replace(GROUP, address=address), PageRequest())
        found[address] = sorted(letter.fire.key.name for letter in page.items)
    assert found == {
        "shop.test": ["web"],
        "SHOP": ["web"],
        "a_b": ["web"],
        "axb": [],
        "ledger.test:7": ["socket"],
        "test": ["socket", "web"],
        "data": [],
    }
    for reason, count in ((Reason.CONTRACT, 2), (Reason.TIMEOUT, 0)):
        assert await replays.count(replace(GROUP, reason=reason)) == count


async def test_a_dead_letter_is_shown_with_whom_it_calls_and_what_became_of_it(works, replays):
    old = await failed(works)
    new = await replays.one(old.id, ALICE)
    await works.turn()
    (letter,) = (await replays.dead(GROUP, PageRequest())).items
    assert (letter.fire, letter.recall.url) == (old, "http://receiver.test/")
    assert [(each.id, each.state) for each in letter.replays] == [(new.id, FireState.SUCCEEDED)]
    assert [each.id for each in await replays.of(old.id)] == [new.id]
