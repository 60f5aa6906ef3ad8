"""Wall times named as times of day on some days, looked at backwards: the last one up to a time, and how many.

By arithmetic on bit masks, a month at a step. What a clock change makes of these times is not asked here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from dispatchserver.domain.crondays import first_at, last_at
from dispatchserver.domain.wallclock import DAY, EPOCH, SECOND, as_instant, offsets, wall_at

FIRST_YEAR = 1970
DAY_SECONDS = 86_400
SEARCHED_MONTHS = 1_200
LONGEST_MONTH = 31

DaysOf = Callable[[int, int], int]
"""The named days of a month of a year, as a bit mask (bit 1 = the first)."""


class TimesOfDay(Protocol):
    """Seconds after a date's midnight. They may run into the next date, but not through a second midnight."""

    @property
    def last(self) -> int:
        """The last of them."""

    @property
    def count(self) -> int:
        """How many there are."""

    def at_or_before(self, second: int) -> int | None:
        """The last of them up to this second."""

    def count_before(self, second: int) -> int:
        """How many of them lie before this second."""


@dataclass(frozen=True, slots=True)
class WallGrid:
    """The same times on each of its days; the times of one day end before those of the next one begin."""

    days_of: DaysOf
    times: TimesOfDay

    def at_or_before(self, wall: datetime) -> datetime | None:
        """The last wall time named up to this one; None when there is none for a century."""
        day = self._day_until(wall.date())
        while day is not None:
            midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - wall time has no zone
            second = self.times.at_or_before((wall - midnight) // SECOND)
            if second is not None:
                return midnight + timedelta(seconds=second)
            day = self._day_until(day - DAY)
        return None

    def count_between(self, low: datetime, high: datetime) -> int:
        """How many wall times are named from `low` to before `high`."""
        whole = self._days_between(low.date() - DAY, high.date() - DAY)
        return whole * self.times.count + self._lately(high) - self._lately(low)

    def _lately(self, wall: datetime) -> int:
        """How many times of this date and the one before it lie before this wall time."""
        today = datetime(wall.year, wall.month, wall.day)  # noqa: DTZ001 - wall time has no zone
        return sum(
            self.times.count_before((wall - day) // SECOND)
            for day in (today - DAY, today)
            if self.days_of(day.year, day.month) >> day.day & 1
        )

    def day_from(self, day: date, last: date) -> date | None:
        """The first named day from this one on; None when there is none up to the month of `last`."""
        year, month, low = day.year, day.month, day.day
        while (year, month) <= (last.year, last.month):
            found = first_at(self.days_of(year, month), low)
            if found > 0:
                return date(year, month, found)
            year, month, low = *_month_after(year, month), 1
        return None

    def _day_until(self, day: date) -> date | None:
        year, month, high = day.year, day.month, day.day
        for _ in range(SEARCHED_MONTHS):
            found = last_at(self.days_of(year, month), high)
            if found > 0:
                return date(year, month, found)
            year, month, high = *_month_before(year, month), LONGEST_MONTH
            if year < FIRST_YEAR:
                break
        return None

    def _days_between(self, low: date, high: date) -> int:
        """How many days are named from `low` to before `high`."""
        months = 12 * (high.year - low.year) + high.month - low.month
        first = low.month - 1
        whole = sum(
            self.days_of(low.year + (first + n) // 12, (first + n) % 12 + 1).bit_count()
            for n in range(months)
        )
        return whole + self._days_before(high) - self._days_before(low)

    def _days_before(self, day: date) -> int:
        """How many days of its month are named before this one."""
        return (self.days_of(day.year, day.month) & (1 << day.day) - 1).bit_count()


def _month_after(year: int, month: int) -> tuple[int, int]:
    return (year, month + 1) if month < 12 else (year + 1, 1)


def _month_before(year: int, month: int) -> tuple[int, int]:
    return (year, month - 1) if month > 1 else (year - 1, 12)


def look_back(grid: WallGrid, moment: datetime, zone: ZoneInfo) -> datetime:
    """Where to look for the newest instant of the grid up to `moment`: at it, or near it if a clock was changed."""
    wall = grid.at_or_before(wall_at(zone, moment))
    return EPOCH if wall is None else as_instant(wall - max(offsets(zone, wall)))
