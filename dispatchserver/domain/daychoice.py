"""Which dates a window trigger opens on: every n-th day, weekdays of every n-th week, days of every n-th month."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from dispatchserver.domain.crondays import as_mask, first_at, month_shape
from dispatchserver.domain.errors import Invalid

DAYS_LIMIT, WEEKS_LIMIT, MONTHS_LIMIT = 3660, 520, 120
LAST_DAY = 0
SEARCHED_MONTHS = 1200


@dataclass(frozen=True, slots=True)
class EveryDays:
    """Every n-th day, the first date counted."""

    every: int

    def from_date(self, day: date, first: date) -> date | None:
        """The first chosen date from `day` on; counting begins at the date `first`."""
        if day <= first:
            return first
        return day + timedelta(days=-(day - first).days % self.every)


@dataclass(frozen=True, slots=True)
class Weekly:
    """Some weekdays of every n-th week. Bit 1 is Monday, bit 7 Sunday; weeks begin on Monday."""

    every: int
    weekdays: int

    def from_date(self, day: date, first: date) -> date | None:
        """The first chosen date from `day` on; counting begins with the week of the date `first`."""
        day = max(day, first)
        monday = day - timedelta(days=day.weekday())
        weeks_ahead = -((monday - first).days + first.weekday()) // 7 % self.every
        found = first_at(self.weekdays, day.isoweekday()) if weeks_ahead == 0 else -1
        if found < 0:
            weeks_ahead = weeks_ahead or self.every
            found = first_at(self.weekdays, 1)
        return monday + timedelta(days=7 * weeks_ahead + found - 1)


@dataclass(frozen=True, slots=True)
class Monthly:
    """Some days of every n-th month. Bit 0 is the last day, whichever it is; a month without the 31st skips it."""

    every: int
    days: int

    def from_date(self, day: date, first: date) -> date | None:
        """The first chosen date from `day` on; counting begins with the month of the date `first`."""
        day = max(day, first)
        month, since = 12 * day.year + day.month - 1, 12 * first.year + first.month - 1
        low = day.day
        for later in range(month, month + SEARCHED_MONTHS):
            if (later - since) % self.every == 0:
                found = self._first_in(later // 12, later % 12 + 1, low)
                if found > 0:
                    return date(later // 12, later % 12 + 1, found)
            low = 1
        return None

    def _first_in(self, year: int, month: int, low: int) -> int:
        _, length = month_shape(year, month)
        days = self.days >> 1 << 1 & (2 << length) - 1
        return first_at(days | (self.days & 1) << length, low)


DayChoice = EveryDays | Weekly | Monthly


def every_days(every: int) -> EveryDays:
    """Every n-th day; raises Invalid."""
    return EveryDays(_frequency(every, DAYS_LIMIT))


def weekly(every: int, weekdays: Iterable[int]) -> Weekly:
    """Weekdays (1 Monday to 7 Sunday) of every n-th week; raises Invalid."""
    return Weekly(_frequency(every, WEEKS_LIMIT), _mask(weekdays, 1, 7, "window_weekdays"))


def monthly(every: int, days: Iterable[int]) -> Monthly:
    """Days of the month (1 to 31, 0 the last one) of every n-th month; raises Invalid."""
    return Monthly(_frequency(every, MONTHS_LIMIT), _mask(days, LAST_DAY, 31, "window_monthdays"))


def _frequency(every: int, limit: int) -> int:
    if not 1 <= every <= limit:
        raise Invalid("trigger.window_frequency", limit=limit)
    return every


def _mask(numbers: Iterable[int], low: int, high: int, key: str) -> int:
    chosen = frozenset(numbers)
    if not chosen or not all(low <= number <= high for number in chosen):
        raise Invalid(f"trigger.{key}")
    return as_mask(chosen)
