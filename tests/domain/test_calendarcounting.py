"""Counting under a calendar agrees with walking from fire to fire."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatchserver.domain.calendar import DateRange, Shift, make_calendar
from dispatchserver.domain.calendarcounting import fires_under
from dispatchserver.domain.calendartrigger import CalendarTrigger
from dispatchserver.domain.counting import Count
from dispatchserver.domain.outlook import outlook
from tests.builders import NOON, at, cron, every
from tests.shapes import BERLIN, a_window, every_n_days, union

DAY = timedelta(days=1)
AWAY = [
    DateRange(date(2026, 3, 20), date(2026, 4, 6)),
    DateRange(date(2026, 10, 25), date(2026, 10, 25)),
]
CALENDAR = make_calendar([6, 7], AWAY, [date(2026, 3, 28)])
TRIGGERS = [
    cron("0 30 2 * * ?", "Europe/Berlin"),
    cron("0 0 0/6 ? * SAT,MON", "America/New_York"),
    every(40_000),
    every(90_000, count=20),
    a_window(minutes=240, zone=BERLIN),
    every_n_days(zone=BERLIN),
    union(cron("0 0 9 * * ?"), cron("0 0 9 ? * MON"), every_n_days(2, "21:00")),
]


def under(trigger, shift=Shift.SKIP, since=NOON):
    return CalendarTrigger(trigger=trigger, calendar=CALENDAR, shift=shift, since=since)


def walked(trigger, after, until):
    count, moment = 0, trigger.next_after(after)
    while moment is not None and moment <= until:
        count, moment = count + 1, trigger.next_after(moment)
    return count


@pytest.mark.parametrize("shift", Shift)
@pytest.mark.parametrize("trigger", TRIGGERS)
@settings(max_examples=25, deadline=None)
@given(hours=st.integers(0, 7_000), span=st.integers(0, 1_000))
def test_what_is_counted_is_what_is_walked(trigger, shift, hours, span):
    after = at(hours * 3600)
    until = after + timedelta(hours=span)
    trigger = under(trigger, shift)
    assert fires_under(trigger, after, until) == Count(walked(trigger, after, until))


def test_many_are_reckoned_where_none_is_moved():
    minutely = under(cron("0 * * * * ?"))
    assert fires_under(minutely, at(-43_200), at(-43_200) + 14 * DAY) == Count(10 * 1_440)


@pytest.mark.parametrize("shift", [Shift.NEXT, Shift.PREVIOUS])
def test_of_many_with_some_moved_those_that_stay_are_a_number_at_least(shift):
    minutely = under(cron("0 * * * * ?"), shift)
    count = fires_under(minutely, at(-43_200), at(-43_200) + 14 * DAY)
    assert count == Count(10 * 1_440, exact=False)


def test_an_outlook_tells_fires_and_what_is_excluded_between_them():
    seen = outlook(under(cron("0 0 9 * * ?"), Shift.NEXT), NOON, 4)
    assert [(fire.at.day, fire.moved_from) for fire in seen.fires] == [
        (5, None), (6, None), (9, None), (10, None),
    ]  # fmt: skip
    assert [(run.first.day, run.last.day, run.count) for run in seen.excluded] == [(7, 8, 2)]


def test_an_outlook_tells_what_was_moved():
    seen = outlook(under(cron("0 0 9 ? * SUN"), Shift.NEXT), NOON, 2)
    assert [(fire.at.day, fire.moved_from) for fire in seen.fires] == [
        (9, date(2026, 3, 8)), (16, date(2026, 3, 15)),
    ]  # fmt: skip


def test_an_outlook_ends_where_the_trigger_does():
    seen = outlook(under(cron("0 0 9 ? * SUN", end=at(20 * 86_400))), NOON, 4)
    assert (seen.fires, len(seen.excluded)) == ((), 3)
