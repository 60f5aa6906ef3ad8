"""Which days are worked: weekdays and dates left out, dates made up, and where an occasion moves instead."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from dispatchserver.domain.crondays import SIX_MONDAYS, as_mask, first_at, last_at, month_shape
from dispatchserver.domain.errors import Invalid

DAY = timedelta(days=1)
RANGES_LIMIT = 5_000
WORKING_LIMIT = 5_000
WHOLE_WEEK = 0b11111110
TWO_WEEKS = 1 + (1 << 7)
FIRST_DATE, LAST_DATE = date(1970, 1, 1), date(2999, 12, 31)


class Shift(StrEnum):
    """What becomes of an occasion on an excluded day, beside the row that says it was skipped."""

    SKIP = "skip"
    NEXT = "next_working_day"
    PREVIOUS = "previous_working_day"


@dataclass(frozen=True, slots=True, order=True)
class DateRange:
    """Dates from `first` to `last`, both counted."""

    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Calendar:
    """Says of every date whether it is excluded: a made-up date never is, whatever else says so.

    `weekdays` is the mask of excluded ones, bit 1 Monday to bit 7 Sunday; `excluded` is sorted and
    lies apart; `working` holds the made-up dates, sorted. Built by `make_calendar`.
    """

    weekdays: int
    excluded: tuple[DateRange, ...]
    working: tuple[date, ...]

    def is_excluded(self, day: date) -> bool:
        """Whether nothing fires on this date."""
        if self._is_made_up(day):
            return False
        return bool(self.weekdays >> day.isoweekday() & 1) or self._range_at(day) is not None

    def excluded_in(self, year: int, month: int) -> int:
        """The excluded days of a month, as a bit mask (bit 1 = the first)."""
        sunday_based, length = month_shape(year, month)
        start, end = date(year, month, 1), date(year, month, length)
        mask = (self.weekdays >> 1) * SIX_MONDAYS >> (sunday_based - 1) % 7 << 1
        for away in self.excluded[bisect_left(self.excluded, start, key=lambda away: away.last) :]:
            if away.first > end:
                break
            mask |= (2 << min(away.last, end).day) - (1 << max(away.first, start).day)
        for made_up in self.working[bisect_left(self.working, start) :]:
            if made_up > end:
                break
            mask &= ~(1 << made_up.day)
        return mask & (2 << length) - 1

    def excluded_from(self, day: date) -> date | None:
        """The first excluded date from this one on; None when there is none."""
        found: date | None = day
        while found is not None and not self.is_excluded(found):
            found = self._named_from(found + DAY) if found < LAST_DATE else None
        return found

    def excluded_until(self, day: date) -> date | None:
        """The last excluded date up to this one; None when there is none."""
        found: date | None = day
        while found is not None and not self.is_excluded(found):
            found = self._named_until(found - DAY) if found > FIRST_DATE else None
        return found

    def working_from(self, day: date) -> date | None:
        """The first date from this one on that is not excluded; None when there is none."""
        while day <= LAST_DATE:
            if not self.is_excluded(day):
                return day
            made_up = self._made_up_from(day)
            away = self._range_at(day)
            if self.weekdays == WHOLE_WEEK:
                return made_up
            following = day + DAY if away is None else away.last + DAY
            day = following if made_up is None else min(made_up, following)
        return None

    def working_until(self, day: date) -> date | None:
        """The last date up to this one that is not excluded; None when there is none."""
        while day >= FIRST_DATE:
            if not self.is_excluded(day):
                return day
            made_up = self._made_up_until(day)
            away = self._range_at(day)
            if self.weekdays == WHOLE_WEEK:
                return made_up
            preceding = day - DAY if away is None else away.first - DAY
            day = preceding if made_up is None else max(made_up, preceding)
        return None

    def _named_from(self, day: date) -> date | None:
        """The first date from this one on that is named as excluded, made up for or not."""
        index = bisect_left(self.excluded, day, key=lambda away: away.last)
        found = max(day, self.excluded[index].first) if index < len(self.excluded) else None
        if not self.weekdays:
            return found
        ahead = first_at(self.weekdays * TWO_WEEKS, day.isoweekday()) - day.isoweekday()
        return min(found or LAST_DATE, day + ahead * DAY)

    def _named_until(self, day: date) -> date | None:
        """The last date up to this one that is named as excluded, made up for or not."""
        index = bisect_right(self.excluded, day, key=lambda away: away.first)
        found = min(day, self.excluded[index - 1].last) if index else None
        if not self.weekdays:
            return found
        today = day.isoweekday() + 7
        return max(
            found or FIRST_DATE, day - (today - last_at(self.weekdays * TWO_WEEKS, today)) * DAY
        )

    def _range_at(self, day: date) -> DateRange | None:
        index = bisect_right(self.excluded, day, key=lambda away: away.first) - 1
        return self.excluded[index] if index >= 0 and day <= self.excluded[index].last else None

    def _is_made_up(self, day: date) -> bool:
        return self._made_up_from(day) == day

    def _made_up_from(self, day: date) -> date | None:
        index = bisect_left(self.working, day)
        return self.working[index] if index < len(self.working) else None

    def _made_up_until(self, day: date) -> date | None:
        index = bisect_right(self.working, day) - 1
        return self.working[index] if index >= 0 else None


@dataclass(frozen=True, slots=True)
class Edition:
    """A named calendar as it stood at one of its versions."""

    name: str
    version: int
    calendar: Calendar


def make_calendar(
    weekdays: Iterable[int], excluded: Iterable[DateRange], working: Iterable[date]
) -> Calendar:
    """A calendar of excluded weekdays (1 Monday to 7 Sunday), excluded ranges and made-up dates; raises Invalid."""
    numbers = frozenset(weekdays)
    if not all(1 <= number <= 7 for number in numbers):
        raise Invalid("calendar.weekdays")
    ranges, made_up = sorted(excluded), tuple(sorted(set(working)))
    if len(ranges) > RANGES_LIMIT or len(made_up) > WORKING_LIMIT:
        raise Invalid("calendar.too_many", limit=RANGES_LIMIT)
    for away in ranges:
        _check_dates(away.first, away.last)
    _check_dates(*made_up)
    mask = as_mask(numbers)
    return Calendar(mask, _merged(ranges, mask), made_up)


def check_open(calendar: Calendar, today: date) -> Calendar:
    """The calendar when a date from today on is left in it; raises Invalid for one that excludes everything."""
    if calendar.working_from(today) is None:
        raise Invalid("calendar.excludes_all")
    return calendar


def _check_dates(*days: date) -> None:
    if any(not FIRST_DATE <= day <= LAST_DATE for day in days):
        raise Invalid("calendar.date_range", first=FIRST_DATE.year, last=LAST_DATE.year)
    if list(days) != sorted(days):
        raise Invalid("calendar.range_backwards", first=days[0], last=days[-1])


def _merged(ranges: Iterable[DateRange], weekdays: int) -> tuple[DateRange, ...]:
    """Ranges as one where nothing but excluded weekdays lies between them: fewer steps over a long absence."""
    merged: list[DateRange] = []
    for away in ranges:
        if merged and _touch(merged[-1].last, away.first, weekdays):
            merged[-1] = DateRange(merged[-1].first, max(merged[-1].last, away.last))
        else:
            merged.append(away)
    return tuple(merged)


def _touch(last: date, first: date, weekdays: int) -> bool:
    gap = (first - last).days - 1
    if gap > 6:
        return weekdays == WHOLE_WEEK
    return all(weekdays >> (last + n * DAY).isoweekday() & 1 for n in range(1, gap + 1))
