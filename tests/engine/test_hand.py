"""What is planned is kept in hand until it is sent; the store decides, and nothing is lost with the hand."""

from datetime import timedelta

import pytest

from dispatchserver.domain.destination import EARLY, Allowance
from dispatchserver.domain.recall import HttpRecall
from dispatchserver.engine import hand
from dispatchserver.engine.hand import PATIENCE
from dispatchserver.stores.sql import IN_HAND
from tests.builders import ALICE, a_key, at, every, once
from tests.clocks import until
from tests.engine.works import Works

SOON = once(at(0.5))


async def dispatch(works, seconds=0.0):
    works.clock.advance(seconds)
    await works.engine.dispatcher.run_once()
    await works.idle()


async def held_in_store(works):
    """How many fires the store believes in hand."""
    found = await works.house.driver.page_reader.fetch(
        "SELECT count(*) AS n FROM fires WHERE state = 'pending' AND behind = $1", IN_HAND
    )
    return found[0]["n"]


async def test_a_planned_fire_waits_in_hand_and_is_sent_when_it_is_due(works):
    await works.add(trigger=SOON)
    await works.engine.planner.run_once()
    assert await held_in_store(works) == 1
    assert await works.engine.dispatcher.run_once() == at(0.5) - EARLY / 2
    assert works.receiver.orders == []
    await dispatch(works, 0.5)
    assert works.receiver.names == ["task"]
    assert await works.house.told() == [(0.5, "succeeded", None)]


@pytest.mark.parametrize("command", ["pause", "delete"])
async def test_what_is_stopped_after_it_was_planned_is_not_sent(works, command):
    await works.add(trigger=SOON)
    await works.engine.planner.run_once()
    key = (await works.house.find()).task.key
    await getattr(works.tasks, command)(key, ALICE)
    await dispatch(works, 1)
    assert works.receiver.orders == []
    assert works.engine.destinations.hand.room == hand.HAND_LIMIT


async def test_a_replaced_task_sends_what_its_new_version_says(works):
    await works.add(trigger=SOON, recall=HttpRecall(url="http://a.example/old"))
    await works.engine.planner.run_once()
    await works.add(trigger=SOON, recall=HttpRecall(url="http://a.example/new"), overwrite=True)
    await works.turn(1)
    assert [order.recall.url for order in works.receiver.orders] == ["http://a.example/new"]


@pytest.mark.parametrize("command", ["pause", "delete", "replace"])
async def test_what_is_not_to_be_sent_any_more_keeps_no_place_in_line(works, command):
    works.hire(1)
    for name in "abc":
        await works.add(name, SOON, priority=9)
    await works.add("last", SOON)
    await works.engine.planner.run_once()
    for name in "abc":
        if command == "replace":
            await works.add(name, every(60, start=at(60)), overwrite=True)
        else:
            await getattr(works.tasks, command)(a_key(name), ALICE)
    await dispatch(works, 0.5)
    assert works.receiver.names == ["last"]


@pytest.mark.parametrize("told", [True, False])
async def test_what_waits_for_room_behind_what_is_gone_has_it_as_soon_as_there_is_some(
    house, clock, told
):
    works = Works(house, clock, allowance=Allowance(slots=1))
    await works.add("first", once())
    (answer,) = works.receiver.hold()
    await works.plan()
    await works.engine.dispatcher.run_once()
    for name in "abc":
        await works.add(name, SOON, priority=9)
    await works.add("last", SOON)
    await works.plan()
    clock.advance(0.5)
    await works.engine.dispatcher.run_once()
    for name in "abc":  # by this server, or by another one
        await (works.tasks.delete(a_key(name), ALICE) if told else house.delete(name))
    answer.set_result(works.receiver.usually)
    await works.idle()
    while await works.engine.dispatcher.run_once() == clock.now():
        pass
    await works.idle()
    assert works.receiver.names == ["first", "last"]


async def test_what_was_paused_and_goes_on_is_sent_once(works):
    await works.add(trigger=every(1))
    await works.engine.planner.run_once()
    key = (await works.house.find()).task.key
    await works.tasks.pause(key, ALICE)
    await works.tasks.resume(key, ALICE)
    await works.turns(4, 1)
    assert len(works.dues) == len(set(works.dues)) >= 3


async def test_the_most_urgent_goes_first_whether_in_hand_or_in_the_store(works, monkeypatch):
    monkeypatch.setattr(hand, "HAND_LIMIT", 2)
    works.hire(1)
    for name, priority in (("a", 3), ("b", 1), ("c", 4), ("d", 2)):
        await works.add(name, SOON, priority=priority)
    await works.engine.planner.run_once()
    assert await held_in_store(works) == 2
    works.clock.advance(1)
    for _ in range(4):
        await dispatch(works)
    assert works.receiver.names == ["c", "a", "d", "b"]


async def test_what_has_no_room_gives_its_slot_to_the_next_in_hand_and_not_to_less_in_the_store(
    works,
):
    works.hire(1)
    shut = HttpRecall(url="http://shut.test/")
    works.engine.destinations.allow(shut.destination, Allowance(paused=True), works.clock.now())
    routed = HttpRecall(url="http://a.test/", also=("http://b.test/",))
    await works.add("first", SOON, priority=9, recall=shut)
    await works.add("next", SOON, priority=5)
    await works.add("less", SOON, priority=1, recall=routed)
    await works.engine.planner.run_once()
    assert await held_in_store(works) == 2
    await dispatch(works, 1)
    assert works.receiver.names == ["next"]
    await dispatch(works)
    assert works.receiver.names == ["next", "less"]


async def test_a_restart_finds_what_was_in_the_hand_of_the_last_run(works):
    await works.add(trigger=SOON)
    await works.engine.planner.run_once()
    works.hire(4, node="node-b")
    await works.engine.recover()
    await works.turn(1)
    assert works.receiver.names == ["task"]


async def test_what_is_lost_from_the_hand_is_found_by_the_audit(works):
    await works.add(trigger=SOON)
    await works.engine.planner.run_once()
    works.engine.destinations.hand.let_go(at(9))
    works.engine.destinations.hand.offer(works.engine.destinations.placing(at(9)), 9)
    await dispatch(works, 30)
    assert works.receiver.orders == []
    works.clock.advance(60)
    await works.engine.auditor.look()
    await dispatch(works)
    assert works.receiver.names == ["task"]


async def test_a_store_that_refuses_a_claim_takes_nothing_from_the_hand(works, monkeypatch):
    await works.add(trigger=SOON)
    await works.engine.planner.run_once()
    works.clock.advance(1)

    async def refuse(*args):
        raise OSError("no room")

    with monkeypatch.context() as full:
        full.setattr(works.store, "claim", refuse)
        with pytest.raises(OSError, match="no room"):
            await works.engine.dispatcher.run_once()
    await dispatch(works)
    assert works.receiver.names == ["task"]


async def test_what_a_store_refused_to_let_go_is_let_go_as_soon_as_it_takes_writes(
    works, monkeypatch
):
    await works.add(trigger=SOON)
    await works.engine.planner.run_once()
    works.clock.advance(PATIENCE.total_seconds() + 2)

    async def refuse(before):
        raise OSError("no room")

    with monkeypatch.context() as full:
        full.setattr(works.store, "let_go", refuse)
        with pytest.raises(OSError, match="no room"):
            await works.engine.dispatcher.run_once()
    await dispatch(works, 1)
    assert works.receiver.names == ["task"]


async def test_keys_made_after_a_fire_was_planned_sign_it(works):
    await works.add(trigger=SOON)
    await works.engine.planner.run_once()
    group = (await works.house.find()).task.key.group
    await works.house.driver.writer.execute(
        "INSERT INTO signing_keys VALUES ('default', $1, 1, 'id', 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', NULL)",
        group,
    )
    await dispatch(works, 1)
    assert works.receiver.header(0, "webhook-signature").startswith("v1,")


async def test_what_waits_long_for_its_receiver_is_let_go_and_shown_behind_it(house, clock):
    works = Works(house, clock, slots=9, allowance=Allowance(slots=1))
    (answer,) = works.receiver.hold()
    for name in "ab":
        await works.add(name, SOON)
    await works.engine.planner.run_once()
    works.clock.advance(1)
    await works.engine.dispatcher.run_once()
    await until(lambda: works.receiver.orders)
    assert await held_in_store(works) == 1
    assert sum(works.engine.destinations.hand.waiting().values()) == 1
    works.clock.advance(PATIENCE.total_seconds() + 1)
    await works.engine.dispatcher.run_once()
    assert await held_in_store(works) == 0
    (waits,) = await house.fires(state="pending")
    assert waits.waits_behind == "behind_destination"
    answer.set_result(works.receiver.usually)
    await works.engine.crew.drain(timedelta(seconds=5))
    await works.turn()
    assert works.receiver.names == ["a", "b"]


async def test_nobody_in_the_store_is_to_go_before_those_in_hand_that_were_not_offered_yet(works):
    in_hand, now = works.engine.destinations.hand, at(0.5)
    for name, priority in (("first", 2), ("second", 1)):
        await works.add(name, SOON, priority=priority)
    await works.plan()
    second = (await works.house.fires(name="second"))[0]
    assert in_hand.offer(works.engine.destinations.placing(now), 1)[0].fire.key.name == "first"
    assert in_hand.reach == second.rank
    assert in_hand.offer(works.engine.destinations.placing(now), 1)[0].fire == second
    assert in_hand.reach is None
