"""A trigger under a calendar: nothing is lost silently, and what moves lands where it should."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from time import perf_counter
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatchserver.domain.calendar import Calendar, DateRange, Shift, make_calendar
from dispatchserver.domain.calendartrigger import (
    CalendarTrigger,
    Exclusion,
    Occasion,
    Schedule,
    Turn,
    check_calendar_trigger,
)
from dispatchserver.domain.cron import CronExpression, DstRule
from dispatchserver.domain.dayinterval import DayIntervalTrigger
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.moments import MILLISECOND
from dispatchserver.domain.trigger import CronTrigger, SimpleTrigger
from dispatchserver.domain.triggers import upcoming

SHANGHAI = ZoneInfo("Asia/Shanghai")
NEW_YORK = ZoneInfo("America/New_York")
DAY = timedelta(days=1)


def at(text: str, zone: ZoneInfo = SHANGHAI) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


def cn_workdays() -> Calendar:
    """Weekends off, 1 to 7 October 2026 off, and the days made up for it."""
    national_day = DateRange(date(2026, 10, 1), date(2026, 10, 7))
    return make_calendar([6, 7], [national_day], [date(2026, 9, 20), date(2026, 10, 10)])


def cron(text: str, zone: ZoneInfo = SHANGHAI) -> CronTrigger:
    return CronTrigger(expression=CronExpression.parse(text), zone=zone)


def under(
    trigger: Schedule,
    shift: Shift = Shift.SKIP,
    calendar: Calendar | None = None,
    since: datetime | None = None,
) -> CalendarTrigger:
    calendar = calendar or cn_workdays()
    return CalendarTrigger(trigger=trigger, calendar=calendar, shift=shift, since=since)


def fires(trigger: CalendarTrigger, after: str, count: int) -> list[str]:
    found = upcoming(trigger, at(after, trigger.zone), count)
    return [fire.astimezone(trigger.zone).strftime("%m-%d %H:%M") for fire in found]


def shown(turn: Turn, zone: ZoneInfo = SHANGHAI) -> str:
    text = turn.at.astimezone(zone).strftime("%m-%d %H:%M")
    if isinstance(turn, Exclusion):
        return f"{text} to {turn.last.astimezone(zone):%m-%d %H:%M} skipped ×{turn.run.count}"
    return text if turn.moved_from is None else f"{text} from {turn.moved_from:%m-%d}"


def turns(trigger: CalendarTrigger, after: str, count: int) -> list[str]:
    return [shown(turn, trigger.zone) for turn in trigger.turns(at(after, trigger.zone), count)]


def test_holidays_are_struck_out_and_the_made_up_sunday_is_worked() -> None:
    daily = under(cron("0 0 9 * * ?"))
    assert fires(daily, "2026-09-19", 2) == ["09-20 09:00", "09-21 09:00"]
    assert fires(daily, "2026-09-30", 4) == [
        *("09-30 09:00", "10-08 09:00", "10-09 09:00", "10-10 09:00"),
    ]


def test_a_run_of_excluded_occasions_is_one_row() -> None:
    assert turns(under(cron("0 0 9,13 * * ?")), "2026-09-30 12:00", 3) == [
        "09-30 13:00",
        "10-01 09:00 to 10-07 13:00 skipped ×14",
        "10-08 09:00",
    ]


def test_an_excluded_occasion_moves_to_the_next_working_day() -> None:
    first_of_month = under(cron("0 30 8 1 * ?"), Shift.NEXT)
    assert turns(first_of_month, "2026-09-15", 4) == [
        "10-01 08:30 to 10-01 08:30 skipped ×1",
        "10-08 08:30 from 10-01",
        "11-01 08:30 to 11-01 08:30 skipped ×1",
        "11-02 08:30 from 11-01",
    ]


def test_an_excluded_occasion_moves_to_the_working_day_before() -> None:
    first_of_month = under(cron("0 30 8 1 * ?"), Shift.PREVIOUS)
    assert turns(first_of_month, "2026-09-15", 3) == [
        "09-30 08:30 from 10-01",
        "10-01 08:30 to 10-01 08:30 skipped ×1",
        "10-30 08:30 from 11-01",
    ]


def test_what_moves_onto_an_occasion_is_one_fire_with_it() -> None:
    daily = under(cron("0 0 9 * * ?"), Shift.NEXT)
    assert fires(daily, "2026-10-01", 3) == ["10-08 09:00", "10-09 09:00", "10-10 09:00"]
    assert [turn for turn in turns(daily, "2026-10-01", 5) if "from" in turn] == []


def test_several_times_of_day_move_together() -> None:
    saturdays = under(cron("0 15 9,10 ? * SAT"), Shift.NEXT)
    assert fires(saturdays, "2026-11-05", 3) == ["11-09 09:15", "11-09 10:15", "11-16 09:15"]


def test_an_occasion_before_the_task_was_made_is_not_moved() -> None:
    monday = "2026-11-09 08:00"
    saturdays = under(cron("0 0 9 ? * SAT"), Shift.NEXT, since=at(monday))
    assert fires(saturdays, monday, 1) == ["11-16 09:00"]


def test_nothing_moves_past_the_end() -> None:
    trigger = DayIntervalTrigger(
        days=1, at=time(9), first_date=date(2026, 11, 7), end=at("2026-11-08"), zone=SHANGHAI
    )
    assert fires(under(trigger, Shift.NEXT), "2026-11-01", 5) == []


def test_the_date_is_that_of_the_zone() -> None:
    early = SimpleTrigger(
        start=at("2026-10-07 23:30"), interval=timedelta(hours=1), count=2, zone=SHANGHAI
    )
    assert fires(under(early), "2026-10-01", 5) == ["10-08 00:30"]


def test_a_moved_time_that_a_gap_leaves_out_fires_at_its_end() -> None:
    calendar = make_calendar([1, 2, 3, 4, 5, 6], [], [])  # Sundays only
    saturdays = under(cron("0 30 2 ? * SAT", NEW_YORK), Shift.NEXT, calendar)
    assert fires(saturdays, "2026-03-07 12:00", 1) == ["03-08 03:00"]


def test_what_a_day_with_a_gap_has_moves_in_full() -> None:
    sundays = under(cron("0 0/30 1-4 ? * SUN", NEW_YORK), Shift.NEXT, make_calendar([6, 7], [], []))
    assert fires(sundays, "2026-03-09 01:00", 3) == ["03-09 01:30", "03-09 03:00", "03-09 03:30"]
    for asked in ("02:00", "02:30"):
        assert fires(sundays, f"2026-03-09 {asked}", 1) == ["03-09 03:00"]


def refusal(trigger: CalendarTrigger) -> str:
    with pytest.raises(Invalid) as caught:
        check_calendar_trigger(trigger, at("2026-11-05"))
    return caught.value.code


def test_a_calendar_that_leaves_a_trigger_nothing_is_refused() -> None:
    saturdays = cron("0 0 9 ? * SAT")
    weekends = make_calendar([6, 7], [], [])
    assert refusal(under(saturdays, calendar=weekends)) == "calendar.leaves_nothing"
    assert check_calendar_trigger(under(saturdays, Shift.NEXT, weekends), at("2026-11-05"))


def test_a_search_that_finds_nothing_ends_soon() -> None:
    weekends = make_calendar([6, 7], [], [])
    nothing = make_calendar(range(1, 8), [], [date(2026, 1, 1)])
    begun = perf_counter()
    assert under(cron("* * * ? * SAT,SUN"), calendar=weekends).next_after(at("2026-11-05")) is None
    for shift in Shift:
        assert under(cron("* * * * * ?"), shift, nothing).next_after(at("2026-11-05")) is None
    assert perf_counter() - begun < 2


def moved(nominal: datetime, trigger: CalendarTrigger) -> datetime | None:
    """Where an excluded occasion goes, found by walking the days."""
    step = DAY if trigger.shift is Shift.NEXT else -DAY
    local = nominal.astimezone(trigger.zone)
    for n in range(1, 32):
        day = local.date() + n * step
        if not trigger.calendar.is_excluded(day):
            wall = datetime.combine(day, local.time().replace(fold=0), trigger.zone)
            while wall.astimezone(UTC).astimezone(trigger.zone).replace(fold=0) != wall:
                wall = (wall.replace(tzinfo=None) + timedelta(minutes=1)).replace(
                    tzinfo=wall.tzinfo
                )
            return wall.astimezone(UTC)
    return None


def oracle(trigger: CalendarTrigger, nominals: list[datetime]) -> Iterator[datetime]:
    for nominal in nominals:
        if not trigger.calendar.is_excluded(nominal.astimezone(trigger.zone).date()):
            yield nominal
        elif trigger.shift is not Shift.SKIP and (at := moved(nominal, trigger)):
            yield at


starts = st.sampled_from(["2026-03-05 10:30", "2026-10-29 08:15", "2026-09-25 01:30"])
hours = st.sampled_from([1, 5, 8, 13, 24, 36, 60, 170])
offsets = st.integers(0, 40).map(lambda n: n * DAY)


@st.composite
def triggers(draw: st.DrawFn) -> CalendarTrigger:
    first = at(draw(starts), NEW_YORK)
    texts = ["0 30 1,2,3 * * ?", "0 15,45 9,13 ? * *", "0 30 23 1,15 * ?", "0 0/15 1 * * ?"]
    schedule: Schedule = CronTrigger(
        expression=CronExpression.parse(draw(st.sampled_from(texts))),
        zone=NEW_YORK,
        dst=draw(st.sampled_from(DstRule)),
        start=first - 60 * DAY,
    )
    if draw(st.booleans()):
        step = timedelta(hours=draw(hours))
        schedule = SimpleTrigger(start=first - 60 * DAY, interval=step, count=None, zone=NEW_YORK)
    day = first.date()
    calendar = make_calendar(
        draw(st.sampled_from([[], [6, 7], [5, 6, 7], [1, 2, 3, 4, 6, 7]])),
        [DateRange(day + n, day + n + length * DAY / 5) for n, length in draw(ranges)],
        [day + n for n in draw(st.lists(offsets, max_size=4))],
    )
    return under(schedule, draw(st.sampled_from(Shift)), calendar)


ranges = st.lists(st.tuples(offsets, st.integers(0, 60)), max_size=3)


@given(triggers(), st.integers(0, 30 * 24 * 60))
@settings(max_examples=250, deadline=None)
def test_fires_and_rows_are_what_a_walk_over_all_occasions_finds(
    trigger: CalendarTrigger, minutes: int
) -> None:
    first = trigger.trigger.next_after(at("2026-01-01"))
    assert first is not None
    moment = first + 60 * DAY + timedelta(minutes=minutes)
    until = moment + 20 * DAY
    nominals, nominal = [], trigger.trigger.next_after(moment - 45 * DAY)
    while nominal is not None and nominal < until + 45 * DAY:
        nominals.append(nominal)
        nominal = trigger.trigger.next_after(nominal)
    found = list(between(trigger, moment, until))
    ours = [turn.at for turn in found if isinstance(turn, Occasion)]
    expected = sorted({fire for fire in oracle(trigger, nominals) if moment < fire < until})
    assert ours == expected
    for nominal in nominals:
        if moment < nominal < until:
            assert sum(turn.at <= nominal <= turn.last for turn in found) == 1
    asked = trigger.next_after(moment)
    assert asked == (ours[0] if ours else asked)


def between(trigger: CalendarTrigger, moment: datetime, until: datetime) -> Iterator[Turn]:
    for turn in trigger.turns(moment, 5_000):
        if turn.at >= until:
            return
        assert trigger.turn_after(turn.at - MILLISECOND) == turn
        yield turn
