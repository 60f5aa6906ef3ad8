"""Every n calendar days at a time of day, over clock changes."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatchserver.domain.cron import CronExpression
from dispatchserver.domain.dayinterval import (
    DayIntervalTrigger,
    check_day_interval,
    first_date_from,
)
from dispatchserver.domain.dst import DstRule
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.triggers import upcoming

NEW_YORK = ZoneInfo("America/New_York")
NEW_YEAR_2016 = datetime(2016, 1, 1, tzinfo=UTC)
FIRST_OF_MARCH = date(2026, 3, 1)


def every(
    days: int, at: time, first: date = FIRST_OF_MARCH, zone: ZoneInfo = NEW_YORK, **more: datetime
) -> DayIntervalTrigger:
    return DayIntervalTrigger(days=days, at=at, first_date=first, zone=zone, **more)


def local(trigger: DayIntervalTrigger, count: int) -> list[str]:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    found = upcoming(trigger, moment, count)
    return [fire.astimezone(trigger.zone).strftime("%m-%d %H:%M:%S %z") for fire in found]


def test_it_fires_at_the_same_wall_time_whatever_the_offset() -> None:
    assert local(every(7, time(4, 30, 15)), 3) == [
        "03-01 04:30:15 -0500",
        "03-08 04:30:15 -0400",
        "03-15 04:30:15 -0400",
    ]


def test_a_time_left_out_fires_at_the_end_of_the_gap() -> None:
    assert local(every(7, time(2, 30)), 2)[1] == "03-08 03:00:00 -0400"


def test_a_time_shown_twice_fires_the_first_time() -> None:
    trigger = every(1, time(1, 30), date(2026, 11, 1))
    assert local(trigger, 2) == ["11-01 01:30:00 -0400", "11-02 01:30:00 -0500"]


def test_the_end_counts() -> None:
    end = datetime(2026, 3, 3, 9, tzinfo=NEW_YORK).astimezone(UTC)
    assert len(local(every(2, time(9), end=end), 9)) == 2


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-03-02 09:29:59", date(2026, 3, 2)),
        ("2026-03-02 09:30:00", date(2026, 3, 2)),
        ("2026-03-02 09:30:59", date(2026, 3, 2)),
        ("2026-03-02 09:31:00", date(2026, 3, 3)),
    ],
)
def test_the_first_date_is_today_until_its_minute_has_passed(now: str, expected: date) -> None:
    moment = datetime.fromisoformat(now).replace(tzinfo=NEW_YORK).astimezone(UTC)
    assert first_date_from(moment, time(9, 30), NEW_YORK) == expected


def test_an_interval_that_is_none_is_refused() -> None:
    for days in (0, -1, 3661):
        with pytest.raises(Invalid):
            check_day_interval(every(days, time(9)))
    with pytest.raises(Invalid) as caught:
        check_day_interval(every(1, time(9), end=datetime(2026, 3, 1, tzinfo=UTC)))
    assert caught.value.code == "trigger.days_empty"
    assert check_day_interval(every(3660, time(9)))


ZONES = ("America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "America/Sao_Paulo")


@given(
    st.sampled_from(ZONES),
    st.sampled_from([DstRule.EXACTLY_ONCE, DstRule.SKIP, DstRule.LITERAL]),
    st.integers(0, 86_399),
    st.integers(0, 12 * 365 * 86_400),
)
@settings(max_examples=500, deadline=None)
def test_every_day_is_what_a_daily_cron_expression_is(
    name: str, rule: DstRule, second: int, later: int
) -> None:
    at = (NEW_YEAR_2016 + timedelta(seconds=second)).time()
    moment = NEW_YEAR_2016 + timedelta(seconds=later)
    trigger = DayIntervalTrigger(
        days=1, at=at, first_date=date(2015, 1, 1), zone=ZoneInfo(name), dst=rule
    )
    daily = CronExpression.parse(f"{at.second} {at.minute} {at.hour} * * ?")
    assert trigger.next_after(moment) == daily.next_after(moment, trigger.zone, rule)
