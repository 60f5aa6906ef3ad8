"""How tasks go on when the clock was set back: intervals are not silent, and no moment of a wall clock fires twice."""

from dataclasses import replace
from datetime import timedelta

import pytest

from dispatchserver.domain.setback import after_set_back
from tests.builders import NOON, a_task, at, cron, every, once

MILLI = 0.001
HOUR = 3600


def next_of(trigger, due, now, **more):
    """The task's next occasion and its restart, in seconds from NOON, after the clock was set back to `now`."""
    planned = after_set_back(
        replace(a_task(trigger=trigger, **more), next_fire_at=at(due)), at(now)
    )
    if planned is None:
        return None
    restart = planned.restart and (
        (planned.restart.at - NOON).total_seconds(),
        planned.restart.count,
    )
    return (planned.next_fire_at - NOON).total_seconds(), restart


@pytest.mark.parametrize(
    ("interval", "due", "now", "expected"),
    [
        (10, 3610, 0, 10 + MILLI),
        (10, 3610, 5, 10 + MILLI),
        (10, 3610, 9.999, 10 + MILLI),
        (10, 120, 104.9, 110 + MILLI),
        (10, 100, -3600, -3590 + MILLI),  # behind its own start
        (1, 106, 100, 101 + MILLI),
        (10, 120, 105, None),  # 15 s are not much longer than an interval
        (24 * HOUR, 48 * HOUR, 23.5 * HOUR, None),  # a day's run at its hour is not run twice
    ],
)
def test_an_interval_goes_on_with_its_grid_where_it_would_be_silent_for_long(
    interval, due, now, expected
):
    told = next_of(every(interval), due, now)
    assert told == (None if expected is None else (expected, (expected, None)))
    if expected is not None:
        assert 0 < expected - now < interval + 2 * MILLI


def test_what_a_counted_run_has_fired_stays_counted():
    assert next_of(every(10, count=400), 3610, 5) == (10 + MILLI, (10 + MILLI, 400 - 361))


def test_a_second_step_back_goes_on_where_neither_grid_has_fired():
    task = replace(a_task(trigger=every(10)), next_fire_at=at(3610))
    first = after_set_back(task, at(5))
    again = replace(task, restart=first.restart, next_fire_at=at(3600 + MILLI))
    assert after_set_back(again, at(5)).next_fire_at == at(10 + 2 * MILLI)


def test_what_has_not_fired_yet_waits_for_its_time():
    assert next_of(once(at(3600)), 3600, 0) is None


def test_a_rule_on_the_wall_clock_is_looked_at_from_the_new_time_on():
    assert next_of(cron("0 0/10 * * * ?"), 3600, 5) == (600, None)
    assert next_of(cron("0 0/10 * * * ?"), 600, 5) is None
    restart = next_of(cron("0 0/10 * * * ?"), timedelta(days=365).total_seconds(), 5)
    assert restart == (600, None)
