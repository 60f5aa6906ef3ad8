"""Looking back over occasions and counting them, for every shape and rule, around clock changes: against a walk."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from dispatchserver.domain.calendar import DateRange, Shift, make_calendar
from dispatchserver.domain.calendartrigger import CalendarTrigger
from dispatchserver.domain.counting import Count, fires_between
from dispatchserver.domain.cron import CronExpression
from dispatchserver.domain.daychoice import EveryDays, monthly, weekly
from dispatchserver.domain.dayinterval import DayIntervalTrigger
from dispatchserver.domain.dst import DstRule
from dispatchserver.domain.moments import MILLISECOND
from dispatchserver.domain.occasions import Fires, backwards, before, newest, run_between
from dispatchserver.domain.timetable import excluded_run
from dispatchserver.domain.trigger import CronTrigger
from dispatchserver.domain.uniontrigger import UnionTrigger
from dispatchserver.domain.windowtrigger import WindowTrigger

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
CHANGES = [
    ("America/New_York", datetime(2026, 3, 8, 7, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 11, 1, 6, tzinfo=UTC)),
    ("Africa/Cairo", datetime(2026, 4, 23, 22, tzinfo=UTC)),
    ("Africa/Cairo", datetime(2026, 10, 29, 21, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 10, 3, 15, 30, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 4, 15, tzinfo=UTC)),
    ("Antarctica/Troll", datetime(2026, 3, 29, 1, tzinfo=UTC)),
    ("America/Nuuk", datetime(2024, 3, 31, 1, tzinfo=UTC)),
    ("America/Nuuk", datetime(2024, 10, 27, 1, tzinfo=UTC)),
    ("Pacific/Apia", datetime(2011, 12, 30, 10, tzinfo=UTC)),
    ("Asia/Shanghai", datetime(2026, 5, 1, tzinfo=UTC)),
]
# Past a gap that is no full hour or ends a day, where Quartz's search comes out depends on where it began.
ODD_GAPS = ("Australia/Lord_Howe", "Antarctica/Troll", "Pacific/Apia", "America/Nuuk")
TEXTS = [
    "* 0-9 2 * * ?",
    "0 0/17 * * * ?",
    "0 30 2 * * ?",
    "0 0,30 1-3 * * ?",
    "0 30 23 * * ?",
    "0 0 0 * * ?",
    "0 10,35 0-2 ? * SAT-SUN",
    "0 0 12 29W * ?",
    "59 59 23 L * ?",
]
CLOCKS = st.sampled_from([time(0), time(0, 30), time(1, 30), time(2), time(2, 30), time(23, 30)])
DAYS = st.sampled_from([EveryDays(1), EveryDays(3), weekly(2, [1, 6, 7]), monthly(1, [0, 15, 29])])


@st.composite
def lines(draw: st.DrawFn, zone: ZoneInfo, start: datetime):
    """A cron, window or day interval trigger of this zone."""
    rule, opens = draw(st.sampled_from(DstRule)), draw(CLOCKS)
    match draw(st.sampled_from(["cron", "window", "days"])):
        case "cron" if rule is not DstRule.QUARTZ or zone.key not in ODD_GAPS:
            expression = CronExpression.parse(draw(st.sampled_from(TEXTS)))
            return CronTrigger(expression=expression, zone=zone, dst=rule)
        case "cron" | "window":
            closes = draw(CLOCKS)
            grid = {"closes": closes, "every": draw(st.sampled_from([7, 30, 90])) * MINUTE}
            return WindowTrigger(
                days=draw(DAYS),
                opens=opens,
                start=start,
                zone=zone,
                dst=rule,
                **({} if closes == opens else grid),
            )
    return DayIntervalTrigger(
        days=draw(st.integers(1, 3)), at=opens, first_date=start.date(), zone=zone, dst=rule
    )


@st.composite
def stretches(draw: st.DrawFn):
    """A trigger, an occasion of it, and a moment some hours later, with a clock change nearby."""
    name, change = draw(st.sampled_from(CHANGES))
    zone, start = ZoneInfo(name), change - 40 * DAY
    trigger = draw(lines(zone, start))
    other = draw(lines(zone, start))
    # A union asks its lines at each other's fires; in an hour that comes twice, where Quartz's search comes out
    # depends on where it began.
    if draw(st.booleans()) and DstRule.QUARTZ not in (trigger.dst, other.dst):
        trigger = UnionTrigger(lines=(trigger, other))
    first = trigger.next_after(change - draw(st.integers(0, 36 * 60)) * MINUTE)
    assert first is not None
    return trigger, first, first + draw(st.integers(0, 60 * 60 * 60)) * timedelta(seconds=1)


def walk(trigger: Fires, first: datetime, until: datetime) -> list[datetime]:
    """All occasions from `first` (itself one) up to `until`."""
    found, fire = [first], trigger.next_after(first)
    while fire is not None and fire <= until:
        found.append(fire)
        fire = trigger.next_after(fire)
    return found


@given(stretches())
@settings(max_examples=500, deadline=None)
def test_the_newest_and_those_before_it_are_what_a_walk_finds(stretch) -> None:
    trigger, first, until = stretch
    walked = walk(trigger, first, until)
    last = newest(trigger, first, until)
    assert last == walked[-1]
    for fire, found in zip(walked[:-6:-1], backwards(trigger, last, first), strict=False):
        assert fire == found
    assert before(trigger, first, first) is None


@given(stretches())
@settings(max_examples=500, deadline=None)
def test_a_count_is_what_a_walk_counts(stretch) -> None:
    trigger, first, until = stretch
    counted = fires_between(trigger, first, until, 10_000)
    assert counted == Count(len(walk(trigger, first, until)) - 1)


@st.composite
def calendars(draw: st.DrawFn, start: date):
    """A calendar of excluded weekdays, a holiday or two, and a made-up day."""
    offsets = sorted(draw(st.lists(st.integers(0, 40), min_size=4, max_size=4)))
    days = [start + n * DAY for n in offsets]
    weekdays = draw(st.sampled_from([[], [6, 7], [1, 3], [1, 2, 3, 4, 5, 6]]))
    made_up = [start + draw(st.integers(0, 40)) * DAY]
    return make_calendar(weekdays, [DateRange(days[0], days[1]), DateRange(*days[2:])], made_up)


@st.composite
def under_calendars(draw: st.DrawFn):
    name, change = draw(st.sampled_from(CHANGES))
    zone, start = ZoneInfo(name), change - 20 * DAY
    trigger = draw(lines(zone, start))
    calendar = draw(calendars(start.date()))
    shift = draw(st.sampled_from([Shift.SKIP, Shift.SKIP, Shift.NEXT]))
    under = CalendarTrigger(trigger=trigger, calendar=calendar, shift=shift, since=start)
    return under, start, start + draw(st.integers(0, 30 * 24 * 60)) * MINUTE


@given(under_calendars())
@settings(max_examples=150, deadline=None)
def test_what_a_calendar_takes_away_is_told_as_a_walk_tells_it(asked) -> None:
    under, start, until = asked
    excluded, fire = [], under.trigger.next_after(start - MILLISECOND)
    while fire is not None and fire <= until + 45 * DAY:
        if under.calendar.is_excluded(under.date_of(fire)):
            excluded.append(fire)
        fire = under.trigger.next_after(fire)
    missed = [fire for fire in excluded if fire <= until]
    run = excluded_run(under, start, until)
    assert (run is None) == (not missed)
    if run is not None:
        end = under.end_of_run(missed[-1])
        told = [fire for fire in excluded if fire <= max(until, end)]
        assert (run.first, run.last) == (told[0], told[-1])
        assert run.count == len(told) or (run.count is None and len(told) > 100)


@given(under_calendars())
@settings(max_examples=150, deadline=None)
def test_what_fires_under_a_calendar_is_looked_back_at_as_a_walk_finds_it(asked) -> None:
    under, start, until = asked
    walked, fire = [], under.next_after(start - MILLISECOND)
    while fire is not None and fire <= until:
        walked.append(fire)
        fire = under.next_after(fire)
    if walked:
        run = run_between(under, walked[0], until)
        assert (run.first, run.last) == (walked[0], walked[-1])
        assert run.count == len(walked) or (run.count is None and len(walked) > 100)
