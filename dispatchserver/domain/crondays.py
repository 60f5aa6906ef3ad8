"""Which days of a month a cron expression means: one small rule for each way Quartz has to say it.

A month is known by its shape alone: the weekday of its first day (0 = Sunday) and its length.
Days are answered as a bit mask (bit 1 = the first of the month), because the search only ever
asks for "the first one from here on".
"""

from calendar import monthrange
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

SUNDAY, FRIDAY, SATURDAY = 0, 5, 6
SIX_MONDAYS = sum(1 << 7 * week for week in range(6))


class DayRule(Protocol):
    """Names days in any month, and the day number Quartz steps to when it gives a month up."""

    @property
    def stride(self) -> int:
        """When Quartz leaves a month early it steps to this day of the next one, over a shorter month."""

    def mask(self, first_weekday: int, length: int) -> int:
        """The days meant in a month of this shape."""


@lru_cache(maxsize=4096)
def month_shape(year: int, month: int) -> tuple[int, int]:
    """The weekday of a month's first day (0 = Sunday), and its length."""
    monday_based, length = monthrange(year, month)
    return (monday_based + 1) % 7, length


def as_mask(values: Iterable[int]) -> int:
    """These numbers as set bits."""
    mask = 0
    for value in values:
        mask |= 1 << value
    return mask


def bits(mask: int) -> Iterator[int]:
    """The set bits as numbers, the lowest first."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def first_at(mask: int, low: int) -> int:
    """The first set bit from `low` on; -1 when there is none."""
    rest = mask >> low
    return low + (rest & -rest).bit_length() - 1 if rest else -1


def last_at(mask: int, high: int) -> int:
    """The last set bit up to `high`; -1 when there is none."""
    return (mask & (1 << high + 1) - 1).bit_length() - 1


@dataclass(frozen=True, slots=True)
class DayNumbers:
    """Plain days of the month: `1,15`, `*/10`, `28-3`."""

    numbers: int
    stride: int = 0

    def mask(self, first_weekday: int, length: int) -> int:
        return self.numbers & ((2 << length) - 1)


@dataclass(frozen=True, slots=True)
class LastDay:
    """`L`, or `L-3`: so many days before the last one. A month without such a day has none."""

    offset: int = 0
    stride: int = 0

    def mask(self, first_weekday: int, length: int) -> int:
        return 1 << length - self.offset if self.offset < length else 0


@dataclass(frozen=True, slots=True)
class LastDayWeekday:
    """`LW`, or `L-3W`: the weekday nearest to that day, inside the month."""

    offset: int = 0
    stride: int = 0

    def mask(self, first_weekday: int, length: int) -> int:
        day = nearest_weekday(length - self.offset, first_weekday, length)
        return 1 << day if day > 0 else 0


@dataclass(frozen=True, slots=True)
class NearestWeekday:
    """`15W`: the weekday nearest to that day, inside the month.

    Quartz counts a day beyond the month's end on into the next month. That puts nothing into
    the month, but for one case: the day after the last being a Saturday, its Friday is the last.
    """

    day: int

    @property
    def stride(self) -> int:
        return self.day

    def mask(self, first_weekday: int, length: int) -> int:
        day = nearest_weekday(self.day, first_weekday, length)
        return 1 << day if day <= length else 0


@dataclass(frozen=True, slots=True)
class Weekdays:
    """Days of the week: `MON-FRI`, `2,4`. Holds a pattern of six weeks, bit 0 a Sunday."""

    weeks: int
    stride: int = 0

    @classmethod
    def of(cls, numbers: int) -> "Weekdays":
        """From a mask in Quartz's numbering, bit 1 = Sunday."""
        return cls(sum(numbers >> 1 << 7 * week for week in range(6)))

    def mask(self, first_weekday: int, length: int) -> int:
        return self.weeks >> first_weekday << 1 & (2 << length) - 1


@dataclass(frozen=True, slots=True)
class LastWeekday:
    """`6L`: the month's last Friday."""

    weekday: int
    stride: int = 0

    def mask(self, first_weekday: int, length: int) -> int:
        first = 1 + (self.weekday - first_weekday) % 7
        return 1 << first + (length - first) // 7 * 7


@dataclass(frozen=True, slots=True)
class NthWeekday:
    """`6#3`: the month's third Friday. A month without a fifth one has none."""

    weekday: int
    nth: int
    stride: int = 0

    def mask(self, first_weekday: int, length: int) -> int:
        day = 1 + (self.weekday - first_weekday) % 7 + 7 * (self.nth - 1)
        return 1 << day if day <= length else 0


def nearest_weekday(day: int, first_weekday: int, length: int) -> int:
    """The weekday nearest to a day; moved over a whole weekend rather than out of the month."""
    weekday = (first_weekday + day - 1) % 7
    if weekday == SATURDAY:
        return day + 2 if day == 1 else day - 1
    if weekday == SUNDAY:
        return day - 2 if day == length else day + 1
    return day
