"""The stable place of a task in its window."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.spread import check_spread, jitter_offset, spread_offset, task_key

TEN_MINUTES = timedelta(minutes=10)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def chi_square(offsets: list[timedelta], buckets: int) -> float:
    counts = [0] * buckets
    for offset in offsets:
        counts[offset // (TEN_MINUTES / buckets)] += 1
    expected = len(offsets) / buckets
    return sum((count - expected) ** 2 / expected for count in counts)


def test_six_hundred_hourly_tasks_lie_evenly_over_ten_minutes() -> None:
    keys = [task_key("reports", f"task-{n}") for n in range(600)]
    assert chi_square([spread_offset(key, TEN_MINUTES) for key in keys], 10) < 21.7  # p = 0.01


@given(st.text(max_size=8), st.sampled_from(["{}", "{}.job", "job {:04}", "任务{}"]))
def test_names_of_any_fashion_lie_evenly(group: str, fashion: str) -> None:
    keys = [task_key(group, fashion.format(n)) for n in range(600)]
    assert chi_square([spread_offset(key, TEN_MINUTES) for key in keys], 10) < 50  # p = 1e-7


@given(st.text(), st.integers(1, 86_400_000))
def test_a_place_is_in_the_window_and_stays(key: str, window_ms: int) -> None:
    window = timedelta(milliseconds=window_ms)
    offset = spread_offset(key, window)
    assert timedelta(0) <= offset < window
    assert offset % timedelta(milliseconds=1) == timedelta(0)
    assert spread_offset(key, window) == offset


def test_a_place_is_the_same_on_every_node_and_for_ever() -> None:
    assert spread_offset(task_key("g", "n"), TEN_MINUTES) == timedelta(milliseconds=82960)


def test_tasks_of_the_same_name_in_two_groups_have_their_own_places() -> None:
    places = {spread_offset(task_key(group, "n"), TEN_MINUTES) for group in ("a", "b", "c")}
    assert len(places) == 3


def test_jitter_differs_from_fire_to_fire_and_is_even() -> None:
    dues = [NOON + n * timedelta(hours=1) for n in range(600)]
    offsets = [jitter_offset("g\0n", due, TEN_MINUTES) for due in dues]
    assert chi_square(offsets, 10) < 21.7
    assert jitter_offset("g\0n", NOON, TEN_MINUTES) == offsets[0]


def test_no_window_and_more_than_a_day_are_refused() -> None:
    for window in (timedelta(0), timedelta(hours=25), -TEN_MINUTES):
        with pytest.raises(Invalid):
            check_spread(window)
    assert check_spread(TEN_MINUTES) == TEN_MINUTES
