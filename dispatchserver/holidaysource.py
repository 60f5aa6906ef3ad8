"""National holidays from the package `holidays`.

It is loaded when first asked for: most servers never are, and loading it takes a sixth of a second.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from itertools import groupby
from typing import TYPE_CHECKING

from dispatchserver.domain.calendar import DateRange
from dispatchserver.domain.calendarspec import TITLE_LIMIT, Absence
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.faults import Faults
from dispatchserver.domain.nationaldays import NationalAsked, NationalDays, check_years

if TYPE_CHECKING:
    from holidays import HolidayBase

NAME_LIMIT = 60
NEAR = 0.5
# How far around the years asked for we look for made-up days, to tell "none this year" from "not named yet".
YEARS_BEFORE, YEARS_AFTER = 10, 2
ENGLISH = ("en_US", "en_GB")
TITLES = {"zh": ("zh_CN", "zh_HK", "zh_TW", *ENGLISH), "en": ENGLISH}


class HolidaysPackage:
    """See domain.nationaldays.NationalSource for every method's promise."""

    def national_days(self, asked: NationalAsked) -> NationalDays:
        faults = Faults()
        code = subdivision = None
        with faults.at("country", asked.country):
            code = _country(asked.country)
        if code is not None:
            with faults.at("subdivision", asked.subdivision):
                subdivision = _subdivision(code, asked.subdivision)
        with faults.at("years"):
            _check_known(check_years(asked.years), code)
        faults.raise_if_any()
        assert code is not None, "an unknown country was booked"
        return _days(code, subdivision, asked)

    def countries(self) -> Mapping[str, str]:
        return {codes[0]: name for name, codes in sorted(_registered().items())}


def _days(code: str, subdivision: str | None, asked: NationalAsked) -> NationalDays:
    years = check_years(asked.years)
    country = _populated(code, subdivision, years, asked.lang)
    week = (date(years[-1], 7, 1) + timedelta(days=n) for n in range(7))
    rest = sorted(day.isoweekday() for day in week if country.is_weekend(day))
    return NationalDays(
        country=code,
        weekdays=tuple(rest) if asked.weekend else (),
        excluded=tuple(_absences((day, country[day]) for day in country if day.year in years)),
        working=tuple(sorted(day for day in country.weekend_workdays if day.year in years)),
        made_up_until=_made_up_until(code, subdivision, years),
    )


def _absences(days: Iterable[tuple[date, str]]) -> Iterator[Absence]:
    """Neighbouring days of one title as one range; none reaches over the end of a year, so that years add up."""
    numbered = enumerate(sorted(days))
    for (_, title, _), run in groupby(
        numbered, key=lambda each: (each[1][0].toordinal() - each[0], each[1][1], each[1][0].year)
    ):
        found = [day for _, (day, _) in run]
        yield Absence(DateRange(found[0], found[-1]), _printable(title)[:TITLE_LIMIT])


def _printable(title: str) -> str:
    """The title as calendars keep it; some scripts write joiners that nobody sees."""
    return "".join(c for c in title if c.isprintable())


def _made_up_until(code: str, subdivision: str | None, years: tuple[int, ...]) -> int | None:
    around = range(years[0] - YEARS_BEFORE, years[-1] + YEARS_AFTER + 1)
    named = _populated(code, subdivision, around, "en").weekend_workdays
    last = max((day.year for day in named), default=years[-1])
    return last if last < years[-1] else None


def _populated(
    code: str, subdivision: str | None, years: Iterable[int], lang: str
) -> "HolidayBase":
    made = import_module("holidays").country_holidays
    known = made(code)
    titles = [each for each in TITLES[lang] if each in known.supported_languages]
    usual = known.default_language
    found: HolidayBase = made(code, subdivision, years, language=titles[0] if titles else usual)
    return found


def _country(typed: str) -> str:
    """The code of a country that is named by it, by its longer one, or in English; raises Invalid."""
    codes = _codes()
    asked = _folded(typed)
    if asked in codes:
        return codes[asked]
    near = get_close_matches(asked[:NAME_LIMIT], codes, n=3, cutoff=NEAR)
    found = list(dict.fromkeys(codes[each] for each in near))
    if not found:
        raise Invalid("calendar.seed_country")
    names = {codes[0]: name for name, codes in _registered().items()}
    nearest = ", ".join(f"{code} ({names[code]})" for code in found)
    raise Invalid("calendar.seed_country_nearest", nearest=nearest)


def _subdivision(code: str, typed: str | None) -> str | None:
    """The code of a part of the country that is named by it or by a name; raises Invalid."""
    if not typed:
        return None
    country = _populated(code, None, (), "en")
    if not country.subdivisions:
        raise Invalid("calendar.seed_undivided", country=code)
    parts = {part.casefold(): part for part in country.subdivisions}
    names = {name.casefold(): part for name, part in country.subdivisions_aliases.items()}
    asked = typed.strip().casefold()
    found = parts.get(asked) or names.get(asked)
    if found is None:
        known = ", ".join(country.subdivisions)
        raise Invalid("calendar.seed_subdivision", country=code, known=known)
    return found


def _check_known(years: tuple[int, ...], code: str | None) -> None:
    """Raises Invalid where the package knows nothing of a year, which would look like a year without holidays."""
    if code is None:
        return
    country = _populated(code, None, (), "en")
    if not country.start_year <= years[0] <= years[-1] <= country.end_year:
        first, last = country.start_year, country.end_year
        raise Invalid("calendar.seed_years_known", country=code, first=first, last=last)


@cache
def _codes() -> Mapping[str, str]:
    """Every country's two-letter code by all it is called."""
    found = {_folded(name): codes[0] for name, codes in _registered().items()}
    return found | {_folded(each): codes[0] for codes in _registered().values() for each in codes}


@cache
def _registered() -> Mapping[str, tuple[str, ...]]:
    """Countries by English name, each with its codes, that of two letters first."""
    known = import_module("holidays.registry").COUNTRIES
    return {module.replace("_", " ").title(): entry[1:3] for module, entry in known.items()}


def _folded(name: str) -> str:
    return name.strip().casefold().replace("_", " ")
