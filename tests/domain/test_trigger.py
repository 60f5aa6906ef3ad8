"""When the two trigger shapes fire, and which of them are refused."""

from datetime import UTC, datetime, timedelta

import pytest

from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.trigger import (
    LAST_MOMENT,
    check_end,
    check_interval,
    find_zone,
)
from dispatchserver.domain.triggers import first_fire, upcoming
from tests.builders import NOON, at, cron, every, once

MS = timedelta(milliseconds=1)


def seconds_of(trigger, now=NOON, count=10):
    """The fires from `now` on as seconds after NOON, as they count for a task added at `now`."""
    fires = upcoming(trigger.anchored(now), now - MS, count)
    return [(fire - NOON).total_seconds() for fire in fires]


@pytest.mark.parametrize(
    ("trigger", "fires"),
    [
        (once(at(5)), [5]),
        (once(at(0)), [0]),
        (once(at(-3600)), [0]),
        (every(10, start=at(5), count=3), [5, 15, 25]),
        (every(10, start=at(-25), count=3), [0, 10, 20]),
        (every(10, start=at(5), count=1), [5]),
        (every(10, start=at(0), end=at(30)), [0, 10, 20]),
        (every(10, start=at(0), end=at(30.001)), [0, 10, 20, 30]),
        (every(10, start=at(0), end=at(30), count=2), [0, 10]),
        (every(10, start=at(0), end=at(15), count=9), [0, 10]),
        (every(10, start=at(-25), end=at(20)), [5, 15]),
        (every(10, start=at(-20), end=at(20)), [0, 10]),
        (every(0.25, start=at(-0.6), end=at(0.5)), [0.15, 0.4]),
        (every(10, start=at(30), end=at(31)), [30]),
    ],
)
def test_a_simple_trigger_fires_exactly_when_its_arithmetic_says(trigger, fires):
    assert seconds_of(trigger) == fires


def test_an_endless_run_begun_in_the_past_stays_on_its_grid():
    assert seconds_of(every(60, start=at(-90)), count=3) == [30, 90, 150]


def test_the_first_fire_at_the_present_moment_counts():
    assert first_fire(every(60, start=at(-120)), NOON) == NOON


def test_a_fire_is_never_answered_for_the_moment_asked_about():
    trigger = every(10)
    assert trigger.next_after(at(-0.001)) == NOON
    assert trigger.next_after(NOON) == at(10)
    assert trigger.next_after(at(9.999)) == at(10)


def test_a_counted_run_has_its_count_wherever_one_asks_from():
    trigger = every(10, count=4)
    assert [trigger.next_after(at(t)) for t in (29, 30, 31, 10_000)] == [at(30), None, None, None]


def test_a_start_in_the_future_is_not_moved():
    trigger = every(10, start=at(1), count=3)
    assert trigger.anchored(NOON) is trigger


def test_fires_end_before_the_calendar_does():
    fires = upcoming(every(timedelta(days=36_525)), NOON, 100)
    assert 60 < len(fires) < 100
    assert fires[-1] <= LAST_MOMENT


@pytest.mark.parametrize(
    ("bounds", "fires"),
    [
        ({}, [0, 60, 120]),
        ({"start": at(60)}, [60, 120, 180]),
        ({"start": at(60.001)}, [120, 180, 240]),
        ({"start": at(-500)}, [0, 60, 120]),
        ({"end": at(60)}, [0, 60]),
        ({"end": at(59.999)}, [0]),
        ({"start": at(60), "end": at(60)}, [60]),
    ],
)
def test_both_bounds_of_a_cron_trigger_count(bounds, fires):
    assert seconds_of(cron("0 * * * * ?", **bounds), count=3) == fires


def test_a_cron_trigger_reads_the_clock_of_its_zone():
    fires = upcoming(cron("0 0 9 * * ?", "Asia/Shanghai"), NOON, 1)
    assert fires == [datetime(2026, 3, 5, 1, 0, tzinfo=UTC)]


def test_a_cron_trigger_is_not_moved_when_it_is_added():
    trigger = cron("0 0 9 * * ?", start=at(-60))
    assert trigger.anchored(NOON) is trigger


@pytest.mark.parametrize(
    "trigger",
    [
        every(10, start=at(-100), end=at(-50)),
        every(3600, start=at(-60), end=at(60)),
        every(10, start=at(-100), count=2, end=at(-50)),
        cron("0 0 12 * * ? 2020"),
        cron("0 0 0 * * ?", end=at(60)),
        cron("0 0 0 * * ?", end=at(-60)),
        cron("0 0 0 30 2 ?"),
    ],
)
def test_a_trigger_that_would_never_fire_is_refused(trigger):
    with pytest.raises(Invalid) as refused:
        first_fire(trigger.anchored(NOON), NOON)
    assert refused.value.code == "trigger.never"


@pytest.mark.parametrize("span", [timedelta(milliseconds=9), timedelta(0), timedelta(days=36_526)])
def test_intervals_too_short_or_too_long_are_refused(span):
    with pytest.raises(Invalid, match=r"trigger\.interval"):
        check_interval(span)


def test_the_shortest_and_the_longest_interval_are_taken():
    for span in (timedelta(milliseconds=10), timedelta(days=36_525)):
        assert check_interval(span) == span


@pytest.mark.parametrize("end", [NOON, at(-1)])
def test_an_end_that_is_not_after_the_start_is_refused(end):
    with pytest.raises(Invalid, match=r"trigger\.end_before_start"):
        check_end(NOON, end)


def test_an_open_start_or_end_is_no_fault():
    check_end(None, NOON)
    check_end(NOON, None)
    check_end(NOON, at(0.001))


@pytest.mark.parametrize("name", ["UTC", "Asia/Shanghai", "Europe/Berlin", "America/New_York"])
def test_zones_are_found_by_name(name):
    assert find_zone(name).key == name


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("asia/shanghai", "Asia/Shanghai"),
        ("Shanghai", "Asia/Shanghai"),
        ("Europe/Berln", "Europe/Berlin"),
        ("", "Asia/Shanghai, UTC"),
        ("!", "Asia/Shanghai, UTC"),
        ("../etc/passwd", ""),
    ],
)
def test_an_unknown_zone_is_refused_with_the_nearest_names(name, nearest):
    with pytest.raises(Invalid) as refused:
        find_zone(name)
    assert refused.value.code == "trigger.zone"
    assert nearest in str(refused.value.params["nearest"])
