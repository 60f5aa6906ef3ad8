"""Quartz's misfire instructions on a running engine: what is fired, what is kept, and what survives a restart."""

from datetime import timedelta

import pytest

from dispatchserver.domain.fire import Delivery, MissedRun, Reason
from dispatchserver.domain.misfirepolicy import Instruction, QuartzMisfire
from dispatchserver.domain.planning import FIRES_PER_PLAN, PENDING_LIFETIME, plan
from dispatchserver.domain.task import Policies, Restart, TaskState
from tests.builders import ALICE, NOON, a_key, an_outcome, at, cron, every

HOUR = 3600
MINUTELY = cron("0 * * * * ?")
REFUSED = an_outcome(status=None, delivery=Delivery.NOT_SENT, reason=Reason.CONNECT)


def quartz(instruction, **more):
    return Policies(misfire=QuartzMisfire(Instruction[instruction]), **more)


async def add(works, trigger, instruction="SMART_POLICY", **more):
    return await works.add(trigger=trigger, policies=quartz(instruction), **more)


async def task(works):
    return (await works.house.find()).task


async def test_a_counted_task_begins_anew_with_what_is_left_however_often_the_server_stops(works):
    added = await add(works, every(20, count=5))
    await works.turns(2, 20)
    for _ in range(2):
        works.hire(4)
        await works.turn(HOUR + 7.5)
    await works.turns(5, 20)
    assert works.dues == ["12:00:00", "12:00:20", "12:00:40", "13:00:47.500", "14:00:55"]
    assert (await task(works)).state is TaskState.FINISHED
    assert (await task(works)).revision == added.revision
    assert (await task(works)).spec == added.spec


async def test_a_plan_of_a_restart_that_comes_twice_is_written_once(works):
    await add(works, every(20, count=5))
    works.clock.advance(HOUR)
    stale = await task(works)
    late = works.clock.now()
    for now in (late, late + timedelta(seconds=5)):
        await works.store.record_plans([plan(stale, now, now)])
    assert [fire.due_at for fire in await works.house.fires()] == [late]
    assert (await task(works)).restart == Restart(at=late, count=5)
    assert (await task(works)).next_fire_at == late + timedelta(seconds=20)


async def test_the_fire_of_a_misfire_stands_for_all_that_was_missed(works):
    await add(works, MINUTELY, "FIRE_ONCE_NOW")
    await works.turn(HOUR + 30)
    (fire,) = await works.house.fires()
    assert (fire.due_at, fire.state) == (at(HOUR + 30), "succeeded")
    assert fire.missed == MissedRun(first=NOON, last=at(HOUR), count=61)
    assert (await task(works)).next_fire_at == at(HOUR + 60)


@pytest.mark.parametrize(
    ("trigger", "instruction"),
    [(MINUTELY, "DO_NOTHING"), (every(60), "NEXT_WITH_REMAINING"), (every(60), "SMART_POLICY")],
)
async def test_what_is_left_out_has_its_row(works, trigger, instruction):
    await add(works, trigger, instruction)
    await works.turn(HOUR + 30)
    (row,) = await works.house.fires()
    assert (row.state, row.reason) == ("skipped", Reason.MISFIRE)
    assert row.missed == MissedRun(first=NOON, last=at(HOUR), count=61)
    await works.turn(30)
    assert works.dues == ["13:01:00"]


async def test_late_by_less_than_the_grace_each_is_fired(works):
    await add(works, every(20), "NEXT_WITH_EXISTING")
    await works.turn(59.999)
    assert works.dues == ["12:00:00", "12:00:20", "12:00:40"]


async def test_ignore_fires_every_missed_one_in_turn_a_bounded_number_a_pass(works):
    await add(works, every(60), "IGNORE")
    works.clock.advance(2 * 24 * HOUR)
    await works.engine.planner.run_once()
    rows = await works.house.fires()
    assert [fire.due_at for fire in rows] == [at(60 * n) for n in range(FIRES_PER_PLAN)]
    assert {fire.deadline_at for fire in rows} == {works.clock.now() + PENDING_LIFETIME}
    await works.turn()
    assert works.dues[:3] == ["12:00:00", "12:01:00", "12:02:00"]
    assert len(await works.house.fires()) == 2 * FIRES_PER_PLAN


@pytest.mark.parametrize(
    ("instruction", "dues"),
    [
        ("FIRE_ONCE_NOW", ["12:00:00", "13:00:30", "13:01:00"]),
        ("DO_NOTHING", ["12:00:00", "13:01:00"]),
    ],
)
async def test_a_resumed_task_settles_what_was_held_back_by_its_instruction(
    works, instruction, dues
):
    await add(works, MINUTELY, instruction)
    await works.turn()
    await works.tasks.pause(a_key(), ALICE)
    await works.turn(HOUR + 30)
    await works.tasks.resume(a_key(), ALICE)
    await works.turn()
    await works.turn(30)
    assert works.dues == dues
    assert Reason.PAUSED not in {fire.reason for fire in await works.house.fires()}


async def test_what_a_short_pause_held_back_is_fired_late(works):
    await add(works, every(20), "NEXT_WITH_REMAINING")
    await works.turn()
    await works.tasks.pause(a_key(), ALICE)
    await works.turn(50)
    await works.tasks.resume(a_key(), ALICE)
    await works.turn()
    assert works.dues == ["12:00:00", "12:00:20", "12:00:40"]


async def test_a_pause_keeps_a_restart_and_a_replacement_forgets_it(works):
    await add(works, every(20, count=9), "NOW_WITH_EXISTING")
    await works.turn(HOUR + 7.5)
    restart = Restart(at=at(HOUR + 7.5), count=9)
    assert (await task(works)).restart == restart
    await works.tasks.pause(a_key(), ALICE)
    await works.tasks.resume(a_key(), ALICE)
    assert (await task(works)).restart == restart
    assert (await task(works)).next_fire_at == at(HOUR + 27.5)
    await works.add(trigger=every(20, count=9), overwrite=True)
    assert (await task(works)).restart is None


async def test_a_retry_goes_on_over_a_restart(works):
    """A new version would have ended it: its fire would be one of a replaced task."""
    works.receiver.says = [REFUSED]
    await add(works, every(20, count=3))
    await works.turn()
    await works.turn(HOUR)
    assert works.dues == ["12:00:00", "12:00:00", "13:00:00"]
    assert {fire.state for fire in await works.house.fires()} == {"succeeded"}


async def test_a_simple_trigger_over_its_end_is_finished(works):
    await add(works, every(20, count=9, end=at(HOUR)), "NOW_WITH_EXISTING")
    await works.turn(HOUR + 1)
    assert (await task(works)).state is TaskState.FINISHED
    assert await works.house.told() == [(160, "skipped", "misfire")]
