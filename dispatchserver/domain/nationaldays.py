"""National holidays: what is asked of a source of them, what it names, and how that joins a calendar."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Protocol

from dispatchserver.domain.calendar import FIRST_DATE, make_calendar
from dispatchserver.domain.calendarspec import Absence, CalendarSpec
from dispatchserver.domain.errors import Invalid

YEARS_LIMIT = 30
_YEARS = re.compile(r"(\d{4})(?:\s*[-–]\s*(\d{4}))?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class NationalAsked:
    """Whose holidays, of which years, with titles in which language (zh, en) where the source has them.

    `weekend` says whether the country's weekly days of rest are wanted too.
    """

    country: str
    subdivision: str | None = None
    years: tuple[int, ...]
    weekend: bool = True
    lang: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NationalDays:
    """What a source names: weekly days of rest (1 Monday to 7 Sunday), holidays, and days worked for them.

    `made_up_until` is the last year whose made-up days it knows, where a later one was asked for:
    governments name them from year to year. None where nothing is missing.
    """

    country: str
    weekdays: tuple[int, ...] = ()
    excluded: tuple[Absence, ...]
    working: tuple[date, ...] = ()
    made_up_until: int | None = None


class NationalSource(Protocol):
    """Knows the holidays of countries. What it answers may take a while: never ask it on the event loop."""

    def national_days(self, asked: NationalAsked) -> NationalDays:
        """What is known of these holidays; raises Refused with the fields at fault."""

    def countries(self) -> Mapping[str, str]:
        """Every country known, by its code, with its English name, by name."""


def with_national_days(spec: CalendarSpec, days: NationalDays) -> CalendarSpec:
    """The calendar with a country's days; what it excludes or works by its own word stays so."""
    own = make_calendar((), [away.dates for away in spec.excluded], ())
    made_up = {day for day in days.working if not own.is_excluded(day)}
    return replace(
        spec.with_absences(days.excluded),
        weekdays=tuple(sorted({*spec.weekdays, *days.weekdays})),
        working=tuple(sorted({*spec.working, *made_up})),
    )


def read_years(text: str) -> tuple[int, ...]:
    """Years as people write them: 2026, 2026-2028, or several of these with commas between; raises Invalid."""
    years: list[int] = []
    for part in text.split(","):
        match = _YEARS.fullmatch(part.strip())
        if match is None:
            raise Invalid("calendar.seed_years_text")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise Invalid("calendar.range_backwards", first=first, last=last)
        years += range(first, min(last, first + YEARS_LIMIT) + 1)
    return check_years(tuple(years))


def check_years(years: tuple[int, ...]) -> tuple[int, ...]:
    """The years, each once and in order, when they are a few; raises Invalid otherwise."""
    found = tuple(sorted(set(years)))
    if not 1 <= len(found) <= YEARS_LIMIT or found[0] < FIRST_DATE.year:
        raise Invalid("calendar.seed_years", limit=YEARS_LIMIT, first=FIRST_DATE.year)
    return found
