"""Tasks under a calendar: what it takes away leaves a row, and a change of it takes effect at once."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from dispatchserver.domain.calendar import DateRange, Shift
from dispatchserver.domain.calendarspec import Absence, CalendarKey, CalendarSpec
from dispatchserver.domain.concurrency import Overlap, OverlapRule
from dispatchserver.domain.errors import CalendarChanged, CalendarInUse, CalendarNotFound, Invalid
from dispatchserver.domain.fire import Delivery, Reason
from dispatchserver.domain.fixeddelay import FixedDelayTrigger
from dispatchserver.domain.misfirepolicy import FireAll
from dispatchserver.domain.planning import plan
from dispatchserver.domain.task import Policies, TaskState
from dispatchserver.engine.calendars import CalendarCases
from dispatchserver.holidaysource import HolidaysPackage
from tests.builders import ALICE, an_outcome, cron, every
from tests.clocks import ManualClock

CN = CalendarKey(namespace="default", name="CN")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOON = datetime(2026, 9, 30, 12, tzinfo=UTC)  # a Wednesday
DAILY = cron("0 0 9 * * ?")


def october(first, last):
    return Absence(DateRange(date(2026, 10, first), date(2026, 10, last)))


HOLIDAY = CalendarSpec(weekdays=(6, 7), excluded=(october(1, 7),), working=(date(2026, 10, 11),))


@pytest.fixture
def clock():
    return ManualClock(NOON)


@pytest.fixture
def calendars(works):
    return cases(works, works.engine.plan_by)


def cases(works, plan_by):
    return CalendarCases(
        works.house.calendars,
        HolidaysPackage(),
        works.clock,
        ZoneInfo("UTC"),
        replace(works.engine.wakes, plan_by=plan_by),
    )


@pytest.fixture
async def holiday(calendars):
    return await calendars.put(CN, HOLIDAY, ALICE)


async def add(works, trigger=DAILY, shift=Shift.SKIP, **more):
    return await works.add(trigger=trigger, policies=Policies(calendar="CN", shift=shift), **more)


async def days(works, count, hours=24):
    """Hour by hour through so many days."""
    await works.turns(count * 24 // hours, hours * 3600)


async def told(works):
    """Each row as day and hour, state, and the last day of its range."""
    return [
        f"{fire.due_at:%d-%H} {fire.state}"
        + (f" to {fire.missed.last:%d-%H} ×{fire.missed.count}" if fire.missed else "")
        for fire in await works.house.fires()
    ]


async def test_a_daily_task_skips_a_holiday_with_one_row_and_runs_on_the_made_up_sunday(
    works, holiday
):
    await add(works)
    await days(works, 13, hours=1)
    assert await told(works) == [
        "01-09 skipped to 07-09 ×7",
        "08-09 succeeded",
        "09-09 succeeded",
        "10-09 skipped to 10-09 ×1",
        "11-09 succeeded",
        "12-09 succeeded",
        "13-09 succeeded",
    ]
    (row, *_) = await works.house.fires()
    assert row.reason == "calendar"


async def test_what_falls_on_a_holiday_moves_to_the_next_working_day_where_asked(works, holiday):
    await add(works, cron("0 30 9 3 * ?"), Shift.NEXT)
    await days(works, 9, hours=1)
    assert await told(works) == ["03-09 skipped to 03-09 ×1", "08-09 succeeded"]
    assert works.dues == ["09:30:00"]


async def test_a_day_that_becomes_a_holiday_does_not_fire(works, calendars):
    await calendars.put(CN, CalendarSpec(weekdays=(7,)), ALICE)
    task = await add(works)
    assert task.next_fire_at == NOON + 21 * HOUR
    await calendars.put(CN, HOLIDAY, ALICE)
    await days(works, 3, hours=1)
    assert await told(works) == ["01-09 skipped to 07-09 ×7"]


async def test_a_fire_planned_ahead_is_taken_back_when_its_day_becomes_a_holiday(works, calendars):
    await calendars.put(CN, CalendarSpec(weekdays=(7,)), ALICE)
    await add(works)
    works.clock.advance(21 * 3600 - 0.5)
    await works.engine.planner.run_once()
    assert await told(works) == ["01-09 pending"]
    await calendars.put(CN, HOLIDAY, ALICE)
    assert await told(works) == []
    await works.turn(1)
    assert await told(works) == ["01-09 skipped to 07-09 ×7"]


async def test_a_holiday_that_is_cut_short_is_worked_and_its_row_ends_now(
    works, calendars, holiday
):
    await add(works)
    await days(works, 3, hours=1)
    await calendars.put(CN, CalendarSpec(excluded=(october(1, 3),)), ALICE)
    await days(works, 2, hours=1)
    assert await told(works) == [
        "01-09 skipped to 03-12 ×None",
        "04-09 succeeded",
        "05-09 succeeded",
    ]


async def test_a_finished_task_lives_again_when_its_last_fire_is_taken_back(works, calendars):
    await calendars.put(CN, CalendarSpec(weekdays=(7,)), ALICE)
    await add(works, every(60, start=NOON + HOUR, count=1))
    works.clock.advance(3600 - 0.5)
    await works.engine.planner.run_once()
    assert (await works.house.find()).task.state is TaskState.FINISHED
    await calendars.put(CN, CalendarSpec(weekdays=(6, 7)), ALICE)
    await works.turn(1)
    assert await told(works) == ["30-13 succeeded"]


async def test_a_plan_made_by_the_old_calendar_writes_nothing(works, calendars):
    await calendars.put(CN, CalendarSpec(weekdays=(7,)), ALICE)
    task = await add(works)
    nine = NOON + 21 * HOUR
    stale = plan(task, nine, nine)
    await calendars.put(CN, HOLIDAY, ALICE)
    assert (await works.house.find()).task.next_fire_at == nine
    assert await works.store.record_plans([stale]) == 0
    assert await works.house.fires() == []


async def test_a_change_wakes_the_planner_by_the_first_of_its_tasks(works, calendars):
    await calendars.put(CN, CalendarSpec(weekdays=(7,)), ALICE)
    await add(works)
    woken = []
    await cases(works, woken.append).put(CN, HOLIDAY, ALICE)
    assert woken == [NOON + 21 * HOUR]


async def test_a_paused_task_stays_paused_under_a_changed_calendar(works, calendars, holiday):
    task = await add(works)
    await works.tasks.pause(task.key, ALICE)
    await days(works, 2, hours=1)
    await calendars.put(CN, CalendarSpec(weekdays=(7,)), ALICE)
    standing = (await works.house.find()).task
    assert (standing.state, standing.next_fire_at) == (TaskState.PAUSED, NOON + 21 * HOUR)
    await works.tasks.resume(task.key, ALICE)
    await days(works, 1, hours=1)
    assert await told(works) == ["02-09 skipped to 02-09 ×None", "03-09 succeeded"]


async def test_after_an_outage_the_newest_working_occasion_fires_and_exclusions_are_one_row(
    works, holiday
):
    await add(works)
    await works.turn(13 * 24 * 3600)
    assert await told(works) == [
        "01-09 skipped to 10-09 ×8",
        "13-09 succeeded to 12-09 ×4",
    ]


async def test_an_outage_within_a_holiday_fires_nothing(works, holiday):
    await add(works)
    await works.turn(3 * 24 * 3600)
    assert await told(works) == ["01-09 skipped to 07-09 ×7"]
    assert works.receiver.orders == []
    await days(works, 5, hours=1)
    assert (await told(works))[1:] == ["08-09 succeeded"]


async def test_a_year_of_missed_seconds_under_a_calendar_is_settled_quickly(works, holiday):
    await add(works, every(1, start=NOON))
    began = asyncio.get_running_loop().time()
    await works.turn(366 * 24 * 3600)
    assert asyncio.get_running_loop().time() - began < 2
    assert (await told(works))[:2] == [
        "01-00 skipped to 26-23 ×None",
        "01-12 succeeded to 01-11 ×None",
    ]


async def test_a_task_is_not_attached_to_a_calendar_that_is_not_there(works, holiday):
    with pytest.raises(CalendarNotFound) as caught:
        await works.add(policies=Policies(calendar="CM"))
    assert caught.value.params["nearest"] == "CN"
    assert await works.house.find() is None


async def test_a_task_is_not_attached_to_a_calendar_changed_meanwhile(works, calendars, holiday):
    find = works.house.calendars.find

    async def find_and_be_late(key):
        found = await find(key)
        await calendars.put(CN, CalendarSpec(weekdays=(7,)), ALICE)
        return found

    works.house.calendars.find = find_and_be_late
    with pytest.raises(CalendarChanged):
        await add(works)
    assert await works.house.find() is None


async def test_a_task_that_would_never_fire_under_its_calendar_is_refused(works, holiday):
    with pytest.raises(Invalid, match="leaves_nothing"):
        await add(works, cron("0 0 9 ? * SAT"))


async def test_a_calendar_in_use_is_kept_until_its_last_task_is_gone(works, calendars, holiday):
    task = await add(works)
    with pytest.raises(CalendarInUse):
        await calendars.delete(CN, ALICE)
    await works.tasks.delete(task.key, ALICE)
    await calendars.delete(CN, ALICE)


async def test_a_calendar_that_excludes_everything_changes_nothing(works, calendars, holiday):
    with pytest.raises(Invalid, match="excludes_all"):
        await calendars.put(CN, CalendarSpec(weekdays=(1, 2, 3, 4, 5, 6, 7)), ALICE)
    assert await calendars.find(CN) == holiday


async def test_missed_working_occasions_are_settled_by_the_tasks_own_policy(works, holiday):
    policies = Policies(calendar="CN", misfire=FireAll(limit=2, spacing=HOUR))
    await works.add(trigger=DAILY, policies=policies)
    await works.turn(13 * 24 * 3600)
    assert await told(works) == [
        "01-09 skipped to 10-09 ×8",
        "11-09 skipped to 11-09 ×3",
        "12-09 succeeded",
        "13-09 pending",
    ]
    assert [str(fire.reason) for fire in await works.house.fires()][:2] == ["calendar", "misfire"]


async def test_a_fixed_delay_has_no_calendar(works, holiday):
    with pytest.raises(Invalid, match="fixed_delay"):
        await add(works, FixedDelayTrigger(first=NOON, delay=HOUR, zone=ZoneInfo("UTC")))


async def test_a_changed_calendar_takes_its_turn_from_nothing_that_is_under_way(
    works, calendars, holiday
):
    """A fire that was refused waits to be repeated, and the next one waits for it."""
    works.receiver.says = [an_outcome(status=None, delivery=Delivery.NOT_SENT, reason=Reason.DNS)]
    one_by_one = Overlap(rule=OverlapRule.QUEUE_ALL)
    policies = Policies(calendar="CN", overlap=one_by_one)
    await works.add(trigger=every(1, start=NOON, count=2), policies=policies)
    await works.turn()
    await works.turn(1)
    await calendars.put(CN, CalendarSpec(excluded=(october(2, 3),)), ALICE)
    await works.turn()
    assert len(works.dues) == 1
    await works.turns(2, 10)
    assert works.dues == ["12:00:00", "12:00:00", "12:00:01"]
