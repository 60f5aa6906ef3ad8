"""Which dates a window trigger opens on: every n-th day, weekdays of every n-th week, days of every n-th month."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from dispatchserver.domain.crondays import SIX_MONDAYS, as_mask, first_at, month_shape
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

    def days_of(self, year: int, month: int, first: date) -> int:
        """The chosen days of a month, as a bit mask; counting begins at the date `first`."""
        ahead = (first - date(year, month, 1)).days % self.every
        return _since(first, year, month, _every(self.every) << ahead + 1)


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

    def days_of(self, year: int, month: int, first: date) -> int:
        """The chosen days of a month, as a bit mask; counting begins with the week of the date `first`."""
        start = date(year, month, 1)
        into_week = start.weekday()
        weeks = ((start - first).days - into_week + first.weekday()) // 7
        chosen = _every(7 * self.every) << 7 * (-weeks % self.every)
        mask = (self.weekdays >> 1) * (chosen & SIX_MONDAYS)
        return _since(first, year, month, mask >> into_week << 1)


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
                found = first_at(self._days_of(later // 12, later % 12 + 1), low)
                if found > 0:
                    return date(later // 12, later % 12 + 1, found)
            low = 1
        return None

    def days_of(self, year: int, month: int, first: date) -> int:
        """The chosen days of a month, as a bit mask; counting begins with the month of the date `first`."""
        if (12 * (year - first.year) + month - first.month) % self.every:
            return 0
        return _since(first, year, month, self._days_of(year, month))

    def _days_of(self, year: int, month: int) -> int:
        _, length = month_shape(year, month)
        return self.days >> 1 << 1 & (2 << length) - 1 | (self.days & 1) << length


@lru_cache(maxsize=256)
def _every(step: int) -> int:
    """Bit 0 and every so many bits after it, over six weeks."""
    return as_mask(range(0, 42, step))


def _since(first: date, year: int, month: int, mask: int) -> int:
    """What of a mask of days lies inside the month and not before the date `first`."""
    if (year, month) < (first.year, first.month):
        return 0
    low = first.day if (year, month) == (first.year, first.month) else 1
    _, length = month_shape(year, month)
    return mask >> low << low & (2 << length) - 1


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
