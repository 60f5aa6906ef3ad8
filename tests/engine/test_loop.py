"""The shape of every loop, the crew beside it, and the engine's start and stop."""

import asyncio
from datetime import timedelta

import pytest

from dispatchserver.domain.errors import StoreUnavailable
from dispatchserver.engine.loop import Crew, Loop
from tests.builders import an_outcome, at, every, once
from tests.clocks import until
from tests.engine.works import Works


class Passes:
    """A pass that counts itself and answers what it was told to; None at last."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.count = 0
        self.during = lambda: None

    async def __call__(self):
        self.count += 1
        self.during()
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
async def loops(clock):
    """Starts loops over passes, and stops them at the end."""
    started = []

    def start(passes):
        loop = Loop("test", passes, clock)
        started.append(loop)
        loop.start()
        return loop

    yield start
    for loop in started:
        await loop.stop()


async def settled(count=20):
    """Gives the loop every chance to do something more."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_the_first_pass_runs_at_once_and_then_the_loop_waits(loops):
    passes = Passes()
    loops(passes)
    await settled()
    assert passes.count == 1


async def test_it_looks_again_at_the_time_it_was_told_and_not_before(loops, clock):
    passes = Passes(at(5))
    loops(passes)
    await until(lambda: clock.alarms)
    clock.advance(4.999)
    await settled()
    assert passes.count == 1
    clock.advance(0.001)
    await until(lambda: passes.count == 2)


async def test_a_time_that_has_passed_leads_to_another_pass_at_once(loops):
    passes = Passes(at(-1), at(0))
    loops(passes)
    await until(lambda: passes.count == 3)


async def test_a_wake_cuts_a_wait_short_and_leaves_no_alarm_behind(loops, clock):
    passes = Passes(at(60))
    loop = loops(passes)
    await until(lambda: clock.alarms)
    loop.wake()
    await until(lambda: passes.count == 2)
    await settled()
    assert clock.alarms == []


async def test_a_wake_during_a_pass_leads_to_another_pass(loops):
    passes = Passes()
    loop = loops(passes)
    passes.during = lambda: passes.count == 1 and loop.wake()
    await until(lambda: passes.count == 2)
    await settled()
    assert passes.count == 2


async def test_it_is_called_to_an_earlier_moment_and_not_to_a_later_one(loops, clock):
    passes = Passes(at(60), at(60))
    loop = loops(passes)
    await until(lambda: clock.alarms)
    loop.look_by(at(61))
    await settled()
    assert passes.count == 1
    loop.look_by(at(59))
    await until(lambda: passes.count == 2)


async def test_a_call_to_any_moment_ends_a_wait_without_end(loops):
    passes = Passes()
    loop = loops(passes)
    await until(lambda: passes.count == 1)
    loop.look_by(at(999))
    await until(lambda: passes.count == 2)


async def test_many_wakes_during_one_wait_are_one_pass(loops):
    passes = Passes()
    loop = loops(passes)
    await until(lambda: passes.count == 1)
    for _ in range(9):
        loop.wake()
    await settled()
    assert passes.count == 2


@pytest.mark.parametrize(
    ("error", "event"),
    [(StoreUnavailable("full"), "loop.store_unavailable"), (KeyError("bug"), "loop.failed")],
)
async def test_a_failing_pass_is_logged_and_tried_again_a_second_later(
    loops, clock, caplog, error, event
):
    passes = Passes(error)
    loops(passes)
    await until(lambda: clock.alarms)
    assert clock.alarms == [at(1)]
    clock.advance(1)
    await until(lambda: passes.count == 2)
    assert event in caplog.text


async def test_stopping_lets_a_running_pass_end(clock):
    going, ended = asyncio.Event(), []

    async def slow():
        await going.wait()
        ended.append(True)

    loop = Loop("test", slow, clock)
    loop.start()
    await settled()
    stopping = asyncio.ensure_future(loop.stop())
    await settled()
    assert not stopping.done()
    going.set()
    await stopping
    assert ended == [True]


async def test_a_loop_that_never_started_can_be_stopped(clock):
    await Loop("test", Passes(), clock).stop()


async def test_a_crew_tells_when_it_was_full_and_has_room_again():
    told = []
    crew = Crew(2, on_free=lambda: told.append(crew.free))
    ends = [asyncio.Event() for _ in range(2)]
    for end in ends:
        crew.start(end.wait())
    assert crew.free == 0
    for end in ends:
        end.set()
    await until(lambda: crew.free == 2)
    assert told == [1]


async def test_a_drained_crew_ended_or_was_cancelled():
    ended = []

    async def endless():
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")

    crew = Crew(2, on_free=lambda: None)
    crew.start(endless())
    crew.start(settled(1))
    await crew.drain(timedelta(0))
    assert (ended, crew.free) == (["cancelled"], 2)


async def test_an_engine_that_runs_delivers_what_is_added(works):
    works.engine.start()
    await works.add(trigger=once())
    await until(lambda: works.receiver.orders)
    await works.engine.stop(timedelta(seconds=5))
    assert await works.house.told() == [(0, "succeeded", None)]


async def test_an_engine_that_runs_fires_as_time_goes_by(works, clock):
    works.engine.start()
    await works.add(trigger=every(10, count=3))
    for n in range(3):
        clock.set(at(10 * n))
        await until(lambda n=n: len(works.receiver.orders) == n + 1)
    await works.engine.stop(timedelta(seconds=5))
    assert works.dues == ["12:00:00", "12:00:10", "12:00:20"]


async def test_a_single_slot_works_a_backlog_off_without_being_pushed(house, clock):
    works = Works(house, clock, slots=1)
    for n in range(12):
        await works.add(str(n), once(), priority=n)
    await works.engine.planner.run_once()
    works.engine.start()
    await until(lambda: len(works.receiver.orders) == 12)
    await works.engine.stop(timedelta(seconds=5))
    assert works.receiver.names == [str(n) for n in reversed(range(12))]


async def test_stopping_lets_what_is_in_flight_finish(works):
    (answer,) = works.receiver.hold()
    works.engine.start()
    await works.add(trigger=once())
    await until(lambda: works.receiver.orders)
    stopping = asyncio.ensure_future(works.engine.stop(timedelta(seconds=60)))
    await settled()
    await works.add("late", once())
    answer.set_result(an_outcome(b"ok"))
    await stopping
    assert works.receiver.names == ["task"]
    assert [state for _, state, _ in await works.house.told()] == ["succeeded"]


async def test_stopping_without_patience_books_the_rest_as_interrupted(works):
    works.receiver.hold()
    works.engine.start()
    await works.add(trigger=once())
    await until(lambda: works.receiver.orders)
    await works.engine.stop(timedelta(0))
    assert await works.house.told() == [(0, "pending", "interrupted")]


async def test_a_new_run_recovers_what_the_last_one_left_in_flight(works, clock):
    works.receiver.hold()
    await works.add(trigger=once())
    await works.engine.planner.run_once()
    await works.store.let_go(at(3600))
    await works.store.claim("dead", clock.now(), 1, at(3600))
    works.receiver.says.clear()
    assert await works.engine.recover() == 1
    assert await works.engine.recover() == 0
    await works.turn()
    assert works.receiver.header(0, "X-Dispatch-Attempt") == "2"
    assert await works.house.told() == [(0, "succeeded", None)]
