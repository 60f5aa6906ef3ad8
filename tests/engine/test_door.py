"""Fires are claimed a moment before they are due, begin when they are, and go back in line where there is no room."""

import asyncio
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from dispatchserver.domain.calendar import DateRange
from dispatchserver.domain.calendarspec import Absence, CalendarKey, CalendarSpec
from dispatchserver.domain.destination import EARLY, Allowance
from dispatchserver.domain.fire import Delivery, FireState, Reason
from dispatchserver.domain.rate import read_rate
from dispatchserver.domain.recall import HttpRecall
from dispatchserver.domain.task import Policies
from dispatchserver.engine import hand, planner
from dispatchserver.engine.calendars import CalendarCases
from dispatchserver.engine.door import PATIENCE
from dispatchserver.holidaysource import HolidaysPackage
from tests.builders import ALICE, NOON, RECALL, a_key, an_outcome, at, every, once
from tests.clocks import until
from tests.engine.works import Works

UTC = ZoneInfo("UTC")
MOMENT = 0.05
SOON = once(at(MOMENT))
QUICK = an_outcome(b"ok", first_byte_ms=1)


async def quick_with(house, clock, slots, slots_in_all=50):
    """A receiver that takes so many calls at once, and has just answered one quickly."""
    works = Works(house, clock, slots=slots_in_all, allowance=Allowance(slots=slots))
    works.receiver.says = [QUICK]
    await works.add("first", once())
    await works.turn()
    return works


@pytest.fixture
async def narrow(house, clock):
    return await quick_with(house, clock, 2)


@pytest.fixture
async def brisk(house, clock):
    return await quick_with(house, clock, 1)


async def at_the_door(works, count=1):
    await works.engine.planner.run_once()
    await works.engine.dispatcher.run_once()
    await until(lambda: works.engine.door.before == count)


async def let_in(works, seconds):
    """Moves the clock until nobody stands there any more, and all is done."""
    works.clock.advance(seconds)
    await until(lambda: works.engine.door.before == 0)
    await works.idle()


def all_places_are_free(works):
    destinations, now = works.engine.destinations, works.clock.now()
    load = destinations._loads[RECALL.destination]
    return (destinations.placing(now).free, load.in_flight, load.ahead) == (works.slots, 0, 0)


async def four_come(works, held):
    """Four are due at once, and two have room; the answers of so many are held back."""
    answers = works.receiver.hold(held)
    for name in "abcd":
        await works.add(name, SOON)
    await at_the_door(works, 4)
    works.clock.advance(MOMENT)
    await until(lambda: len(works.receiver.orders) == 3)
    return answers


async def states(works):
    return sorted(str(fire.state) for fire in await works.house.fires())


async def test_a_fire_is_claimed_a_moment_early_and_sent_on_time(works):
    await works.add(trigger=SOON)
    await at_the_door(works)
    (fire,) = await works.house.fires()
    assert (fire.state, fire.claimed_at, works.receiver.orders) == (FireState.RUNNING, NOON, [])
    await let_in(works, MOMENT)
    (attempt,) = await works.store.list_attempts(fire.id)
    assert attempt.started_at == at(MOMENT)
    assert await works.house.told() == [(MOMENT, "succeeded", None)]


async def test_one_that_is_due_later_is_not_claimed_yet(works):
    await works.add(trigger=once(at(0.5)))
    await works.engine.planner.run_once()
    assert await works.engine.dispatcher.run_once() == at(0.5) - EARLY / 2
    assert await states(works) == ["pending"]


async def stop(works, command):
    key = (await works.house.find()).task.key
    await getattr(works.tasks, command)(key, ALICE)


@pytest.mark.parametrize("command", ["pause", "delete"])
async def test_what_is_stopped_before_it_is_due_is_not_sent_though_it_was_claimed(works, command):
    await works.add(trigger=SOON)
    await at_the_door(works)
    await stop(works, command)
    await let_in(works, MOMENT)
    assert (works.receiver.orders, await works.house.told()) == ([], [])
    assert all_places_are_free(works)


async def test_what_a_pause_finds_at_the_door_is_skipped_with_what_comes_after(works):
    await works.add(trigger=every(1))
    await works.turn()
    await works.turn(0.96)
    assert works.engine.door.before == 1
    await stop(works, "pause")
    await works.turn(1.5)
    await stop(works, "resume")
    await works.turn(1)
    assert works.dues == ["12:00:00", "12:00:03"]
    told = await works.house.told()
    assert told[:3] == [(0, "succeeded", None), (2, "skipped", "paused"), (3, "succeeded", None)]
    (_, skipped, *_) = await works.house.fires()
    assert (skipped.missed.first, skipped.missed.count) == (at(1), 2)


async def test_what_is_paused_and_goes_on_before_it_is_due_is_sent_once_and_booked(works):
    await works.add(trigger=SOON)
    await at_the_door(works)
    await stop(works, "pause")
    await stop(works, "resume")
    await at_the_door(works, 2)
    await let_in(works, MOMENT)
    assert len(works.receiver.orders) == 1
    (fire,) = await works.house.fires()
    assert fire.state is FireState.SUCCEEDED
    assert len(await works.store.list_attempts(fire.id)) == 1


async def test_a_replacement_sends_what_it_says_itself(works):
    await works.add(trigger=SOON, recall=HttpRecall(url="http://a.example/old"))
    await at_the_door(works)
    await works.add(trigger=SOON, recall=HttpRecall(url="http://a.example/new"), overwrite=True)
    await at_the_door(works, 2)
    await let_in(works, MOMENT)
    assert [order.recall.url for order in works.receiver.orders] == ["http://a.example/new"]


@pytest.mark.parametrize("keys", [(a_key(),), None])
async def test_while_its_task_or_any_calendar_is_being_changed_nothing_begins(works, keys):
    await works.add(trigger=SOON)
    await at_the_door(works)
    with works.engine.door.closed(keys):
        works.clock.advance(MOMENT)
        await asyncio.sleep(0.01)
        assert (works.receiver.orders, works.engine.door.before) == ([], 1)
    await let_in(works, 0)
    assert len(works.receiver.orders) == 1


async def test_where_nobody_waited_for_a_change_the_store_is_asked_what_became_of_it(works):
    await works.add(trigger=SOON)
    await at_the_door(works)
    key = (await works.house.find()).task.key
    pausing = asyncio.create_task(works.tasks.pause(key, ALICE))
    await asyncio.sleep(0)
    pausing.cancel()
    await until(pausing.done)
    assert pausing.cancelled()
    await let_in(works, MOMENT)
    await works.turns(2, MOMENT)
    assert works.receiver.orders == []
    await stop(works, "resume")
    await works.add("other", every(0.5))
    await works.turn(0.5)
    assert set(works.receiver.names) == {"other"}


async def test_one_that_is_taken_back_and_then_interrupted_leaves_no_attempt_to_its_successor(
    works,
):
    await works.add(trigger=SOON)
    await at_the_door(works)
    await stop(works, "pause")
    await works.engine.crew.drain(timedelta(0))
    assert await works.house.count("attempts") == 0
    await stop(works, "resume")
    await works.turn(MOMENT)
    (fire,) = await works.house.fires()
    (attempt,) = await works.store.list_attempts(fire.id)
    assert (fire.state, attempt.outcome.delivery) == (FireState.SUCCEEDED, Delivery.ANSWERED)


async def test_one_struck_on_its_way_to_the_door_is_not_let_in(works):
    await works.add(trigger=SOON)
    await works.engine.planner.run_once()
    (fire,) = await works.house.fires()
    with works.engine.door.closed(None) as strike:
        strike([fire.id])
    await at_the_door(works)
    await let_in(works, MOMENT)
    assert works.receiver.orders == []


async def test_a_calendar_that_excludes_the_day_takes_back_what_stands_at_the_door(works):
    calendars = CalendarCases(
        works.house.calendars, HolidaysPackage(), works.clock, UTC, works.engine.wakes
    )
    key = CalendarKey(namespace="default", name="days")
    await calendars.put(key, CalendarSpec(weekdays=(7,)), ALICE)
    await works.add(trigger=SOON, policies=Policies(calendar="days"))
    await at_the_door(works)
    today = works.clock.now().date()
    closed = Absence(dates=DateRange(first=today, last=today))
    await calendars.put(key, CalendarSpec(excluded=(closed,)), ALICE)
    await let_in(works, MOMENT)
    assert works.receiver.orders == []


async def test_no_more_begin_than_the_receiver_has_room_for(narrow):
    works, answers = narrow, await four_come(narrow, 4)
    answers[0].set_result(QUICK)
    await until(lambda: len(works.receiver.orders) == 4)
    assert works.engine.door.before == 1
    for answer in answers[1:]:
        answer.set_result(QUICK)
    await works.idle()
    assert works.engine.door.before == 0
    assert await states(works) == ["succeeded"] * 5


async def test_of_those_at_the_door_the_most_urgent_goes_first(narrow):
    works = narrow
    answers = works.receiver.hold(4)
    for count, (name, priority) in enumerate((("a", 9), ("b", 8), ("c", 1), ("d", 5)), 1):
        await works.add(name, SOON, priority=priority)
        await at_the_door(works, count)
    works.clock.advance(MOMENT)
    await until(lambda: len(works.receiver.orders) == 3)
    for answer in answers:
        answer.set_result(QUICK)
        await until(lambda: works.receiver.names)
    await works.idle()
    assert works.receiver.names[-2:] == ["d", "c"]


async def test_one_whose_room_is_taken_while_it_is_claimed_waits_for_the_next(
    house, clock, monkeypatch
):
    works = Works(house, clock, allowance=Allowance(slots=1))
    answers, claim = works.receiver.hold(2), works.store.claim
    await works.add("early", SOON)
    await at_the_door(works)

    async def claim_slowly(*asked):
        claims = await claim(*asked)
        clock.advance(MOMENT)
        await until(lambda: works.receiver.names == ["early"])
        return claims

    await works.add("due", once(), priority=9)
    await works.plan()
    monkeypatch.setattr(works.store, "claim", claim_slowly)
    await works.engine.dispatcher.run_once()
    assert works.engine.door.before == 1
    assert works.receiver.names == ["early"]
    for answer in answers:
        answer.set_result(QUICK)
    await works.idle()
    assert works.receiver.names == ["early", "due"]
    assert await states(works) == ["succeeded"] * 2
    assert all_places_are_free(works)


async def test_what_is_due_waits_at_the_door_where_calls_end_one_after_the_other(brisk):
    answers = brisk.receiver.hold(2)
    for name in "ab":
        await brisk.add(name, once())
    await brisk.plan()
    await brisk.engine.dispatcher.run_once()
    await until(lambda: brisk.engine.door.before == 1)
    answers[0].set_result(QUICK)
    await until(lambda: brisk.receiver.names == ["first", "a", "b"])
    answers[1].set_result(QUICK)
    await brisk.idle()
    assert await states(brisk) == ["succeeded"] * 3
    assert all_places_are_free(brisk)


async def test_what_waits_at_the_door_leaves_most_of_the_free_slots_to_others(house, clock):
    works = await quick_with(house, clock, 1, slots_in_all=4)
    works.receiver.hold(4)
    for name in "abcd":
        await works.add(name, once())
    await works.plan()
    await works.engine.dispatcher.run_once()
    assert (works.engine.door.before, works.engine.crew.free) == (0, 3)


async def test_what_is_more_urgent_and_waits_in_the_store_stands_ready_before_what_comes(brisk):
    """Whatever room is left when a receiver opens again, to call it or to wait at the door, is asked for at once."""
    works, name = brisk, RECALL.destination
    works.engine.destinations.allow(name, Allowance(slots=1, paused=True), works.clock.now())
    for urgent in "ab":
        await works.add(urgent, once(), priority=2)
    await works.plan()
    await works.engine.dispatcher.run_once()
    works.engine.destinations.allow(name, Allowance(slots=1), works.clock.now())
    answers = works.receiver.hold(3)
    await works.add("humble", once(), priority=1)
    await works.plan()
    await works.engine.dispatcher.run_once()
    await until(lambda: works.engine.door.before == 1)
    for answer in answers:
        answer.set_result(QUICK)
    await works.idle()
    await works.turn()
    assert works.receiver.names == ["first", "a", "b", "humble"]


async def test_where_calls_end_no_more_it_is_turned_away_once_and_waits_in_line(brisk):
    (answer,) = brisk.receiver.hold()
    for name in "ab":
        await brisk.add(name, once())
    await brisk.plan()
    await brisk.engine.dispatcher.run_once()
    for _ in range(9):
        brisk.clock.advance(PATIENCE + timedelta(milliseconds=1))
        brisk.engine.door.call(RECALL.destination)
        await until(lambda: brisk.engine.door.before == 0)
        await brisk.engine.dispatcher.run_once()
    (waits,) = [fire for fire in await brisk.house.fires() if fire.state is FireState.PENDING]
    assert waits.attempts <= 1
    answer.set_result(QUICK)
    await brisk.idle()


@pytest.mark.parametrize("in_hand", [True, False])
async def test_nobody_is_claimed_early_where_others_wait(brisk, clock, in_hand):
    """Or those who come to the door would get all the room there is, and those who wait would have none."""
    works = brisk
    clock.advance(60)
    works.receiver.hold()
    for name in ("hangs", "waits"):
        await works.add(name, once(clock.now()))
        await works.plan()
        await works.engine.dispatcher.run_once()
    if not in_hand:
        clock.advance(hand.PATIENCE + timedelta(seconds=1))
        await works.engine.dispatcher.run_once()
    await works.add("soon", once(works.clock.now() + timedelta(seconds=MOMENT)))
    await works.plan()
    await works.engine.dispatcher.run_once()
    assert works.engine.door.before == 0


async def test_who_waits_too_long_is_turned_away_and_sent_later_without_a_repetition_lost(narrow):
    works, answers = narrow, await four_come(narrow, 2)
    works.clock.advance(PATIENCE + timedelta(milliseconds=1))
    answers[0].set_result(QUICK)
    await until(lambda: works.engine.door.before == 0)
    answers[1].set_result(QUICK)
    await works.idle()
    assert all_places_are_free(works)
    *_, last = [fire for fire in await works.house.fires() if fire.state is FireState.PENDING]
    assert (last.reason, last.attempts, last.failovers) == (Reason.POSTPONED, 1, 1)
    (attempt,) = await works.store.list_attempts(last.id)
    assert attempt.outcome.delivery is Delivery.NOT_SENT
    await works.turn()
    assert await states(works) == ["succeeded"] * 5


async def test_a_destination_that_is_paused_lets_nobody_in_from_the_door(works):
    await works.add(trigger=SOON)
    await at_the_door(works)
    destinations, name = works.engine.destinations, RECALL.destination
    destinations.allow(name, Allowance(paused=True), works.clock.now())
    await works.turn(MOMENT)
    assert works.receiver.orders == []
    destinations.allow(name, None, works.clock.now())
    await works.turns(2, 0)
    assert len(works.receiver.orders) == 1


async def test_a_shutdown_before_its_moment_leaves_it_unsent_and_due_as_before(works):
    await works.add(trigger=SOON)
    await at_the_door(works)
    await works.engine.crew.drain(timedelta(0))
    (fire,) = await works.house.fires()
    assert (fire.state, fire.run_at) == (FireState.PENDING, at(MOMENT))
    await works.turn(MOMENT - 0.001)
    assert works.receiver.orders == []
    await works.turn(0.001)
    assert len(works.receiver.orders) == 1


async def test_a_clock_that_is_set_back_meanwhile_sends_nothing_before_its_time(works):
    await works.add(trigger=SOON)
    await at_the_door(works)
    await let_in(works, -60)
    assert works.receiver.orders == []
    (fire,) = await works.house.fires()
    assert (fire.state, fire.run_at) == (FireState.PENDING, at(MOMENT))


@pytest.mark.parametrize("allowance", [Allowance(rate=read_rate("1000/s")), Allowance(slots=1)])
async def test_nobody_is_let_in_ahead_where_it_matters_when_a_call_begins(house, clock, allowance):
    """Under a rate none is claimed early, and of a receiver nothing is known of just as many as have room."""
    works = Works(house, clock, slots=50, allowance=allowance)
    for name in "ab":
        await works.add(name, SOON)
    await works.engine.planner.run_once()
    await works.engine.dispatcher.run_once()
    assert works.engine.door.before <= (0 if allowance.rate else 1)
    if allowance.rate:  # nor is it looked at again and again meanwhile
        assert await works.engine.dispatcher.run_once() == at(MOMENT)
    await works.turns(3, MOMENT)
    assert await states(works) == ["succeeded"] * 2


async def test_none_is_claimed_early_for_a_receiver_that_is_shut(narrow):
    shut = Allowance(slots=2, paused=True)
    narrow.engine.destinations.allow(RECALL.destination, shut, narrow.clock.now())
    await narrow.add(trigger=SOON)
    await at_the_door(narrow, 0)
    await narrow.turn(MOMENT)
    (fire,) = await narrow.house.fires(name="task")
    assert (fire.state, fire.attempts) == (FireState.PENDING, 0)


async def test_none_is_claimed_early_while_others_of_its_moment_are_still_to_be_planned(
    works, monkeypatch
):
    monkeypatch.setattr(planner, "TASKS_PER_PASS", 1)
    await works.add("a", SOON, priority=1)
    await works.add("b", SOON, priority=2)
    await works.engine.planner.run_once()
    assert await works.engine.dispatcher.run_once() == at(MOMENT)
    assert works.engine.door.before == 0
    await works.plan()
    await works.engine.dispatcher.run_once()
    await let_in(works, MOMENT)
    assert works.receiver.names == ["b", "a"]


@pytest.mark.parametrize("command", ["pause", "delete"])
async def test_what_was_sent_before_the_clock_was_set_back_keeps_its_row(works, command):
    await works.add(trigger=SOON)
    await at_the_door(works)
    (answer,) = works.receiver.hold()
    works.clock.advance(MOMENT)
    await until(lambda: works.receiver.orders)
    works.clock.set(at(-3600))
    await stop(works, command)
    answer.set_result(QUICK)
    await works.idle()
    assert await works.house.told() == [(MOMENT, "succeeded", None)]


@pytest.mark.parametrize("command", ["pause", "delete"])
async def test_what_stands_at_the_door_when_the_clock_is_set_back_is_stopped_all_the_same(
    works, command
):
    await works.add(trigger=SOON)
    await at_the_door(works)
    works.clock.set(at(-3600))
    await stop(works, command)
    for _ in range(3):
        await works.turn(3600)
    assert works.receiver.orders == []
    assert all_places_are_free(works)
