"""A task that is put again while the engine works: what was not changed goes on as if nobody had asked."""

from dataclasses import replace
from datetime import timedelta

import pytest

from dispatchserver.domain.calendar import Shift
from dispatchserver.domain.calendarspec import CalendarKey, CalendarSpec
from dispatchserver.domain.changing import Addition
from dispatchserver.domain.task import Policies, TaskState
from dispatchserver.domain.triggers import upcoming
from tests.builders import ALICE, NOON, a_key, at, cron, every, once
from tests.shapes import a_window, after_runs, union

CN = CalendarKey(namespace="default", name="CN")
UNION = union(every(60, count=3), a_window(minutes=2), cron("30 * * * * ?"))
SHAPES = {
    "once": once(at(30)),
    "counted": every(60, count=3),
    "cron": cron("30 * * * * ?"),
    "union": UNION,
}


async def put_again(works, **changed):
    """Puts the task as it stands, changed so."""
    task = (await works.tasks.find(a_key())).task
    spec = replace(task.spec, **changed)
    paused = task.state is TaskState.PAUSED
    addition = Addition(
        key=a_key(), spec=spec, at=works.clock.now(), overwrite=True, keep=True, paused=paused
    )
    return (await works.tasks.put(addition, ALICE)).after


def clocks(fires):
    return [f"{fire:%H:%M:%S}" for fire in fires]


async def five_minutes(works, note):
    """Puts the task again every ten seconds, with what `note` says; the receiver's due times."""
    for second in range(0, 300, 10):
        await works.turn()
        await put_again(works, note=note(second))
        await works.turn(10)
    return works.dues


@pytest.mark.parametrize("note", [lambda _: "", str], ids=["unchanged", "edited"])
@pytest.mark.parametrize("shape", SHAPES)
async def test_an_unchanged_trigger_fires_as_ever_each_occasion_once(works, shape, note):
    await works.add(trigger=SHAPES[shape])
    fires = upcoming(SHAPES[shape], NOON - timedelta(seconds=1), 99)
    expected = clocks(fire for fire in fires if fire <= at(300))
    assert await five_minutes(works, note) == expected


@pytest.mark.parametrize("note", [lambda _: "", str], ids=["unchanged", "edited"])
async def test_a_fixed_delay_keeps_its_pause(works, note):
    await works.add(trigger=after_runs(90))
    assert await five_minutes(works, note) == ["12:00:00", "12:01:30", "12:03:00", "12:04:30"]


async def test_a_backlog_is_still_delivered_when_the_task_is_put_again_unchanged(works, house):
    await works.add(trigger=once())
    await works.engine.planner.run_once()
    await put_again(works)
    assert await house.told() == [(0, "pending", None)]
    await works.turn()
    assert works.dues == ["12:00:00"]


async def test_a_paused_task_stays_paused_and_keeps_what_is_held_back(works, house):
    await works.add(trigger=every(60))
    await works.tasks.pause(a_key(), ALICE)
    works.clock.advance(150)
    assert (await put_again(works)).next_fire_at == NOON
    await works.tasks.resume(a_key(), ALICE)
    await works.turn(30)
    assert works.dues == ["12:03:00"]
    assert await house.told() == [(120, "skipped", "paused"), (180, "succeeded", None)]


async def test_under_a_calendar_a_moved_occasion_is_kept(works):
    """Thursday is excluded, and its occasion made up on Friday; the task is put again on Thursday at noon."""
    spec = CalendarSpec(weekdays=(4,))
    await works.house.calendars.put(CN, lambda _: spec, ALICE, works.clock.now())
    thursdays = union(cron("0 0 9 ? * THU"), cron("0 0 10 ? * MON"))
    await works.add(trigger=thursdays, policies=Policies(calendar="CN", shift=Shift.NEXT))
    await works.turns(24, 3600)
    await put_again(works)
    await works.turns(5 * 24, 3600)
    assert works.dues == ["09:00:00", "10:00:00"]
