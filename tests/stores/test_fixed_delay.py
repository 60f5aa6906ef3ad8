"""A task of a fixed delay waits for its fire, and goes on from its end, in every kind of store."""

from datetime import timedelta
from functools import partial

import pytest

from dispatchserver.domain.fire import Decision, Reason, Verdict
from dispatchserver.domain.judging import after_loss
from dispatchserver.domain.misfirepolicy import SkipMissed
from dispatchserver.domain.reporting import Note, Report, accept_report
from dispatchserver.domain.task import Policies, TaskState
from tests.builders import an_attempt, at
from tests.houses import NODE
from tests.shapes import after_runs

DAY = timedelta(days=1)


async def state_of(house, name="task"):
    task = (await house.find(name)).task
    return task.state, task.next_fire_at


async def waiting(house, **more):
    """The first fire of a new task, claimed; the task waits for it."""
    fire = await house.claimed(trigger=after_runs(600, **more))
    assert await state_of(house) == (TaskState.ACTIVE, None)
    return fire


async def settle(house, fire, decision=Decision.SUCCESS, *, now, **verdict):
    return await house.store.settle(fire, an_attempt(fire, decision, now=now, **verdict))


@pytest.mark.parametrize("decision", [Decision.SUCCESS, Decision.FAILURE])
async def test_the_end_of_its_fire_writes_its_next_occasion(house, decision):
    fire = await waiting(house)
    await settle(house, fire, decision, now=at(42))
    assert await state_of(house) == (TaskState.ACTIVE, at(642))
    assert await house.store.next_occasion() == at(642)


async def test_fire_after_fire_none_is_lost_or_made_twice(house):
    fire, now = await waiting(house), 0
    for _ in range(3):
        now += 5
        await settle(house, fire, now=at(now))
        now += 600
        assert await house.plan(at(now)) == 1
        assert await house.plan(at(now)) == 0
        (fire,) = await house.claim(at(now))
    assert [due for due, _, _ in await house.told()] == [0, 605, 1210, 1815]


async def test_a_retry_or_a_wait_for_a_report_is_no_end(house):
    fire = await waiting(house)
    await settle(house, fire, Decision.RETRY, now=at(1), at=at(5))
    assert await state_of(house) == (TaskState.ACTIVE, None)
    (again,) = await house.claim(at(5))
    await settle(house, again, Decision.WAIT, now=at(6), at=at(3600))
    assert await state_of(house) == (TaskState.ACTIVE, None)


async def test_a_report_ends_it(house):
    fire = await waiting(house)
    await settle(house, fire, Decision.WAIT, now=at(1), at=at(3600))
    decide = partial(
        accept_report, report=Report(fire_id=fire.id, success=True, result=None), now=fire.due_at
    )
    await house.store.report(fire.id, decide, Note(at=at(100), who="alice", door="test"))
    assert await state_of(house) == (TaskState.ACTIVE, at(700))


async def test_a_report_that_never_comes_ends_it(house):
    fire = await waiting(house)
    await settle(house, fire, Decision.WAIT, now=at(1), at=at(3600))
    await house.store.expire(at(3600), 10)
    assert await state_of(house) == (TaskState.ACTIVE, at(4200))


async def test_a_fire_that_nobody_took_for_a_day_ends_too(house):
    await house.add(trigger=after_runs(600))
    await house.plan()
    await house.store.expire(at() + DAY, 10)
    assert (await house.told())[0][1] == "skipped"
    assert await state_of(house) == (TaskState.ACTIVE, at(600) + DAY)


async def test_one_that_is_lost_for_good_ends_and_one_that_is_tried_again_does_not(house):
    await waiting(house)
    await house.store.recover("node-b", at(10), partial(after_loss, now=at(10)))
    assert await state_of(house) == (TaskState.ACTIVE, None)
    await house.claim(at(10), node=NODE)
    lost = Verdict(decision=Decision.FAILURE, reason=Reason.LOST)
    await house.store.recover("node-b", at(20), lambda fire: lost)
    assert await state_of(house) == (TaskState.ACTIVE, at(620))


async def test_a_fire_triggered_by_hand_changes_nothing(house):
    await house.add(trigger=after_runs(600, first=at(3600)))
    await house.trigger_now()
    (fire,) = await house.claim()
    await settle(house, fire, now=at(5))
    assert await state_of(house) == (TaskState.ACTIVE, at(3600))


async def test_a_fire_triggered_while_the_task_waits_is_not_the_one_it_waits_for(house):
    fire = await waiting(house)
    await house.trigger_now(now=at(1))
    (manual,) = await house.claim(at(1))
    await settle(house, manual, now=at(2))
    assert await state_of(house) == (TaskState.ACTIVE, None)
    await settle(house, fire, now=at(3))
    assert await state_of(house) == (TaskState.ACTIVE, at(603))


async def test_past_its_end_the_task_is_finished(house):
    fire = await waiting(house, end=at(610))
    await settle(house, fire, now=at(10.001))
    assert await state_of(house) == (TaskState.FINISHED, None)
    await house.pause(now=at(11))
    await house.resume(now=at(12))
    assert await state_of(house) == (TaskState.FINISHED, None)


async def test_past_its_end_it_is_finished_though_it_was_paused_meanwhile(house):
    fire = await waiting(house, end=at(30))
    await house.pause(now=at(1))
    await settle(house, fire, now=at(2))
    await house.resume(now=at(3))
    assert await state_of(house) == (TaskState.FINISHED, None)


async def test_the_end_counts(house):
    fire = await waiting(house, end=at(610))
    await settle(house, fire, now=at(10))
    assert await state_of(house) == (TaskState.ACTIVE, at(610))


async def test_a_clock_set_back_makes_no_occasion_twice_and_no_task_wait_for_ever(house):
    fire = await waiting(house)
    await settle(house, fire, now=at(-600))
    assert await state_of(house) == (TaskState.ACTIVE, at(0))
    await house.plan(at(0))
    assert await state_of(house) == (TaskState.ACTIVE, at(0.001))
    await house.plan(at(0))
    (again,) = await house.claim(at(1))
    assert again.due_at == at(0.001)
    assert await state_of(house) == (TaskState.ACTIVE, None)


async def test_a_fire_of_an_older_version_leaves_the_new_one_alone(house):
    fire = await waiting(house)
    await house.add(trigger=after_runs(5, first=at(60)), overwrite=True, now=at(1))
    await settle(house, fire, now=at(2))
    assert await state_of(house) == (TaskState.ACTIVE, at(60))
    await house.plan(at(60))
    await house.add(trigger=after_runs(5, first=at(90)), overwrite=True, now=at(60))
    assert await state_of(house) == (TaskState.ACTIVE, at(90))


async def test_a_deleted_task_does_not_come_back(house):
    fire = await waiting(house)
    await house.delete(now=at(1))
    await settle(house, fire, now=at(2))
    assert await house.find() is None


async def test_paused_while_its_fire_runs_it_keeps_its_place(house):
    fire = await waiting(house)
    await house.pause(now=at(1))
    await settle(house, fire, now=at(2))
    assert await state_of(house) == (TaskState.PAUSED, at(602))
    await house.resume(now=at(3))
    assert await state_of(house) == (TaskState.ACTIVE, at(602))


async def test_resumed_before_its_fire_ends_it_waits_on(house):
    fire = await waiting(house)
    await house.pause(now=at(1))
    await house.resume(now=at(2))
    assert await state_of(house) == (TaskState.ACTIVE, None)
    await settle(house, fire, now=at(3))
    assert await state_of(house) == (TaskState.ACTIVE, at(603))


async def test_an_occasion_that_a_pause_swallowed_is_due_at_the_resume(house):
    await house.add(trigger=after_runs(600))
    await house.pause()
    await house.resume(now=at(5000))
    assert await state_of(house) == (TaskState.ACTIVE, at(5000))
    await house.plan(at(5000))
    assert await house.told() == [(5000, "pending", None)]


async def test_a_fire_planned_ahead_is_held_by_a_pause_and_not_taken_back(house):
    await house.add(trigger=after_runs(600, first=at(0.8)))
    await house.plan()
    await house.pause(now=at(0.1))
    assert await house.claim(at(5)) == []
    await house.resume(now=at(6))
    (fire,) = await house.claim(at(6))
    await settle(house, fire, now=at(7))
    assert await state_of(house) == (TaskState.ACTIVE, at(607))


async def test_a_pause_longer_than_the_end_finishes_the_task(house):
    await house.add(trigger=after_runs(600, end=at(60)))
    await house.pause()
    await house.resume(now=at(61))
    assert await state_of(house) == (TaskState.FINISHED, None)
    assert await house.told() == [(0, "skipped", "paused")]


async def test_missed_it_fires_once_and_late_whatever_its_policy(house):
    await house.add(trigger=after_runs(600), policies=Policies(misfire=SkipMissed()))
    await house.plan(at(86_400))
    assert await house.told() == [(0, "pending", None)]
    (fire,) = await house.claim(at(86_400))
    await settle(house, fire, now=at(86_401))
    assert await state_of(house) == (TaskState.ACTIVE, at(87_001))


async def test_other_finished_and_paused_tasks_are_left_as_they_are(house):
    fire = await house.claimed()
    await house.pause(now=at(1))
    before = await state_of(house)
    await settle(house, fire, now=at(2))
    assert await state_of(house) == before
