"""Which fires a task owes at a moment: look-ahead, lateness, misfires, and nothing twice or lost."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatchserver.domain.fire import FireState, MissedRun
from dispatchserver.domain.occasions import run_between
from dispatchserver.domain.planning import FIRES_PER_PLAN, PENDING_LIFETIME, plan
from dispatchserver.domain.trigger import CronTrigger
from dispatchserver.domain.triggers import first_fire
from dispatchserver.domain.uniontrigger import UnionTrigger
from tests.builders import NOON, a_task, at, cron, every, once

SECOND = timedelta(seconds=1)
YEAR = timedelta(days=365)


def planned(task, now, ahead=1.0):
    return plan(task, now, now + timedelta(seconds=ahead))


def dues(a_plan):
    return [(fire.due_at - NOON).total_seconds() for fire in a_plan.fires]


@pytest.fixture
def steps(monkeypatch):
    """Counts how often cron triggers are asked for their next fire."""
    asked = []
    original = CronTrigger.next_after

    def next_after(self, moment):
        asked.append(moment)
        return original(self, moment)

    monkeypatch.setattr(CronTrigger, "next_after", next_after)
    return asked


def test_everything_up_to_the_horizon_is_planned_ahead():
    ahead = planned(a_task(every(0.5)), NOON)
    assert dues(ahead) == [0, 0.5, 1]
    assert ahead.next_fire_at == at(1.5)


def test_nothing_beyond_the_horizon_is_planned():
    ahead = planned(a_task(every(60), next_fire_at=at(1.001)), NOON)
    assert ahead.fires == ()
    assert ahead.next_fire_at == at(1.001)


def test_a_fire_carries_what_its_task_says_and_runs_at_its_due_time():
    (fire,) = planned(a_task(once(), priority=9, version=3), NOON).fires
    assert (fire.priority, fire.version, fire.state) == (9, 3, FireState.PENDING)
    assert (fire.due_at, fire.run_at) == (NOON, NOON)
    assert fire.deadline_at == NOON + PENDING_LIFETIME
    assert fire.missed is None


def test_the_last_fire_leaves_the_task_without_a_next_one():
    assert planned(a_task(once()), NOON).next_fire_at is None


def test_a_task_without_a_next_fire_plans_nothing():
    assert planned(a_task(next_fire_at=None), NOON).fires == ()


def test_the_same_occasion_has_the_same_id_on_every_node_and_another_in_every_version():
    first, again, newer = (
        planned(a_task(once(), version=version), NOON).fires[0].id for version in (1, 1, 2)
    )
    assert first == again != newer
    assert len(first) == 32


def test_up_to_a_minute_late_each_occasion_is_fired_late():
    late = planned(a_task(every(20)), at(60))
    assert dues(late) == [0, 20, 40, 60]
    assert all(fire.missed is None for fire in late.fires)


def test_beyond_a_minute_the_newest_missed_occasion_fires_once_and_carries_the_others():
    late = planned(a_task(every(20)), at(60.001))
    assert dues(late) == [60]
    assert late.fires[0].missed == MissedRun(first=NOON, last=at(40), count=3)
    assert late.next_fire_at == at(80)


def test_a_single_missed_occasion_fires_late_without_a_range():
    (fire,) = planned(a_task(once()), at(86_400)).fires
    assert (fire.due_at, fire.missed) == (NOON, None)
    assert fire.deadline_at == at(86_400) + PENDING_LIFETIME


def test_what_is_due_soon_is_planned_beside_a_misfire():
    late = planned(a_task(every(20)), at(99.5))
    assert dues(late) == [80, 100]
    assert late.fires[0].missed == MissedRun(first=NOON, last=at(60), count=4)


def test_a_counted_run_missed_as_a_whole_fires_once_and_is_over():
    late = planned(a_task(every(10, count=5)), at(86_400))
    assert dues(late) == [40]
    assert late.fires[0].missed == MissedRun(first=NOON, last=at(30), count=4)
    assert late.next_fire_at is None


def test_an_end_passed_meanwhile_ends_the_missed_range_before_it():
    late = planned(a_task(every(10, end=at(40))), at(86_400))
    assert dues(late) == [30]
    assert late.next_fire_at is None


def test_a_plan_holds_at_most_two_hundred_fires_and_goes_on_from_there():
    task = a_task(every(0.01))
    first = planned(task, at(10))
    assert len(first.fires) == FIRES_PER_PLAN
    second = planned(replace(task, next_fire_at=first.next_fire_at), at(10))
    assert second.fires[0].due_at == first.fires[-1].due_at + timedelta(milliseconds=10)


def test_a_long_outage_of_a_fast_simple_trigger_is_arithmetic():
    late = planned(a_task(every(0.01)), NOON + 50 * YEAR, ahead=0)
    assert late.fires[0].due_at == NOON + 50 * YEAR
    assert late.fires[0].missed.count == 50 * YEAR // timedelta(milliseconds=10)


def test_a_cron_outage_of_a_hundred_occasions_is_counted_exactly():
    late = planned(a_task(cron("* * * * * ?")), at(100), ahead=0)
    assert dues(late) == [100]
    assert late.fires[0].missed == MissedRun(first=NOON, last=at(99), count=100)


def test_a_year_long_outage_of_a_cron_of_every_second_takes_few_steps(steps):
    late = planned(a_task(cron("* * * * * ?")), NOON + YEAR, ahead=0)
    assert late.fires[0].due_at == NOON + YEAR
    missed = MissedRun(first=NOON, last=NOON + YEAR - SECOND, count=YEAR // SECOND)
    assert late.fires[0].missed == missed
    assert len(steps) < 20


@pytest.mark.parametrize(
    ("expression", "now", "newest", "before", "count"),
    [
        # Silent for the last minute, busy for the hour before it.
        ("* 0-58 * * * ?", at(4 * 3600 - 0.5), at(4 * 3600 - 61), at(4 * 3600 - 62), 14_159),
        # Silent since a day ago, busy then.
        ("* * 12 * * ?", at(86_400 - 1), at(3599), at(3598), 3_599),
        # Of the two seconds, only one has come.
        ("0,30 * * * * ?", at(86_400 + 29), at(86_400), at(86_400 - 30), 2_880),
    ],
)
def test_beyond_a_thousand_steps_the_newest_occasion_is_still_the_newest(
    expression, now, newest, before, count, steps
):
    late = planned(a_task(cron(expression)), now, ahead=0)
    (fire,) = late.fires
    assert fire.due_at == newest
    assert fire.missed == MissedRun(first=NOON, last=before, count=count)
    assert late.next_fire_at > now
    assert len(steps) < 20


def test_a_cron_that_ended_during_the_outage_fires_its_last_occasion():
    late = planned(a_task(cron("* * * * * ?", end=at(5_000))), NOON + YEAR)
    assert dues(late) == [5_000]
    assert late.next_fire_at is None


def test_a_missed_run_counts_its_newest_occasion_too():
    assert run_between(every(20), NOON, at(59)) == MissedRun(first=NOON, last=at(40), count=3)
    assert run_between(once(), NOON, at(59)) == MissedRun(first=NOON, last=NOON, count=1)
    assert run_between(cron("* * * * * ?"), NOON, NOON + YEAR).count == YEAR // SECOND + 1


def test_what_cannot_be_reckoned_is_counted_up_to_a_hundred():
    noons = UnionTrigger(lines=(cron("0 0 12 * * ?"), cron("0 0 12,18 * * ?")))
    assert run_between(noons, NOON, NOON + timedelta(days=49)).count == 99
    assert run_between(noons, NOON, NOON + timedelta(days=50)).count is None


EXPRESSIONS = ("* * * * * ?", "0/7 * * * * ?", "0 0/5 * * * ?", "30 15 3 * * ?", "* 0-3 2 * * ?")
ZONES = ("UTC", "Europe/Berlin", "America/New_York")


@st.composite
def triggers(draw):
    if draw(st.booleans()):
        expression, zone = draw(st.sampled_from(EXPRESSIONS)), draw(st.sampled_from(ZONES))
        end = draw(st.none() | st.integers(1, 300_000).map(at))
        return cron(expression, zone, end=end)
    interval = timedelta(milliseconds=draw(st.integers(10, 5_000_000)))
    count = draw(st.none() | st.integers(1, 60))
    end = draw(st.none() | st.integers(1, 3_000).map(lambda n: NOON + n * interval / 3))
    start = NOON + timedelta(milliseconds=draw(st.integers(-100_000, 100_000)))
    return every(interval, start=start, count=count, end=end).anchored(NOON)


# Small steps of a running planner, and now and then an outage.
STEPS = st.lists(
    st.integers(1, 1_500) | st.integers(1, 70_000) | st.integers(60_000, 400_000_000),
    min_size=1,
    max_size=12,
)


def simulate(trigger, steps, most):
    """Runs planner passes after each step; answers the fires, the last horizon, and whether it kept up."""
    task = a_task(trigger, next_fire_at=first_fire(trigger, NOON))
    fires, now, horizon = [], NOON, NOON
    for step in steps:
        now += timedelta(milliseconds=step)
        for _ in range(most):
            a_plan = planned(task, now)
            fires += [(now, fire) for fire in a_plan.fires]
            task = replace(task, next_fire_at=a_plan.next_fire_at)
            horizon = now + SECOND
            if task.next_fire_at is None or task.next_fire_at > horizon:
                break
    return fires, horizon


def occasions(trigger, until, most=4_000):
    """By brute force, one after the other; at most this many."""
    found, due = [], first_fire(trigger, NOON)
    while due is not None and due <= until and len(found) < most:
        found.append(due)
        due = trigger.next_after(due)
    return found


def accounts_for(fire, occasion):
    in_range = fire.missed and fire.missed.first <= occasion <= fire.missed.last
    return fire.due_at == occasion or bool(in_range)


def could_fire(trigger):
    return trigger.next_after(NOON - timedelta(milliseconds=1)) is not None


@settings(max_examples=150, deadline=None)
@given(triggers().filter(could_fire), STEPS)
def test_between_plans_no_occasion_is_lost_or_planned_twice(trigger, steps):
    fires, horizon = simulate(trigger, steps, most=100)
    order = [moment for _, fire in fires for moment in span_of(fire)]
    assert order == sorted(set(order))
    index = 0
    for occasion in occasions(trigger, horizon):
        while not accounts_for(fires[index][1], occasion):
            index += 1


def span_of(fire):
    """The moments that a fire stands for, as far as it names them."""
    missed = fire.missed
    ends = [] if missed is None else sorted({missed.first, missed.last})
    return [*ends, fire.due_at]


@settings(max_examples=150, deadline=None)
@given(triggers().filter(could_fire), STEPS)
def test_no_fire_is_planned_earlier_than_the_look_ahead_and_counts_are_kept(trigger, steps):
    fires, horizon = simulate(trigger, steps, most=100)
    assert all(fire.due_at <= now + SECOND for now, fire in fires)
    total = sum(1 + (fire.missed.count or 0 if fire.missed else 0) for _, fire in fires)
    listed = occasions(trigger, horizon)
    assert total <= len(listed) or len(listed) == 4_000
    if not isinstance(trigger, CronTrigger) and trigger.count is not None:
        assert total <= trigger.count
