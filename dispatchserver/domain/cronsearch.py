"""Searching a parsed cron expression in wall time, as if no clock were ever changed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from dispatchserver.domain.crondays import DayRule, bits, first_at, last_at, month_shape
from dispatchserver.domain.wallgrid import DAY_SECONDS, WallGrid

LAST_YEAR = 2999


@dataclass(frozen=True, slots=True)
class ClockTimes:
    """The times of day at which each hand of a clock shows one of its numbers, as bit masks."""

    seconds: int
    minutes: int
    hours: int

    @property
    def last(self) -> int:
        """The last of them."""
        hour, minute = last_at(self.hours, 23), last_at(self.minutes, 59)
        return hour * 3600 + minute * 60 + last_at(self.seconds, 59)

    @property
    def count(self) -> int:
        """How many there are."""
        return self.hours.bit_count() * self.minutes.bit_count() * self.seconds.bit_count()

    def at_or_before(self, second: int) -> int | None:
        """The last of them up to this second of the day."""
        hour, minute, second = _hands(second)
        if self.hours >> hour & 1:
            if self.minutes >> minute & 1 and (found := last_at(self.seconds, second)) >= 0:
                return hour * 3600 + minute * 60 + found
            if (found := last_at(self.minutes, minute - 1)) >= 0:
                return hour * 3600 + found * 60 + last_at(self.seconds, 59)
        if (found := last_at(self.hours, hour - 1)) >= 0:
            return found * 3600 + last_at(self.minutes, 59) * 60 + last_at(self.seconds, 59)
        return None

    def count_before(self, second: int) -> int:
        """How many of them lie before this second of the day."""
        if second >= DAY_SECONDS:
            return self.count
        hour, minute, second = _hands(second)
        found = _below(self.hours, hour) * self.minutes.bit_count()
        if self.hours >> hour & 1:
            found += _below(self.minutes, minute)
        found *= self.seconds.bit_count()
        if self.hours >> hour & 1 and self.minutes >> minute & 1:
            found += _below(self.seconds, second)
        return found


def _hands(second: int) -> tuple[int, int, int]:
    """What the clock shows at a second of the day; from its end on, its last second."""
    second = min(second, DAY_SECONDS - 1)
    return second // 3600, second // 60 % 60, second % 60


def _below(mask: int, number: int) -> int:
    return (mask & (1 << number) - 1).bit_count()


@dataclass(frozen=True, slots=True, kw_only=True)
class WallSchedule:
    """Names wall times. Its fields are bit masks (bit n = the value n) and a rule for the days.

    `follows_clock` says that the hour field runs over the whole day (`*`, `*/2`, `0/6`), so that
    the schedule is meant as a rhythm and not as hours of the day.
    """

    seconds: int
    minutes: int
    hours: int
    days: DayRule
    months: int
    years: int
    follows_clock: bool

    @property
    def grid(self) -> WallGrid:
        """The same wall times, to be looked at backwards."""
        return WallGrid(self.days_of, ClockTimes(self.seconds, self.minutes, self.hours))

    def days_of(self, year: int, month: int) -> int:
        """The days named in a month, as a bit mask; none in a short month that the search passes over."""
        if not (self.years >> year & 1 and self.months >> month & 1):
            return 0
        weekday, length = month_shape(year, month)
        if length < self.days.stride:
            *_, last = 0, *bits(self.days_of(year, month - 1))
            if 0 < last < month_shape(year, month - 1)[1]:
                return 0
        return self.days.mask(weekday, length)

    def at_or_after(self, wall: datetime, last_year: int) -> datetime | None:
        """The first wall time named, from this one on; None when there is none up to that year."""
        year, month, day = wall.year, wall.month, wall.day
        time = self._time_from(wall.hour, wall.minute, wall.second)
        date = self.date_from(year, month, day if time else day + 1, last_year)
        if date is None:
            return None
        if time is None or date != (year, month, day):
            time = self._first_time()
        return datetime(*date, *time)  # noqa: DTZ001 - wall time has no zone

    def date_from(
        self, year: int, month: int, day: int, last_year: int
    ) -> tuple[int, int, int] | None:
        """The first date named, from this one on; `day` may be one past the month's end."""
        weekday, length = month_shape(year, month)
        found = first_at(self.days.mask(weekday, length), day)
        if found > 0 and self.months >> month & 1 and self.years >> year & 1:
            return (year, month, found) if year <= last_year else None
        # Quartz looks at the day before it looks at the month: the stride is taken in any month.
        gave_up = found < 0 and day <= length >= self.days.stride
        passed_over = (year, month + 1) if gave_up else None
        for later in self._months_after(year, month, last_year):
            weekday, length = month_shape(*later)
            if later == passed_over and length < self.days.stride:
                continue
            found = first_at(self.days.mask(weekday, length), 1)
            if found > 0:
                return (*later, found)
        return None

    def _months_after(self, year: int, month: int, last_year: int) -> Iterator[tuple[int, int]]:
        while 0 < year <= last_year:
            in_year = self.years >> year & 1
            while in_year and (month := first_at(self.months, month + 1)) > 0:
                yield year, month
            year, month = first_at(self.years, year + 1), 0

    def _time_from(self, hour: int, minute: int, second: int) -> tuple[int, int, int] | None:
        if self.hours >> hour & 1:
            if self.minutes >> minute & 1 and (found := first_at(self.seconds, second)) >= 0:
                return hour, minute, found
            if (found := first_at(self.minutes, minute + 1)) >= 0:
                return hour, found, first_at(self.seconds, 0)
        if (found := first_at(self.hours, hour + 1)) >= 0:
            return found, first_at(self.minutes, 0), first_at(self.seconds, 0)
        return None

    def _first_time(self) -> tuple[int, int, int]:
        return first_at(self.hours, 0), first_at(self.minutes, 0), first_at(self.seconds, 0)
