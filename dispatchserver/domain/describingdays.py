"""Finds the words' facts of the triggers that think in days: windows, and every n days."""

from dispatchserver.domain.crondays import LastDay
from dispatchserver.domain.cronfields import DAY, MONTH, YEAR
from dispatchserver.domain.daychoice import DayChoice, EveryDays, Monthly, Weekly
from dispatchserver.domain.dayinterval import DayIntervalTrigger
from dispatchserver.domain.descriptions import (
    DAY_SECONDS,
    Clocks,
    Cycle,
    CycleUnit,
    Days,
    DaysAndLast,
    DaysOfMonth,
    DaysOfWeek,
    EveryDay,
    EveryNthDay,
    Numbers,
    Occasions,
    Rhythm,
    Run,
    Times,
    Window,
)
from dispatchserver.domain.numberlists import ISO_WEEKDAY, numbers
from dispatchserver.domain.walldays import DayTimes, seconds_of
from dispatchserver.domain.windowtrigger import WindowTrigger

ALL_MONTHS = Numbers((Run(MONTH.low, MONTH.high),), every=1)
ALL_YEARS = Numbers((Run(YEAR.low, YEAR.high),), every=1)


def occasions(trigger: WindowTrigger) -> Occasions:
    """What a window trigger does."""
    return Occasions(
        times=_times(trigger.times),
        days=_days(trigger.days),
        months=ALL_MONTHS,
        years=ALL_YEARS,
        zone=trigger.zone,
        start=trigger.start,
        end=trigger.end,
        cycle=_cycle(trigger.days),
    )


def day_interval(trigger: DayIntervalTrigger) -> Occasions:
    """What a trigger of every n days does."""
    return Occasions(
        times=Clocks((seconds_of(trigger.at),)),
        days=_every(trigger.days),
        months=ALL_MONTHS,
        years=ALL_YEARS,
        zone=trigger.zone,
        start=trigger.start,
        end=trigger.end,
    )


def _times(times: DayTimes) -> Times:
    """The grid up to its last fire, which may come before the window closes."""
    last = times.last - (times.last - times.first) % times.step
    if last == times.first:
        return Clocks((times.first,))
    return Rhythm(times.step, (Window(times.first, last % DAY_SECONDS),))


def _days(days: DayChoice) -> Days:
    match days:
        case EveryDays(every):
            return _every(every)
        case Weekly(_, weekdays):
            found = numbers(ISO_WEEKDAY, weekdays, wraps=True)
            return EveryDay() if found.whole else DaysOfWeek(found)
        case Monthly(_, mask):
            return _days_of_month(mask)


def _every(days: int) -> Days:
    return EveryDay() if days == 1 else EveryNthDay(days)


def _days_of_month(mask: int) -> Days:
    named = mask >> 1 << 1
    if not named:
        return LastDay()
    found = numbers(DAY, named)
    if found.whole:
        return EveryDay()
    return DaysAndLast(found) if mask & 1 else DaysOfMonth(found)


def _cycle(days: DayChoice) -> Cycle | None:
    if isinstance(days, EveryDays) or days.every == 1:
        return None
    unit = CycleUnit.WEEK if isinstance(days, Weekly) else CycleUnit.MONTH
    return Cycle(unit, days.every)
