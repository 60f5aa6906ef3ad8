"""What an owner says of a calendar, and a calendar as it is stored under its name."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import accumulate

from dispatchserver.domain.calendar import Calendar, DateRange, check_open, make_calendar
from dispatchserver.domain.errors import Invalid

TITLE_LIMIT = 200
CALENDAR_NAME_LIMIT = 100


@dataclass(frozen=True, slots=True, order=True)
class Absence:
    """Excluded dates, and what people call them."""

    dates: DateRange
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarSpec:
    """Weekdays (1 Monday to 7 Sunday) and dates that are excluded, and dates that are worked whatever those say.

    `note` is for people.
    """

    weekdays: tuple[int, ...] = ()
    excluded: tuple[Absence, ...] = ()
    working: tuple[date, ...] = ()
    note: str = ""

    def calendar(self) -> Calendar:
        """The days it says; raises Invalid."""
        return make_calendar(self.weekdays, [away.dates for away in self.excluded], self.working)

    def title_of(self, day: date) -> str:
        """What people call this excluded date; empty where nobody said."""
        found = (a.title for a in self.excluded if a.dates.first <= day <= a.dates.last)
        return next(found, "")

    def with_absences(self, more: Sequence[Absence]) -> "CalendarSpec":
        """This calendar with more excluded dates; those that one of its ranges has already are not said twice."""
        standing = sorted(self.excluded)
        firsts = [away.dates.first for away in standing]
        reached = list(accumulate((away.dates.last for away in standing), max))

        def stands(dates: DateRange) -> bool:
            before = bisect_right(firsts, dates.first)
            return before > 0 and dates.last <= reached[before - 1]

        new = {away for away in more if not stands(away.dates)}
        return replace(self, excluded=tuple(sorted([*standing, *new])))


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarKey:
    """What a calendar is known by; unique."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCalendar:
    """A calendar under its name, as it stands."""

    key: CalendarKey
    version: int
    spec: CalendarSpec
    updated_at: datetime
    updated_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarPut:
    """A calendar as it stands after a put, and the earliest next_fire_at of the tasks planned anew by it.

    `struck` are fires that were claimed already and must not be sent: see Change.
    """

    calendar: StoredCalendar
    next_fire_at: datetime | None = None
    struck: tuple[str, ...] = ()


DecideDays = Callable[[StoredCalendar | None], CalendarSpec]
"""Given the calendar as it stands (None: there is none), what it is to say; or raises a DispatchError."""


def check_calendar(spec: CalendarSpec, today: date) -> CalendarSpec:
    """The calendar when its dates are right and one from today on is left in it; raises Invalid otherwise."""
    check_open(spec.calendar(), today)
    return spec


def check_title(title: str) -> str:
    """A title that is short and printable; raises Invalid otherwise."""
    if len(title) > TITLE_LIMIT or not all(c.isprintable() for c in title):
        raise Invalid("calendar.title", limit=TITLE_LIMIT)
    return title


def check_calendar_name(name: str) -> str:
    """A calendar's name when it can be one; raises Invalid otherwise."""
    if not 1 <= len(name) <= CALENDAR_NAME_LIMIT or name != name.strip() or "/" in name:
        raise Invalid("calendar.name", limit=CALENDAR_NAME_LIMIT)
    if not all(c.isprintable() for c in name):
        raise Invalid("calendar.name", limit=CALENDAR_NAME_LIMIT)
    return name
