"""National holidays from the optional package, and the words where it is missing."""

import sys
from datetime import date

import pytest

from dispatchserver.calendars_seed import last_year_named, national_holidays
from dispatchserver.domain.errors import Invalid


def test_china_has_its_holidays_and_the_days_made_up_for_them() -> None:
    pytest.importorskip("holidays")
    calendar = national_holidays("CN", range(2026, 2028))
    assert all(calendar.is_excluded(date(2026, 10, day)) for day in range(1, 8))
    assert not calendar.is_excluded(date(2026, 9, 20))  # a Sunday
    assert not calendar.is_excluded(date(2026, 10, 10))  # a Saturday
    assert calendar.is_excluded(date(2026, 10, 11))
    assert last_year_named(calendar) is not None


def test_a_country_without_made_up_days_has_its_holidays() -> None:
    pytest.importorskip("holidays")
    calendar = national_holidays("US", range(2026, 2027), "CA")
    assert calendar.is_excluded(date(2026, 7, 3))
    assert last_year_named(calendar) is None


def test_an_unknown_country_is_refused() -> None:
    pytest.importorskip("holidays")
    for country, region in (("XX", None), ("CN", "ZZ")):
        with pytest.raises(Invalid) as caught:
            national_holidays(country, range(2026, 2027), region)
        assert caught.value.code == "calendar.seed_country"


def test_too_many_years_are_refused() -> None:
    for years in (range(2026, 2026), range(2000, 2031)):
        with pytest.raises(Invalid) as caught:
            national_holidays("CN", years)
        assert caught.value.code == "calendar.seed_years"


def test_without_the_package_the_refusal_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "holidays", None)
    with pytest.raises(Invalid) as caught:
        national_holidays("CN", range(2026, 2027))
    assert caught.value.code == "calendar.seed_missing"
