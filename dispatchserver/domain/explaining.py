"""Explains a trigger: its next fires, how often it fires, and what may surprise the one who wrote it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from dispatchserver.domain.calendarcounting import fires_under
from dispatchserver.domain.calendartrigger import CalendarTrigger
from dispatchserver.domain.clockchanges import ClockEffect, changes_between, effect_of
from dispatchserver.domain.counting import Count, fires_between
from dispatchserver.domain.crondays import LastDay, NearestWeekday, NthWeekday
from dispatchserver.domain.describing import describe, times_of_day
from dispatchserver.domain.descriptions import DaysOfMonth, Description, Numbers, Occasions, Repeats
from dispatchserver.domain.fixeddelay import FixedDelayTrigger
from dispatchserver.domain.outlook import Outlook, outlook
from dispatchserver.domain.trigger import CronTrigger
from dispatchserver.domain.triggers import Trigger, upcoming

DAY = timedelta(days=1)
YEAR = timedelta(days=365)
OFTEN = 1_440
MOST_FIRES = 1_000
FEW = 10
LONGEST_MONTHS = (1, 3, 5, 7, 8, 10, 12)
FEBRUARY, ALL_MONTHS, ALL_HOURS = 2, 12, (1 << 24) - 1


Param = str | int | date | datetime | tuple[int, ...] | tuple[datetime, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something to know about a schedule or a task: a message key below `words.notice`, and what fills it.

    Parameters are plain values: names, numbers, months as numbers, wall times without a zone, zone
    abbreviations, and moments in UTC.
    """

    code: str
    params: Mapping[str, Param] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A trigger explained at a moment. `per_day` counts the fires of a day on which it fires, `per_year`
    those of the 365 days to come. Under a calendar, `outlook` tells of the same fires what the calendar did.
    """

    description: Description
    fires: tuple[datetime, ...]
    per_day: Count
    per_year: Count
    notices: tuple[Notice, ...]
    outlook: Outlook | None = None


def explain(
    trigger: Trigger, now: datetime, count: int, under: CalendarTrigger | None = None
) -> Explanation:
    """What this trigger will do after `now`, with its next `count` fires (a thousand at most).

    `under` is the same trigger under its calendar, which then says when it fires and how often.
    """
    count = min(count, MOST_FIRES)
    seen = None if under is None else outlook(under, now, max(count, 1))
    fires = tuple(upcoming(trigger, now, max(count, 1))) if seen is None else seen.moments
    description = describe(trigger)
    per_day = _per_day(trigger, under, fires)
    told = 1 if isinstance(trigger, FixedDelayTrigger) else count
    notices = [*_outlook(description, fires, now, told), *_frequency(per_day)]
    if fires and isinstance(description, Occasions):
        notices += _missing_days(description)
    if fires and isinstance(trigger, CronTrigger):
        notices += _clock_changes(trigger, now)
    return Explanation(
        description=description,
        fires=fires[:count],
        per_day=per_day,
        per_year=_count(trigger, under, now, now + YEAR),
        notices=tuple(notices),
        outlook=seen,
    )


def _per_day(trigger: Trigger, under: CalendarTrigger | None, fires: tuple[datetime, ...]) -> Count:
    """A calendar excludes whole days, so it does not change what a cron expression names of one."""
    if not fires:
        return Count(0)
    if isinstance(trigger, CronTrigger):
        return Count(times_of_day(trigger.expression.schedule).bit_count())
    before = fires[0] - timedelta(microseconds=1)
    return _count(trigger, under, before, before + DAY)


def _count(
    trigger: Trigger, under: CalendarTrigger | None, after: datetime, until: datetime
) -> Count:
    if under is None:
        return fires_between(trigger, after, until)
    return fires_under(under, after, until)


def _outlook(
    description: Description, fires: tuple[datetime, ...], now: datetime, count: int
) -> Iterator[Notice]:
    if not fires:
        yield Notice(code="never")
        return
    if len(fires) < min(count, FEW) and not _tells_its_end(description, fires[0]):
        code = "ends_soon_one" if len(fires) == 1 else "ends_soon"
        yield Notice(code=code, params={"left": len(fires), "last": fires[-1]})
    if fires[0] - now > YEAR:
        yield Notice(code="far_away", params={"first": fires[0]})


def _tells_its_end(description: Description, first: datetime) -> bool:
    """Whether the words say already how many fires are left: for repeats that are all to come."""
    return isinstance(description, Repeats) and description.first == first


def _frequency(per_day: Count) -> Iterator[Notice]:
    if per_day.number > OFTEN:
        yield Notice(code="often", params={"count": per_day.number})


def _missing_days(occasions: Occasions) -> Iterator[Notice]:
    """Which of the months meant lack a day meant."""
    months = {month for month in range(1, ALL_MONTHS + 1) if _holds(occasions.months, month)}
    match occasions.days:
        case DaysOfMonth(numbers):
            named = {run.first for run in numbers.runs if run.first in (run.last, 29)}
            for day in sorted(named & {29, 30, 31}):
                yield from _lacking(day, months, months - _with_day(day))
        case NearestWeekday(day) if months - _with_day(day):
            short = _in_order(months - _with_day(day))
            yield Notice(code="nearest_to_no_day", params={"day": day, "months": short})
        case LastDay(offset) if months - _with_day(offset + 1):
            short = _in_order(months - _with_day(offset + 1))
            yield Notice(
                code="too_short", params={"count": len(short), "months": short, "days": offset + 1}
            )
        case NthWeekday(weekday, 5):
            yield Notice(code="no_fifth", params={"weekday": weekday})


def _lacking(day: int, months: set[int], without: set[int]) -> Iterator[Notice]:
    if FEBRUARY in without and day == 29:
        yield Notice(code="leap_years" if months == {FEBRUARY} else "leap_february")
    elif without:
        code = "skips_month" if len(without) == 1 else "skips_months"
        yield Notice(
            code=code, params={"day": day, "count": len(without), "months": _in_order(without)}
        )


def _in_order(months: set[int]) -> tuple[int, ...]:
    return tuple(sorted(months))


def _with_day(day: int) -> set[int]:
    """The months that have this day in every year."""
    if day > 30:
        return set(LONGEST_MONTHS)
    return set(range(1, ALL_MONTHS + 1)) - ({FEBRUARY} if day > 28 else set())


def _holds(numbers: Numbers, value: int) -> bool:
    return any(
        run.first <= value <= run.last
        if run.first <= run.last
        else value >= run.first or value <= run.last
        for run in numbers.runs
    )


def _clock_changes(trigger: CronTrigger, now: datetime) -> Iterator[Notice]:
    for change in changes_between(trigger.zone, now, now + YEAR):
        effect = effect_of(change, trigger)
        if effect and not _is_expected(effect, trigger):
            yield from _gap(effect) if change.is_gap else _overlap(effect, trigger)


def _is_expected(effect: ClockEffect, trigger: CronTrigger) -> bool:
    """Whether a schedule of every hour just goes on, as anybody would think."""
    both_passes = effect.first is not None and effect.second is not None
    return _runs_every_hour(trigger) and (effect.change.is_gap or both_passes)


def _runs_every_hour(trigger: CronTrigger) -> bool:
    return trigger.expression.schedule.hours == ALL_HOURS


def _gap(effect: ClockEffect) -> Iterator[Notice]:
    if effect.first is None:
        yield _about(effect, "gap_lost")
    else:
        yield _about(effect, "gap_moved", fire=effect.first)


def _overlap(effect: ClockEffect, trigger: CronTrigger) -> Iterator[Notice]:
    change = effect.change
    match effect.first, effect.second:
        case None, None:
            return
        case None, _ if len(effect.times) > 1 or _runs_every_hour(trigger):
            start, end = change.at - change.length, change.at
            yield Notice(
                code="back_silent", params={"date": _date(effect), "start": start, "end": end}
            )
        case (datetime() as fire, None) | (None, datetime() as fire):
            yield _about(effect, "back_once", fire=fire)
        case datetime() as fire, datetime() as again:
            yield _about(effect, "back_twice", fire=fire, again=again)


def _about(effect: ClockEffect, code: str, **fires: datetime) -> Notice:
    times = "first_times" if effect.more else "times"
    params: dict[str, Param] = {"date": _date(effect), times: effect.times, **fires}
    return Notice(code=code if len(effect.times) == 1 else f"{code}_each", params=params)


def _date(effect: ClockEffect) -> date:
    return effect.times[0].date()
