"""Which days are worked."""

from collections.abc import Callable, Iterable
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatchserver.domain.calendar import Calendar, DateRange, check_open, make_calendar
from dispatchserver.domain.errors import Invalid
from dispatchserver.messages import LANGUAGES, say_error

DAY = timedelta(days=1)
NATIONAL_DAY = DateRange(date(2026, 10, 1), date(2026, 10, 7))
MADE_UP_SATURDAY = date(2026, 10, 10)


def a_calendar(
    weekdays: Iterable[int] = (6, 7),
    excluded: Iterable[DateRange] = (NATIONAL_DAY,),
    working: Iterable[date] = (MADE_UP_SATURDAY,),
) -> Calendar:
    return make_calendar(weekdays, excluded, working)


def test_weekends_and_holidays_are_excluded_and_made_up_days_are_not() -> None:
    calendar = a_calendar()
    worked = [day for n in range(1, 19) if not calendar.is_excluded(day := date(2026, 10, n))]
    assert [day.day for day in worked] == [8, 9, 10, 12, 13, 14, 15, 16]


def test_a_made_up_day_is_worked_even_inside_a_holiday() -> None:
    assert not a_calendar(working=[date(2026, 10, 5)]).is_excluded(date(2026, 10, 5))


def test_the_working_days_around_a_holiday_are_found() -> None:
    calendar = a_calendar()
    assert calendar.working_from(date(2026, 10, 1)) == date(2026, 10, 8)
    assert calendar.working_until(date(2026, 10, 7)) == date(2026, 9, 30)
    assert calendar.working_from(date(2026, 10, 9)) == date(2026, 10, 9)


def test_a_calendar_of_made_up_days_only_knows_those() -> None:
    calendar = a_calendar(weekdays=range(1, 8))
    assert calendar.working_from(date(2026, 1, 1)) == MADE_UP_SATURDAY
    assert calendar.working_until(date(2999, 1, 1)) == MADE_UP_SATURDAY
    assert calendar.working_from(MADE_UP_SATURDAY + DAY) is None


def test_a_long_absence_is_passed_in_one_step() -> None:
    weeks = [DateRange(day, day + 4 * DAY) for n in range(2000) if (day := MONDAY + 7 * n * DAY)]
    assert len(a_calendar(excluded=weeks).excluded) == 1


MONDAY = date(2026, 3, 2)


def refuses(act: Callable[[], object], code: str) -> None:
    with pytest.raises(Invalid) as caught:
        act()
    assert caught.value.code == f"calendar.{code}"
    for lang in LANGUAGES:
        assert say_error(lang, caught.value) != caught.value.code


def test_a_calendar_that_excludes_everything_is_refused() -> None:
    whole_week = a_calendar(weekdays=range(1, 8))
    assert check_open(whole_week, MADE_UP_SATURDAY)
    refuses(lambda: check_open(whole_week, MADE_UP_SATURDAY + DAY), "excludes_all")
    for_ever = a_calendar(excluded=[DateRange(date(2026, 1, 1), date(2999, 12, 31))], working=[])
    refuses(lambda: check_open(for_ever, date(2026, 5, 5)), "excludes_all")


def test_what_is_no_calendar_is_refused() -> None:
    backwards = DateRange(date(2026, 10, 7), date(2026, 10, 1))
    refuses(lambda: a_calendar(weekdays=[0]), "weekdays")
    refuses(lambda: a_calendar(weekdays=[8]), "weekdays")
    refuses(lambda: a_calendar(excluded=[backwards]), "range_backwards")
    refuses(lambda: a_calendar(working=[date(1969, 12, 31)]), "date_range")
    refuses(lambda: a_calendar(excluded=[DateRange(MONDAY, date(3000, 1, 1))]), "date_range")
    refuses(lambda: a_calendar(excluded=[NATIONAL_DAY] * 5001), "too_many")
    refuses(lambda: a_calendar(working=[MONDAY + n * DAY for n in range(5001)]), "too_many")


days = st.integers(0, 120).map(lambda n: MONDAY + n * DAY)
ranges = st.builds(lambda first, n: DateRange(first, first + n * DAY), days, st.integers(0, 9))


@given(
    st.frozensets(st.integers(1, 7)),
    st.lists(ranges, max_size=8),
    st.frozensets(days, max_size=8),
    days,
)
@settings(max_examples=300, deadline=None)
def test_every_answer_is_what_a_walk_over_the_days_finds(
    weekdays: frozenset[int], away: list[DateRange], working: frozenset[date], day: date
) -> None:
    calendar = make_calendar(weekdays, away, working)

    def worked(day: date) -> bool:
        left_out = day.isoweekday() in weekdays or any(r.first <= day <= r.last for r in away)
        return day in working or not left_out

    near = [day + n * DAY for n in range(-160, 161)]
    assert [not calendar.is_excluded(d) for d in near] == [worked(d) for d in near]
    assert calendar.working_from(day) == next((d for d in near[160:] if worked(d)), None)
    assert calendar.working_until(day) == next((d for d in near[160::-1] if worked(d)), None)
