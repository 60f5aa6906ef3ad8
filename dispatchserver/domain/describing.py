"""Finds the words' facts: what a trigger does as a person would put it, however its expression spells it.

It looks at the times a schedule names and not at the text, so `0/15`, `*/15` and `0,15,30,45` are
described alike.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from dispatchserver.domain import describingdays as windows
from dispatchserver.domain.crondays import (
    DayNumbers,
    DayRule,
    LastDay,
    LastDayWeekday,
    LastWeekday,
    NearestWeekday,
    NthWeekday,
    Weekdays,
    as_mask,
    bits,
)
from dispatchserver.domain.cronfields import DAY, HOUR, MINUTE, MONTH, SECOND, YEAR
from dispatchserver.domain.cronsearch import WallSchedule
from dispatchserver.domain.cronunix import BothDays, EitherDay
from dispatchserver.domain.dayinterval import DayIntervalTrigger
from dispatchserver.domain.descriptions import (
    DAY_SECONDS,
    AfterRuns,
    Clocks,
    Days,
    DaysOfMonth,
    DaysOfWeek,
    Description,
    EveryDay,
    Lines,
    Occasions,
    Pattern,
    Repeats,
    Rhythm,
    Times,
    Window,
)
from dispatchserver.domain.fixeddelay import FixedDelayTrigger
from dispatchserver.domain.numberlists import ISO_WEEKDAY, SHORTEST_RUN, numbers, values_of
from dispatchserver.domain.trigger import LAST_MOMENT, CronTrigger, SimpleTrigger
from dispatchserver.domain.triggers import Trigger
from dispatchserver.domain.uniontrigger import Line, UnionTrigger
from dispatchserver.domain.windowtrigger import WindowTrigger

LISTED_TIMES, LONGEST_LIST_OF_TIMES = 3, 8
MOST_WINDOWS = 3
LISTED_YEARS = 4
MINUTE_SECONDS, HOUR_SECONDS = 60, 3600


def describe(trigger: Trigger) -> Description:
    """What this trigger does. A further shape is one more case and one function."""
    match trigger:
        case UnionTrigger(lines=lines):
            return Lines(lines=tuple(part for line in lines for part in _line(line)))
        case FixedDelayTrigger(delay=delay, first=first, end=end, zone=zone):
            return AfterRuns(delay=delay, first=first, end=end, zone=zone)
        case _:
            parts = _line(trigger)
            return parts[0] if len(parts) == 1 else Lines(lines=parts)


def _line(trigger: Line) -> tuple[Occasions | Repeats, ...]:
    match trigger:
        case CronTrigger():
            return _cron_lines(trigger)
        case SimpleTrigger():
            return (_repeats(trigger),)
        case WindowTrigger():
            return (windows.occasions(trigger),)
        case DayIntervalTrigger():
            return (windows.day_interval(trigger),)


def times_of_day(schedule: WallSchedule) -> int:
    """The times of day a schedule names, as a mask of the seconds after midnight."""
    minute = schedule.seconds
    hour = sum(minute << MINUTE_SECONDS * at for at in values_of(schedule.minutes, MINUTE))
    return sum(hour << HOUR_SECONDS * at for at in values_of(schedule.hours, HOUR))


def _repeats(trigger: SimpleTrigger) -> Repeats:
    count = _number_of_repeats(trigger)
    step = None if count == 1 else trigger.interval
    last = trigger.start + step * (count - 1) if count and step else None
    return Repeats(first=trigger.start, step=step, last=last, count=count, zone=trigger.zone)


def _number_of_repeats(trigger: SimpleTrigger) -> int | None:
    """All fires of a trigger, the first one too; None when there is no end to them."""
    if trigger.interval is None:
        return 1
    limits = [] if trigger.count is None else [trigger.count]
    if trigger.end is not None:
        limits.append(-((trigger.start - trigger.end) // trigger.interval))
    if limits:
        limits.append((LAST_MOMENT - trigger.start) // trigger.interval + 1)
    return max(1, min(limits)) if limits else None


def _cron_lines(trigger: CronTrigger) -> tuple[Occasions, ...]:
    """One line, or two where a unix expression means either of two days."""
    match trigger.expression.schedule.days:
        case EitherDay(days, weekdays):
            return _occasions(trigger, days), _occasions(trigger, weekdays)
        case BothDays(days, weekdays):
            only = _days(weekdays)
            assert isinstance(only, DaysOfWeek), "a weekday field that leaves none out adds nothing"
            return (replace(_occasions(trigger, days), only=only),)
        case rule:
            return (_occasions(trigger, rule),)


def _occasions(trigger: CronTrigger, rule: DayRule) -> Occasions:
    schedule = trigger.expression.schedule
    days = _days(rule)
    years = numbers(YEAR, schedule.years, listed=LISTED_YEARS)
    months = numbers(MONTH, schedule.months, listed=MONTH.high, wraps=years.whole)
    daily = isinstance(days, EveryDay) and months.whole and years.whole
    return Occasions(
        times=_times(schedule, wraps=daily),
        days=days,
        months=months,
        years=years,
        zone=trigger.zone,
        start=trigger.start,
        end=trigger.end,
    )


def _days(rule: DayRule) -> Days:
    match rule:
        case DayNumbers(mask):
            found = numbers(DAY, mask)
            return EveryDay() if found.whole else DaysOfMonth(found)
        case Weekdays(weeks):
            sunday_last = as_mask(day or 7 for day in range(7) if weeks >> day & 1)
            found = numbers(ISO_WEEKDAY, sunday_last, wraps=True)
            return EveryDay() if found.whole else DaysOfWeek(found)
        case LastDay() | LastDayWeekday() | NearestWeekday() | LastWeekday() | NthWeekday():
            return rule
    raise TypeError(rule)


def _times(schedule: WallSchedule, *, wraps: bool) -> Times:
    """The shortest way to say the times of day. They run over midnight only where every day is meant:
    on other days nobody could tell which midnight.
    """
    named = times_of_day(schedule)
    count = named.bit_count()
    if count > LISTED_TIMES and (rhythm := _rhythm(named, wraps=wraps)):
        return rhythm
    if count <= LONGEST_LIST_OF_TIMES:
        return Clocks(tuple(bits(named)))
    return Pattern(
        numbers(HOUR, schedule.hours),
        numbers(MINUTE, schedule.minutes),
        numbers(SECOND, schedule.seconds),
    )


def _rhythm(named: int, *, wraps: bool) -> Rhythm | None:
    for step in _steps(named):
        windows = _windows(named, step)
        if wraps and len(windows) > 1 and windows[-1].last + step - DAY_SECONDS == windows[0].first:
            windows = [*windows[1:-1], Window(windows[-1].first, windows[0].last)]
        if not 0 < len(windows) <= MOST_WINDOWS:
            continue
        rhythm = Rhythm(step, tuple(windows))
        if _is_sayable(rhythm, named.bit_count()):
            return rhythm
    return None


def _steps(named: int) -> Iterator[int]:
    """What the step may be: the distance of the first two times, else of the last two."""
    low = named & -named
    rest = named ^ low
    yield (rest & -rest).bit_length() - low.bit_length()
    high = named.bit_length()
    yield high - (named ^ 1 << high - 1).bit_length()


def _windows(named: int, step: int) -> list[Window]:
    """The stretches in which each time is followed by the next one a step later; none when they overlap."""
    starts, ends = named & ~(named << step), named & ~(named >> step)
    if starts.bit_count() > MOST_WINDOWS + 1:
        return []
    windows = [Window(first, last) for first, last in zip(bits(starts), bits(ends), strict=True)]
    in_order = all(earlier.last < later.first for earlier, later in pairwise(windows))
    return windows if in_order else []


def _is_sayable(rhythm: Rhythm, count: int) -> bool:
    if rhythm.step > MINUTE_SECONDS and rhythm.step % MINUTE_SECONDS:
        return False
    if rhythm.step > HOUR_SECONDS and rhythm.step % HOUR_SECONDS:
        return False
    if rhythm.all_day:
        return rhythm.windows[0].first == 0 or rhythm.step > HOUR_SECONDS
    return count >= SHORTEST_RUN * len(rhythm.windows)
