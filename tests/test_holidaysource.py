"""National holidays from the package: whose, in which words, and what is not known yet."""

import subprocess
import sys
from datetime import date

import pytest

from dispatchserver.domain.calendar import DAY, Calendar, DateRange
from dispatchserver.domain.calendarspec import Absence, CalendarSpec, check_title
from dispatchserver.domain.errors import Refused
from dispatchserver.domain.nationaldays import NationalAsked, NationalDays, with_national_days
from dispatchserver.holidaysource import HolidaysPackage

SOURCE = HolidaysPackage()


def named(country: str = "CN", *years: int, lang: str = "en", **more: object) -> NationalDays:
    asked = {"country": country, "years": years or (2026,), "lang": lang} | more
    return SOURCE.national_days(NationalAsked(**asked))  # type: ignore[arg-type]


def days_of(found: NationalDays) -> Calendar:
    return with_national_days(CalendarSpec(), found).calendar()


def faults_of(*args: object, **more: object) -> dict[str, tuple[str, object]]:
    with pytest.raises(Refused) as caught:
        named(*args, **more)  # type: ignore[arg-type]
    return {fault.field: (fault.code, fault.params) for fault in caught.value.faults}


def titles(found: NationalDays) -> dict[str, str]:
    return {
        f"{away.dates.first:%m-%d}/{away.dates.last:%m-%d}": away.title for away in found.excluded
    }


def test_china_has_its_weekends_its_holidays_and_the_days_made_up_for_them() -> None:
    calendar = days_of(named("CN", 2026))
    assert all(calendar.is_excluded(date(2026, 10, day)) for day in range(1, 8))
    assert not calendar.is_excluded(date(2026, 9, 20))  # a Sunday
    assert not calendar.is_excluded(date(2026, 10, 10))  # a Saturday
    assert calendar.is_excluded(date(2026, 10, 11))
    assert not calendar.is_excluded(date(2026, 10, 8))


def test_what_is_not_named_yet_is_told_with_the_last_year_that_is() -> None:
    assert named("CN", 2026).made_up_until is None
    later = named("CN", 2030)
    assert later.made_up_until is not None
    assert 2026 <= later.made_up_until < 2030
    assert later.working == ()
    assert date(2030, 10, 1) in {away.dates.first for away in later.excluded}


def test_a_country_without_made_up_days_misses_none() -> None:
    assert named("US", 2030).made_up_until is None


def test_a_year_without_made_up_days_between_others_is_not_taken_for_unknown() -> None:
    assert named("RU", 2023).working == ()
    assert named("RU", 2023).made_up_until is None


def test_neighbouring_days_of_one_name_are_one_range_and_none_reaches_into_the_next_year() -> None:
    found = named("CN", 2025, 2026)
    assert titles(named("CN", 2026))["10-01/10-03"] == "National Day"
    assert all(away.dates.first.year == away.dates.last.year for away in found.excluded)
    each = [day for away in found.excluded for day in (away.dates.first, away.dates.last)]
    assert each == sorted(each)


def test_years_asked_for_one_by_one_are_the_years_asked_for_together() -> None:
    together = with_national_days(CalendarSpec(), named("CN", 2025, 2026))
    one_by_one = with_national_days(CalendarSpec(), named("CN", 2025))
    assert with_national_days(one_by_one, named("CN", 2026)) == together


@pytest.mark.parametrize(
    ("country", "lang", "day", "title"),
    [
        ("CN", "zh", "10-01/10-03", "国庆节"),
        ("CN", "en", "10-01/10-03", "National Day"),
        ("HK", "zh", "07-01/07-01", "香港特别行政区成立纪念日"),
        ("DE", "en", "10-03/10-03", "German Unity Day"),
        ("DE", "zh", "10-03/10-03", "German Unity Day"),
        ("CR", "zh", "09-15/09-15", "Independence Day"),
    ],
)
def test_titles_are_in_the_language_asked_for_or_else_in_one_that_there_is(
    country: str, lang: str, day: str, title: str
) -> None:
    assert titles(named(country, lang=lang))[day] == title


@pytest.mark.parametrize("written", ["CN", "cn", " cn ", "CHN", "China", "china"])
def test_a_country_is_known_by_its_codes_and_by_its_english_name(written: str) -> None:
    assert named(written).country == "CN"


@pytest.mark.parametrize("written", ["CA", "ca", "California"])
def test_a_subdivision_is_known_by_its_code_and_by_its_name(written: str) -> None:
    found = named("US", subdivision=written)
    assert found.excluded != named("US").excluded
    assert found == named("US", subdivision="CA")


def test_the_weekend_is_the_countrys_own_and_left_out_where_asked() -> None:
    assert named("CN").weekdays == (6, 7)
    assert named("HK").weekdays == (7,)
    assert named("AE", 2021).weekdays == (5, 6)
    assert named("AE", 2026).weekdays == (6, 7)
    assert named("CN", weekend=False).weekdays == ()


def test_an_unknown_country_is_refused_with_the_nearest_names() -> None:
    code, params = faults_of("Chnia")["country"]
    assert code == "calendar.seed_country_nearest"
    assert "CN (China)" in str(params)
    assert faults_of("🙂")["country"] == ("calendar.seed_country", {})
    assert faults_of("x" * 100_000)["country"][0] == "calendar.seed_country"


def test_an_unknown_subdivision_is_refused_with_those_there_are() -> None:
    code, params = faults_of("DE", subdivision="ZZ")["subdivision"]
    assert code == "calendar.seed_subdivision"
    assert "BY" in str(params)
    assert faults_of("CN", subdivision="ZZ")["subdivision"][0] == "calendar.seed_undivided"


@pytest.mark.parametrize("years", [(1969,), tuple(range(2000, 2031))])
def test_too_many_or_too_early_years_are_refused(years: tuple[int, ...]) -> None:
    assert faults_of("CN", *years)["years"][0] == "calendar.seed_years"


def test_years_of_which_nothing_is_known_are_refused_and_no_year_without_holidays() -> None:
    code, params = faults_of("CN", 2026, 2999)["years"]
    assert (code, params) == (
        "calendar.seed_years_known",
        {"country": "CN", "first": 1950, "last": 2100},
    )


def test_all_faults_are_told_at_once() -> None:
    assert set(faults_of("US", 1969, subdivision="ZZ")) == {"subdivision", "years"}


def test_every_country_can_be_asked_for() -> None:
    countries = SOURCE.countries()
    assert countries["CN"] == "China"
    assert len(countries) > 200
    for country in countries:
        found = named(country, 2026, lang="zh")
        assert found.country == country
        for away in found.excluded:
            check_title(away.title)


def test_own_dates_stay_as_they_are() -> None:
    inventory = Absence(DateRange(date(2026, 10, 9), date(2026, 10, 11)), "inventory")
    own = CalendarSpec(
        weekdays=(7,), excluded=(inventory,), working=(date(2026, 10, 5),), note="ours"
    )
    spec = with_national_days(own, named("CN", weekend=False))
    calendar = spec.calendar()
    assert (spec.weekdays, spec.note) == ((7,), "ours")
    assert inventory in spec.excluded
    assert calendar.is_excluded(date(2026, 10, 10))  # made up elsewhere, but not here
    assert not calendar.is_excluded(date(2026, 10, 5))
    assert calendar.is_excluded(date(2026, 10, 5) - DAY)


def test_the_package_is_not_loaded_with_the_server() -> None:
    program = "import sys, dispatchserver.app; sys.exit('holidays' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
