"""The clock is set back under a running server: nothing fires twice, and nothing waits for the clock to catch up."""

import asyncio
import time
from types import SimpleNamespace

import pytest

from dispatchserver.clock import SystemClock
from dispatchserver.engine.hand import Hand
from dispatchserver.engine.loop import Loop
from dispatchserver.engine.planner import Planner
from tests.builders import NOON, at, cron, every, once
from tests.clocks import ManualClock, until
from tests.shapes import after_runs


@pytest.fixture
def clock():
    return ManualClock(at(3600))


@pytest.fixture
def planner(house, clock):
    return Planner(house.store, clock, lambda moment: None, Hand())


async def test_tasks_of_an_interval_go_on_with_as_many_fires_as_they_had_left(
    house, planner, clock
):
    await house.add(trigger=every(10, start=at(3600), count=5), now=clock.now())
    await planner.run_once()
    clock.set(at(3610))
    await planner.run_once()
    clock.set(at(3))
    assert await planner.run_once() == at(9.501)
    for second in range(10, 60, 10):
        clock.set(at(second))
        await planner.run_once()
    dues = [due for due, _, _ in await house.told()]
    assert dues == [10.001, 20.001, 30.001, 3600, 3610]
    assert (await house.find()).task.next_fire_at is None


async def test_a_wall_time_that_has_fired_does_not_fire_again_and_the_others_do(
    house, planner, clock
):
    await house.add(trigger=cron("0 0/10 * * * ?"), now=clock.now())
    clock.set(at(4200))
    await planner.run_once()
    clock.set(at(4200, days=300))  # far off, by mistake
    await planner.run_once()
    before = await house.fires()
    clock.set(at(3500))
    for second in range(3500, 6100, 100):
        clock.set(at(second))
        await planner.run_once()
    fires = await house.fires()
    assert len({fire.due_at for fire in fires}) == len(fires)
    new = [fire.due_at for fire in fires if fire not in before]
    assert new == [at(second) for second in (3600, 4800, 5400, 6000)]


async def test_a_clock_that_was_set_back_while_the_server_was_down_is_noticed_too(
    house, planner, clock
):
    await house.add(trigger=every(10, start=clock.now()), now=clock.now())
    await planner.run_once()
    clock.set(at(0))
    reborn = Planner(house.store, clock, lambda moment: None, Hand())
    assert await reborn.run_once() == at(9.501)


async def test_a_delay_after_each_run_counts_from_now_on_too(works):
    works.clock.set(at(3600))
    await works.add(trigger=after_runs(10, first=at(3600)))
    await works.turn()
    await works.turn(10)
    works.clock.set(at(0))
    for _ in range(4):
        await works.turn(10)
    assert works.dues == ["13:00:00", "13:00:10", "12:00:20", "12:00:30", "12:00:40"]


async def test_what_is_still_to_come_for_the_first_time_keeps_its_time(house, planner, clock):
    await house.add("often", every(10, start=clock.now()), now=clock.now())
    await house.add("later", once(at(7200)), now=clock.now())
    await house.add("daily", every(86_400, start=at(3600)), now=clock.now())
    await planner.run_once()
    clock.set(at(0))
    await planner.run_once()
    assert (await house.find("later")).task.next_fire_at == at(7200)
    assert (await house.find("daily")).task.next_fire_at == at(3600, days=1)


async def test_a_loop_that_waits_looks_again_when_the_clock_is_set_back():
    clock, passes = ManualClock(), []

    async def run_once():
        passes.append(clock.now())
        return clock.now() + (at(3600) - NOON)

    loop = Loop("any", run_once, clock)
    loop.start()
    await until(lambda: clock.alarms)
    clock.set(at(-3600))
    await until(lambda: len(passes) == 2)
    await loop.stop()
    assert passes == [NOON, at(-3600)]


async def test_a_sleep_ends_early_when_the_clock_is_set_back_and_also_when_it_just_was(
    monkeypatch,
):
    back = 0
    monkeypatch.setattr(
        "dispatchserver.clock.time",
        SimpleNamespace(
            time_ns=lambda: time.time_ns() - back,
            monotonic=time.monotonic,
            monotonic_ns=time.monotonic_ns,
        ),
    )
    monkeypatch.setattr("dispatchserver.clock.LONGEST_NAP", at(0.01) - NOON)
    clock = SystemClock()
    sleeping = asyncio.ensure_future(clock.sleep_until(clock.now() + (at(3600) - NOON)))
    await asyncio.sleep(0.05)
    assert not sleeping.done()
    back = 5 * 10**9
    async with asyncio.timeout(5):
        await sleeping
        await clock.sleep_until(clock.now() + (at(3600) - NOON))
