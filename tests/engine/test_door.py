"""Fires are claimed a moment before they are due, begin when they are, and go back in line where there is no room."""

from datetime import timedelta

import pytest

from dispatchserver.domain.destination import EARLY, Allowance
from dispatchserver.domain.fire import Delivery, FireState, Reason
from dispatchserver.domain.rate import read_rate
from dispatchserver.engine.door import PATIENCE
from tests.builders import ALICE, NOON, RECALL, an_outcome, at, every, once
from tests.clocks import until
from tests.engine.works import Works

MOMENT = 0.05
SOON = once(at(MOMENT))
QUICK = an_outcome(b"ok", first_byte_ms=1)


@pytest.fixture
async def narrow(house, clock):
    """A receiver that takes two calls at once, and has answered quickly so far."""
    works = Works(house, clock, slots=50, allowance=Allowance(slots=2))
    works.receiver.says = [QUICK]
    await works.add("first", once())
    await works.turn()
    return works


async def at_the_door(works, count=1):
    await works.engine.planner.run_once()
    await works.engine.dispatcher.run_once()
    await until(lambda: works.engine.door.before == count)


async def let_in(works, seconds):
    """Moves the clock until nobody stands there any more, and all is done."""
    works.clock.advance(seconds)
    await until(lambda: works.engine.door.before == 0)
    await works.idle()


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


async def test_what_a_pause_finds_at_the_door_goes_out_once_and_is_not_made_up_for(works):
    await works.add(trigger=every(1))
    await works.turn()
    await works.turn(0.96)
    assert works.engine.door.before == 1
    key = (await works.house.find()).task.key
    await works.tasks.pause(key, ALICE)
    await works.turn(1.5)
    await works.tasks.resume(key, ALICE)
    await works.turn(1)
    assert works.dues == ["12:00:00", "12:00:01", "12:00:03"]
    assert await works.house.told() == [
        (0, "succeeded", None),
        (1, "succeeded", None),
        (2, "skipped", "paused"),
        (3, "succeeded", None),
        (4, "pending", None),
    ]


async def test_no_more_begin_than_the_receiver_has_room_for(narrow):
    works = narrow
    answers = works.receiver.hold(4)
    for name in "abcd":
        await works.add(name, SOON)
    await at_the_door(works, 4)
    works.clock.advance(MOMENT)
    await until(lambda: len(works.receiver.orders) == 3)
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
    for name, priority in (("a", 9), ("b", 8), ("c", 1), ("d", 5)):
        await works.add(name, SOON, priority=priority)
    await at_the_door(works, 4)
    works.clock.advance(MOMENT)
    await until(lambda: len(works.receiver.orders) == 3)
    for answer in answers:
        answer.set_result(QUICK)
        await until(lambda: works.receiver.names)
    await works.idle()
    assert works.receiver.names[-2:] == ["d", "c"]


async def test_who_waits_too_long_is_turned_away_and_sent_later_without_a_repetition_lost(narrow):
    works = narrow
    answers = works.receiver.hold(2)
    for name in "abc":
        await works.add(name, SOON)
    await at_the_door(works, 3)
    works.clock.advance(MOMENT)
    await until(lambda: len(works.receiver.orders) == 3)
    works.clock.advance(PATIENCE + timedelta(milliseconds=1))
    answers[0].set_result(QUICK)
    await until(lambda: works.engine.door.before == 0)
    answers[1].set_result(QUICK)
    await works.idle()
    (last,) = [fire for fire in await works.house.fires() if fire.state is FireState.PENDING]
    assert (last.reason, last.attempts, last.failovers) == (Reason.POSTPONED, 1, 1)
    (attempt,) = await works.store.list_attempts(last.id)
    assert attempt.outcome.delivery is Delivery.NOT_SENT
    await works.turn()
    assert await states(works) == ["succeeded"] * 4


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
    await works.turns(3, MOMENT)
    assert await states(works) == ["succeeded"] * 2
