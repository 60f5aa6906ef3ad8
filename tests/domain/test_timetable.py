"""When a task's turns come, with a calendar and without: what is next, and what an outage left out."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatchserver.domain.calendar import Calendar, DateRange, Edition, Shift, make_calendar
from dispatchserver.domain.calendartrigger import CalendarTrigger
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.fire import MissedRun, Reason
from dispatchserver.domain.fixeddelay import FixedDelayTrigger
from dispatchserver.domain.moments import MILLISECOND
from dispatchserver.domain.task import Policies, Task
from dispatchserver.domain.timetable import (
    excluded_fire,
    excluded_run,
    first_turn,
    missed_run,
    next_fire,
    next_turn,
    timetable,
)
from dispatchserver.domain.triggers import upcoming
from tests.builders import a_task, cron, every, once

SHANGHAI = ZoneInfo("Asia/Shanghai")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
HOLIDAY = DateRange(date(2026, 10, 1), date(2026, 10, 7))
CN = make_calendar([6, 7], [HOLIDAY], [date(2026, 10, 10)])
DAILY = cron("0 0 9 * * ?", "Asia/Shanghai")


def at(text: str) -> datetime:
    """A clock time of October 2026 in Shanghai: "07 09:00"."""
    return datetime.fromisoformat(f"2026-10-{text}").replace(tzinfo=SHANGHAI).astimezone(UTC)


def shown(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment.astimezone(SHANGHAI):%m-%d %H:%M}"


def run_shown(run: MissedRun | None) -> tuple[str | None, str | None, int | None] | None:
    return None if run is None else (shown(run.first), shown(run.last), run.count)


def under(calendar: Calendar | None, trigger=DAILY, shift: Shift = Shift.SKIP, **more) -> Task:
    policies = Policies(calendar=None if calendar is None else "CN", shift=shift)
    task = a_task(trigger, policies=policies, **more)
    return task if calendar is None else replace(task, edition=Edition("CN", 1, calendar))


def excluded(calendar: Calendar, first: str, now: str, trigger=DAILY) -> MissedRun | None:
    return excluded_run(CalendarTrigger(trigger=trigger, calendar=calendar), at(first), at(now))


def test_without_a_calendar_the_next_turn_is_the_triggers_next_occasion() -> None:
    task = under(None, next_fire_at=at("03 09:00"))
    assert shown(next_turn(task, at("02 10:00"))) == "10-03 09:00"
    assert shown(next_fire(task)) == "10-03 09:00"
    assert timetable(task) is task.spec.trigger


def test_under_a_calendar_an_excluded_occasion_is_a_turn_and_no_fire() -> None:
    task = under(CN, next_fire_at=at("02 09:00"))
    assert shown(next_turn(task, at("01 10:00"))) == "10-02 09:00"
    assert shown(next_fire(task)) == "10-08 09:00"


def test_a_fire_that_moved_is_a_turn_of_its_own() -> None:
    task = under(CN, cron("0 0 9 2 * ?", "Asia/Shanghai"), Shift.NEXT)
    assert shown(next_turn(task, at("01 00:00"))) == "10-02 09:00"
    assert shown(next_turn(task, at("02 09:00"))) == "10-08 09:00"


def test_a_task_whose_fires_are_all_planned_has_no_next_one() -> None:
    for calendar in (None, CN):
        assert next_fire(under(calendar, once(at("08 09:00")), next_fire_at=None)) is None
        assert next_turn(under(calendar, once(at("08 09:00"))), at("08 09:00")) is None


def test_a_turn_at_this_very_moment_is_the_first_one() -> None:
    for calendar in (None, CN):
        assert shown(first_turn(under(calendar), at("08 09:00"))) == "10-08 09:00"
        assert shown(first_turn(under(calendar), at("08 09:00") + MILLISECOND)) == "10-09 09:00"


def test_a_task_that_its_calendar_leaves_no_fire_has_no_first_turn() -> None:
    saturdays = cron("0 0 9 ? * SAT", "Asia/Shanghai")
    with pytest.raises(Invalid, match="leaves_nothing"):
        first_turn(under(make_calendar([6], [], []), saturdays), at("01 00:00"))
    assert shown(first_turn(under(CN, saturdays), at("01 00:00"))) == "10-03 09:00"


def test_a_fixed_delay_has_no_calendar() -> None:
    trigger = FixedDelayTrigger(first=at("08 09:00"), delay=HOUR, zone=SHANGHAI)
    with pytest.raises(Invalid, match="fixed_delay"):
        first_turn(under(CN, trigger), at("01 00:00"))
    assert shown(first_turn(under(None, trigger), at("01 00:00"))) == "10-08 09:00"


def test_the_first_fires_are_those_of_the_working_days() -> None:
    found = upcoming(timetable(under(CN)), at("01 00:00"), 4)
    assert [shown(each) for each in found] == [
        *("10-08 09:00", "10-09 09:00", "10-10 09:00", "10-12 09:00"),
    ]
    assert upcoming(once(at("01 09:00")), at("01 09:00"), 4) == []


def test_what_was_excluded_in_an_outage_is_one_run_over_the_working_days_between() -> None:
    assert run_shown(excluded(CN, "01 09:00", "13 10:00")) == ("10-01 09:00", "10-11 09:00", 8)


def test_what_is_excluded_counts_up_to_the_end_of_its_run() -> None:
    assert run_shown(excluded(CN, "01 09:00", "03 10:00")) == ("10-01 09:00", "10-07 09:00", 7)
    assert run_shown(excluded(CN, "08 09:00", "10 10:00")) is None


def test_without_occasions_on_excluded_days_nothing_is_left_out() -> None:
    weekdays = cron("0 0 9 ? * MON-FRI", "Asia/Shanghai")
    assert excluded(make_calendar([6, 7], [], []), "01 09:00", "31 09:00", weekdays) is None


def test_all_excluded_runs_are_counted_as_one() -> None:
    daily = cron("0 0 9 ? * *", "Asia/Shanghai")
    sundays = CalendarTrigger(trigger=daily, calendar=make_calendar([7], [], []))
    first = at("01 09:00")
    eight, nine = (excluded_run(sundays, first, first + weeks * 7 * DAY) for weeks in (8, 9))
    assert run_shown(eight) == ("10-04 09:00", "11-22 09:00", 8)
    assert run_shown(nine) == ("10-04 09:00", "11-29 09:00", 9)


def test_an_excluded_date_years_after_the_outage_began_is_found() -> None:
    lonely = make_calendar([], [DateRange(date(2029, 5, 1), date(2029, 5, 1))], [])
    run = excluded_run(
        CalendarTrigger(trigger=DAILY, calendar=lonely), at("01 09:00"), at("01 09:00") + 2000 * DAY
    )
    assert run is not None
    assert (run.first.year, run.count, run.last) == (2029, 1, run.first)


def test_what_was_missed_without_a_calendar_is_counted() -> None:
    task = under(None)
    assert run_shown(missed_run(task, at("01 09:00"), at("13 10:00"))) == (
        *("10-01 09:00", "10-13 09:00", 13),
    )


def test_what_was_missed_under_a_calendar_reaches_from_the_first_turn_to_the_last() -> None:
    task = under(CN)
    for until, last in (("13 10:00", "10-13 09:00"), ("11 10:00", "10-11 09:00")):
        run = missed_run(task, at("01 09:00"), at(until))
        assert run_shown(run) == ("10-01 09:00", last, None)
    alone = missed_run(task, at("08 09:00"), at("08 10:00"))
    assert run_shown(alone) == ("10-08 09:00", "10-08 09:00", None)


def test_the_row_of_an_excluded_run_stands_at_its_first_occasion() -> None:
    run = excluded(CN, "01 09:00", "13 10:00")
    assert run is not None
    row = excluded_fire(under(CN), run, now=at("13 10:00"))
    assert (row.due_at, row.run_at, row.finished_at) == (run.first, run.first, at("13 10:00"))
    assert (row.reason, row.missed) == (Reason.CALENDAR, run)
    early = excluded_fire(under(CN), run, now=run.first - HOUR)
    assert early.finished_at == run.first
    assert early.id == row.id


# Wednesday is always worked in the end: to find that nothing ever fires would take long.
DATES = st.dates(date(2026, 9, 20), date(2026, 12, 10))
RANGES = st.lists(st.tuples(DATES, st.integers(0, 9)), max_size=5)
CALENDARS = st.builds(
    lambda weekdays, ranges, working: make_calendar(
        weekdays, [DateRange(day, day + more * DAY) for day, more in ranges], working
    ),
    st.sets(st.sampled_from([1, 2, 6, 7])),
    RANGES,
    st.lists(DATES, max_size=5),
)
TRIGGERS = st.one_of(
    st.builds(lambda hours: every(hours * HOUR, start=at("01 03:30")), st.integers(5, 80)),
    st.builds(
        lambda hour, days: cron(
            f"0 0 {hour} ? * {','.join(map(str, sorted(days)))}", "Asia/Shanghai"
        ),
        st.integers(0, 23),
        st.sets(st.integers(1, 7)).map(lambda days: days | {4}),
    ),
)


def occasions(calendar: CalendarTrigger, first: datetime, until: datetime) -> list[datetime]:
    """Every occasion of the trigger beneath, one by one, that falls on an excluded date."""
    found = []
    named = calendar.trigger.next_after(first - MILLISECOND)
    while named is not None and named <= until:
        if calendar.calendar.is_excluded(named.astimezone(calendar.zone).date()):
            found.append(named)
        named = calendar.trigger.next_after(named)
    return found


@settings(deadline=None)
@given(calendar=CALENDARS, trigger=TRIGGERS, hours=st.integers(0, 60 * 24))
def test_the_excluded_run_is_what_walking_from_occasion_to_occasion_finds(
    calendar: Calendar, trigger, hours: int
) -> None:
    laid = CalendarTrigger(trigger=trigger, calendar=calendar)
    first = trigger.next_after(at("01 00:00"))
    now = first + hours * HOUR
    walked = occasions(laid, first, now)
    run = excluded_run(laid, first, now)
    if not walked:
        assert run is None
        return
    assert run is not None
    whole = occasions(laid, first, laid.end_of_run(walked[-1]))
    assert (run.first, run.last) == (walked[0], whole[-1])
    assert run.count in (None, len(whole))


@settings(deadline=None)
@given(calendar=CALENDARS, trigger=TRIGGERS, hours=st.integers(0, 60 * 24))
def test_what_was_missed_ends_with_the_last_turn_that_walking_finds(
    calendar: Calendar, trigger, hours: int
) -> None:
    first = trigger.next_after(at("01 00:00"))
    until = first + hours * HOUR
    task = under(calendar, trigger)
    walked = [first]
    while (turn := next_turn(task, walked[-1])) is not None and turn <= until:
        walked.append(turn)
    run = missed_run(task, first, until)
    assert (run.first, run.last) == (first, walked[-1])
