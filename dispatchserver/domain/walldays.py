"""Times of day on chosen dates, as instants: what triggers that think in days share.

Dates and times are those of a zone's wall clock, so each date is asked what its clock does: on a
date with a clock change the times before and after it are two stretches with two offsets. Under the
rule `quartz` that means: the second pass only, and nothing for a gap; what else Quartz loses when it
searches a cron expression past a gap is not copied, since these triggers are not its own.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from dispatchserver.domain.cronsearch import LAST_YEAR
from dispatchserver.domain.dst import SEARCHED_YEARS, DstRule
from dispatchserver.domain.wallclock import (
    DAY,
    EPOCH,
    SECOND,
    WALL_EPOCH,
    as_instant,
    offset_at,
    offsets,
    whole_second,
)
from dispatchserver.domain.wallgrid import DAY_SECONDS

Dates = Callable[[date], date | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class DayTimes:
    """Seconds after a date's midnight: `first`, then every `step` up to `last`, both counted.

    They may run past midnight, into the next date, but not through a second one.
    """

    first: int
    last: int
    step: int = DAY_SECONDS

    def at_or_after(self, second: int) -> int | None:
        """The first of the times from this second on."""
        steps = max(0, -((self.first - second) // self.step))
        found = self.first + steps * self.step
        return found if found <= self.last else None

    @property
    def count(self) -> int:
        """How many there are."""
        return 1 + (self.last - self.first) // self.step

    def at_or_before(self, second: int) -> int | None:
        """The last of the times up to this second."""
        if second < self.first:
            return None
        return self.first + (min(second, self.last) - self.first) // self.step * self.step

    def count_before(self, second: int) -> int:
        """How many of the times lie before this second."""
        found = self.at_or_before(second - 1)
        return 0 if found is None else 1 + (found - self.first) // self.step

    @property
    def is_rhythm(self) -> bool:
        """Whether two or more times of the date go on without a break into those of the next date."""
        final = self.last - (self.last - self.first) % self.step
        return self.first < final and final + self.step >= self.first + DAY_SECONDS


@dataclass(frozen=True, slots=True)
class Change:
    """A clock change: its instant in UTC, kept without a zone, and the offsets on both sides."""

    at: datetime
    before: timedelta
    after: timedelta


@dataclass(frozen=True, slots=True)
class Stretch:
    """Wall times from `low` to before `high` that one offset turns into instants."""

    offset: timedelta
    low: datetime
    high: datetime


def seconds_of(clock: time) -> int:
    """Seconds after midnight."""
    return clock.hour * 3600 + clock.minute * 60 + clock.second


def next_instant_on(
    dates: Dates, times: DayTimes, moment: datetime, zone: ZoneInfo, rule: DstRule
) -> datetime | None:
    """The first instant strictly after `moment` at one of the times of one of the dates.

    `dates` answers the first chosen date from a given one on. None: there is none for a century.
    """
    if moment.tzinfo is None:
        raise ValueError("a moment has a time zone")
    if moment.year > LAST_YEAR:
        return None
    if rule is DstRule.EXACTLY_ONCE and times.is_rhythm:
        rule = DstRule.LITERAL
    today, days = moment.astimezone(zone).date(), 1 + times.last // DAY_SECONDS
    best: datetime | None = None
    # The times of the last dates may still be to come: past midnight, or where clocks go back over it.
    for day in _walk(dates, today - days * DAY):
        found = first_on(day, times, moment, zone, rule)
        if found is not None:
            best = found if best is None else min(best, found)
        in_order = day > today or not isinstance(change_on(zone, day, days), Change)
        if best is not None and in_order:
            return best
    return best


def _walk(dates: Dates, first: date) -> Iterator[date]:
    day = dates(first)
    while day is not None and day.year <= first.year + SEARCHED_YEARS:
        yield day
        day = dates(day + DAY)


def first_on(
    day: date, times: DayTimes, moment: datetime, zone: ZoneInfo, rule: DstRule
) -> datetime | None:
    """The first instant strictly after `moment` at one of the times of this one date."""
    midnight = datetime.combine(day, time())
    second = whole_second(WALL_EPOCH + (moment - EPOCH))
    change = change_on(zone, day, 1 + times.last // DAY_SECONDS)
    if not isinstance(change, Change):
        whole = Stretch(change, midnight, midnight + 2 * DAY)
        return _utc(_first_in(whole, times, midnight, second))
    found = [
        instant
        for stretch in _stretches(change, midnight, rule)
        if (instant := _first_in(stretch, times, midnight, second))
    ]
    if rule is DstRule.EXACTLY_ONCE and change.at > second and _in_gap(change, times, midnight):
        found.append(change.at)
    return _utc(min(found, default=None))


def _stretches(change: Change, midnight: datetime, rule: DstRule) -> tuple[Stretch, Stretch]:
    until, since = change.at + change.before, change.at + change.after
    if rule is DstRule.QUARTZ:  # never the first pass
        until = min(until, since)
    elif rule is not DstRule.LITERAL:  # never the second
        since = max(until, since)
    return (
        Stretch(change.before, midnight, until),
        Stretch(change.after, since, midnight + 3 * DAY),
    )


def _first_in(
    stretch: Stretch, times: DayTimes, midnight: datetime, second: datetime
) -> datetime | None:
    wall = max(stretch.low, second + SECOND + stretch.offset)
    found = times.at_or_after((wall - midnight) // SECOND)
    if found is None or (wall := midnight + timedelta(seconds=found)) >= stretch.high:
        return None
    return wall - stretch.offset


def _in_gap(change: Change, times: DayTimes, midnight: datetime) -> bool:
    """Whether one of the times is left out by the change."""
    left_out = (change.at + change.before - midnight) // SECOND
    shown = (change.at + change.after - midnight) // SECOND
    found = times.at_or_after(left_out)
    return found is not None and found < shown


@lru_cache(maxsize=16_384)
def change_on(zone: ZoneInfo, day: date, days: int) -> Change | timedelta:
    """The clock change on this date (or on so many dates from it on); the offset where there is none."""
    midnight = datetime.combine(day, time())
    low = midnight - max(offsets(zone, midnight))
    end = midnight + days * DAY
    high = end - min(offsets(zone, end))
    before, after = offset_at(zone, as_instant(low)), offset_at(zone, as_instant(high))
    if before == after:
        return before
    while high - low > SECOND:
        middle = low + (high - low) // 2 // SECOND * SECOND
        if offset_at(zone, as_instant(middle)) == after:
            high = middle
        else:
            low = middle
    return Change(high, before, after)


def _utc(instant: datetime | None) -> datetime | None:
    return None if instant is None else as_instant(instant)
