"""The planner's pass: what it plans, when it looks again, and what it survives."""

from datetime import timedelta

import pytest

from dispatchserver.domain.errors import StoreUnavailable
from dispatchserver.engine import planner as planning
from dispatchserver.engine.hand import Hand
from dispatchserver.engine.planner import Planner
from tests.builders import NOON, at, every, once


@pytest.fixture
def wakes():
    return []


@pytest.fixture
def planner(house, clock, wakes):
    return Planner(house.store, clock, lambda moment: wakes.append("dispatcher"), Hand())


async def test_it_plans_a_second_ahead_and_looks_again_half_a_second_before_the_next(
    house, planner, wakes
):
    await house.add(trigger=every(0.4))
    assert await planner.run_once() == at(1.2) - timedelta(seconds=0.5)
    assert [due for due, _, _ in await house.told()] == [0, 0.4, 0.8]
    assert wakes == ["dispatcher"]


async def test_it_leaves_the_dispatcher_alone_when_it_planned_nothing(house, planner, wakes):
    await house.add(trigger=once(at(60)))
    assert await planner.run_once() == at(59.5)
    assert wakes == []


async def test_without_tasks_it_waits_to_be_woken(planner):
    assert await planner.run_once() is None


async def test_with_nothing_but_finished_and_paused_tasks_it_waits_to_be_woken(house, planner):
    await house.add("finished", once())
    await house.add("paused", every(60))
    await house.pause("paused")
    await planner.run_once()
    assert await planner.run_once() is None


async def test_a_full_pass_is_followed_by_another_at_once(house, planner, monkeypatch):
    monkeypatch.setattr(planning, "TASKS_PER_PASS", 3)
    for n in range(5):
        await house.add(str(n), once(at(n / 10)))
    assert await planner.run_once() == NOON
    assert len(await house.fires()) == 3
    assert await planner.run_once() is None
    assert len(await house.fires()) == 5


async def test_a_task_that_cannot_be_planned_does_not_keep_the_others_from_firing(
    house, planner, monkeypatch, caplog
):
    for name in ("a", "poison", "z"):
        await house.add(name, once())
    original = planning.plan

    def plan(task, now, horizon):
        if task.key.name == "poison":
            raise OverflowError
        return original(task, now, horizon)

    monkeypatch.setattr(planning, "plan", plan)
    assert await planner.run_once() == at(1)
    assert sorted(fire.key.name for fire in await house.fires()) == ["a", "z"]
    assert "planner.task_failed" in caplog.text


async def test_a_backlog_within_the_grace_is_caught_up_pass_by_pass(house, planner, clock):
    await house.add(trigger=every(0.1))
    clock.advance(59)
    while (look_again := await planner.run_once()) <= clock.now():
        pass
    assert len(await house.fires(limit=500)) == 500
    assert look_again == at(60 - 0.5)


async def test_two_planners_make_no_occasion_twice(house, planner, clock):
    await house.add(trigger=every(0.3))
    other = Planner(house.store, clock, lambda: None, Hand())
    for _ in range(5):
        clock.advance(0.7)
        await planner.run_once()
        await other.run_once()
    dues = [due for due, _, _ in await house.told()]
    assert dues == [(3 * n) / 10 for n in range(16)]


async def test_what_the_store_refuses_is_told_to_the_loop(house, planner, wakes, monkeypatch):
    async def refuse(plans, in_hand):
        raise StoreUnavailable("full")

    await house.add(trigger=once())
    monkeypatch.setattr(house.store, "record_plans", refuse)
    with pytest.raises(StoreUnavailable):
        await planner.run_once()
    assert wakes == []


async def test_a_pass_that_takes_long_writes_what_it_has_and_is_followed_by_another(
    house, planner, clock, monkeypatch
):
    original = planning.plan

    def plan(task, now, horizon):
        clock.advance(0.03)
        return original(task, now, horizon)

    monkeypatch.setattr(planning, "plan", plan)
    for n in range(5):
        await house.add(str(n), once())
    assert await planner.run_once() == NOON
    assert len(await house.fires()) == 2
    while await planner.run_once() is not None:
        pass
    assert len(await house.fires()) == 5
