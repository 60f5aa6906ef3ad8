"""What a trigger does, said without words: values that hold in every language.

Made by describing.py, put into Chinese or English by the wording package.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from dispatchserver.domain.crondays import (
    LastDay,
    LastDayWeekday,
    LastWeekday,
    NearestWeekday,
    NthWeekday,
)

DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Run:
    """The numbers from `first` to `last`, each `step` apart; a last below the first goes on past the field's end."""

    first: int
    last: int
    step: int = 1


@dataclass(frozen=True, slots=True)
class Numbers:
    """The values of one field, in order. `every` is n where they are each n-th one, all through the field."""

    runs: tuple[Run, ...]
    every: int = 0

    @property
    def whole(self) -> bool:
        """Whether it leaves nothing out."""
        return self.every == 1

    @property
    def single(self) -> int | None:
        """The value, when there is only one."""
        only = self.runs[0]
        return only.first if len(self.runs) == 1 and only.first == only.last else None


@dataclass(frozen=True, slots=True)
class EveryDay:
    """No day is left out."""


@dataclass(frozen=True, slots=True)
class DaysOfMonth:
    """These days of the month, where the month has them."""

    numbers: Numbers


@dataclass(frozen=True, slots=True)
class DaysOfWeek:
    """These days of the week, 1 = Monday to 7 = Sunday."""

    numbers: Numbers


@dataclass(frozen=True, slots=True)
class EveryNthDay:
    """One day in so many, counted from the start."""

    every: int


@dataclass(frozen=True, slots=True)
class DaysAndLast:
    """These days of the month, where the month has them, and its last day."""

    numbers: Numbers


Days = (
    EveryDay
    | EveryNthDay
    | DaysAndLast
    | DaysOfMonth
    | DaysOfWeek
    | LastDay
    | LastDayWeekday
    | NearestWeekday
    | LastWeekday
    | NthWeekday
)


@dataclass(frozen=True, slots=True)
class Clocks:
    """At each of these times of day, in seconds after midnight."""

    times: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Window:
    """From one time of day to another, both counted; a last before the first lies on the next day."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Every `step` seconds within each window, beginning at its first time."""

    step: int
    windows: tuple[Window, ...]

    @property
    def all_day(self) -> bool:
        """Whether midnight does not break the rhythm."""
        window = self.windows[0]
        return len(self.windows) == 1 and (
            window.last + self.step - window.first == DAY_SECONDS and window.first < self.step
        )


@dataclass(frozen=True, slots=True)
class Pattern:
    """At each of these seconds of each of these minutes of each of these hours."""

    hours: Numbers
    minutes: Numbers
    seconds: Numbers


Times = Clocks | Rhythm | Pattern


class CycleUnit(StrEnum):
    """What is counted where only every n-th one has its turn."""

    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Cycle:
    """Only every n-th week or month, counted from the start."""

    unit: CycleUnit
    every: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasions:
    """Times of day on certain days, by the wall clock of a zone, from `start` to `end`.

    `only` leaves out the days that are not one of these weekdays too.
    """

    times: Times
    days: Days
    months: Numbers
    years: Numbers
    zone: ZoneInfo
    start: datetime | None = None
    end: datetime | None = None
    only: DaysOfWeek | None = None
    cycle: Cycle | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeats:
    """From `first` on every `step`, up to `last`: `count` times in all, or for ever where these are None."""

    first: datetime
    step: timedelta | None
    last: datetime | None
    count: int | None
    zone: ZoneInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """Whatever one of these says."""

    lines: tuple[Occasions | Repeats, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AfterRuns:
    """At `first`, then so long after each run has ended, up to `end`."""

    delay: timedelta
    first: datetime
    end: datetime | None
    zone: ZoneInfo


Description = Occasions | Repeats | Lines | AfterRuns
