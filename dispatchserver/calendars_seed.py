"""National holidays as ready-made calendars, from the optional package `holidays`."""

from collections.abc import Sequence
from datetime import date
from importlib import import_module
from typing import Protocol, cast

from dispatchserver.domain.calendar import Calendar, DateRange, make_calendar
from dispatchserver.domain.errors import Invalid

YEARS_LIMIT = 30


class _Country(Protocol):
    """What we use of a country in that package."""

    weekend: set[int]
    weekend_workdays: set[date]

    def keys(self) -> Sequence[date]: ...


class _Package(Protocol):
    """What we use of the package itself."""

    def country_holidays(
        self, country: str, *, subdiv: str | None, years: Sequence[int]
    ) -> _Country: ...


def national_holidays(country: str, years: range, subdivision: str | None = None) -> Calendar:
    """A country's weekends and holidays of these years, with the days made up for them; raises Invalid.

    Days that a government names from year to year (China's bridge days and the weekends worked for
    them) are known only for years it has named: a later year has the fixed holidays alone.
    """
    if not 1 <= len(years) <= YEARS_LIMIT:
        raise Invalid("calendar.seed_years", limit=YEARS_LIMIT)
    try:
        known = _package().country_holidays(country, subdiv=subdivision, years=list(years))
    except NotImplementedError as error:
        raise Invalid("calendar.seed_country") from error
    return make_calendar(
        weekdays=(weekday + 1 for weekday in known.weekend),
        excluded=(DateRange(day, day) for day in known.keys() if day.year in years),  # noqa: SIM118
        working=(day for day in known.weekend_workdays if day.year in years),
    )


def last_year_named(calendar: Calendar) -> int | None:
    """The last year for which made-up days are known; None where the country has none."""
    return calendar.working[-1].year if calendar.working else None


def _package() -> _Package:
    try:
        return cast(_Package, import_module("holidays"))
    except ImportError as error:
        raise Invalid("calendar.seed_missing") from error
