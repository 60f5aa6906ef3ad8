"""Finds the words' facts: what a trigger does as a person would put it, however its expression spells it.

It looks at the times a schedule names and not at the text, so `0/15`, `*/15` and `0,15,30,45` are
described alike.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

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
)
from dispatchserver.domain.cronfields import DAY, HOUR, MINUTE, MONTH, SECOND, YEAR, Field
from dispatchserver.domain.cronsearch import WallSchedule
from dispatchserver.domain.descriptions import (
    DAY_SECONDS,
    Clocks,
    Days,
    DaysOfMonth,
    DaysOfWeek,
    Description,
    EveryDay,
    Numbers,
    Occasions,
    Pattern,
    Repeats,
    Rhythm,
    Run,
    Times,
    Window,
)
from dispatchserver.domain.trigger import LAST_MOMENT, CronTrigger, SimpleTrigger, Trigger

ISO_WEEKDAY = Field("weekday", 1, 7)
SHORTEST_RUN = 3
LISTED_TIMES, LONGEST_LIST_OF_TIMES = 3, 8
MOST_WINDOWS = 3
LISTED_VALUES, LISTED_YEARS = 6, 4
MINUTE_SECONDS, HOUR_SECONDS = 60, 3600


def describe(trigger: Trigger) -> Description:
    """What this trigger does. A further shape is one more case and one function."""
    match trigger:
        case CronTrigger():
            return _occasions(trigger)
        case SimpleTrigger():
            return _repeats(trigger)


def times_of_day(schedule: WallSchedule) -> int:
    """The times of day a schedule names, as a mask of the seconds after midnight."""
    minute = schedule.seconds
    hour = sum(minute << MINUTE_SECONDS * at for at in _values(schedule.minutes, MINUTE))
    return sum(hour << HOUR_SECONDS * at for at in _values(schedule.hours, HOUR))


def numbers(of: Field, mask: int, *, listed: int = LISTED_VALUES, wraps: bool = False) -> Numbers:
    """These values of a field as a person would list them; more than `listed` in even steps become one run."""
    values = _values(mask, of)
    steps = {later - earlier for earlier, later in pairwise(values)}
    if len(steps) != 1:
        return Numbers(_runs(of, values, wraps=wraps))
    (step,) = steps
    fills = (of.high - of.low + 1) % step == 0 and values[0] == of.low
    every = step if fills and values[-1] + step > of.high else 0
    if step > 1 and len(values) > listed:
        return Numbers((Run(values[0], values[-1], step),), every)
    return Numbers(_runs(of, values, wraps=wraps), every)


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


def _occasions(trigger: CronTrigger) -> Occasions:
    schedule = trigger.expression.schedule
    days = _days(schedule.days)
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
        return Clocks(tuple(_bits(named)))
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
    windows = [Window(first, last) for first, last in zip(_bits(starts), _bits(ends), strict=True)]
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


def _runs(of: Field, values: Sequence[int], *, wraps: bool) -> tuple[Run, ...]:
    """Single values, and three or more in a row as one run."""
    rows = [[values[0]]]
    for value in values[1:]:
        if value == rows[-1][-1] + 1:
            rows[-1].append(value)
        else:
            rows.append([value])
    if wraps and len(rows) > 1 and (rows[0][0], rows[-1][-1]) == (of.low, of.high):
        rows = [*rows[1:-1], rows[-1] + rows[0]]
    return tuple(run for row in rows for run in _as_runs(row))


def _as_runs(row: Sequence[int]) -> list[Run]:
    if len(row) >= SHORTEST_RUN:
        return [Run(row[0], row[-1])]
    return [Run(value, value) for value in row]


def _values(mask: int, of: Field) -> list[int]:
    return [value for value in range(of.low, of.high + 1) if mask >> value & 1]


def _bits(mask: int) -> Iterator[int]:
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low
