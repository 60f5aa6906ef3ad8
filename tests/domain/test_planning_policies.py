"""What a task's own policies make of a plan: misfire, grace, and its place in a window."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatchserver.domain.fire import FireState, MissedRun, Reason
from dispatchserver.domain.misfirepolicy import FireAll, SkipMissed
from dispatchserver.domain.planning import PENDING_LIFETIME, plan
from dispatchserver.domain.task import Policies
from dispatchserver.domain.trigger import CronTrigger
from tests.builders import NOON, a_task, at, cron, every, once
from tests.shapes import SHAPES, a_window, every_n_days, union

YEAR = timedelta(days=365)
SECOND = timedelta(seconds=1)


def planned(trigger, now, ahead=0.0, next_fire_at=NOON, **policies):
    task = a_task(trigger, next_fire_at=next_fire_at, policies=Policies(**policies))
    return plan(task, now, now + timedelta(seconds=ahead))


def told(a_plan):
    return [
        ((f.due_at - NOON).total_seconds(), (f.run_at - NOON).total_seconds(), str(f.state))
        for f in a_plan.fires
    ]


def test_skip_sends_nothing_and_tells_what_was_missed():
    late = planned(every(20), at(99.5), ahead=1, misfire=SkipMissed())
    assert told(late) == [(80, 80, "skipped"), (100, 100, "pending")]
    row = late.fires[0]
    assert (row.state, row.reason) == (FireState.SKIPPED, Reason.MISFIRE)
    assert row.missed == MissedRun(first=NOON, last=at(80), count=5)
    assert row.finished_at == at(99.5)


def test_a_missed_one_shot_that_skips_is_over():
    late = planned(once(), at(3600), misfire=SkipMissed())
    assert told(late) == [(0, 0, "skipped")]
    assert late.next_fire_at is None


def test_fire_all_sends_the_newest_spaced_and_tells_of_the_older():
    policy = FireAll(limit=3, spacing=SECOND)
    late = planned(every(20), at(99.5), misfire=policy)
    assert told(late) == [
        (20, 20, "skipped"),
        (40, 99.5, "pending"),
        (60, 100.5, "pending"),
        (80, 101.5, "pending"),
    ]
    assert late.fires[0].missed == MissedRun(first=NOON, last=at(20), count=2)
    assert all(f.deadline_at == f.run_at + PENDING_LIFETIME for f in late.fires[1:])
    assert late.next_fire_at == at(100)


def test_up_to_its_own_grace_each_occasion_is_fired_late():
    late = planned(every(600), at(1800), misfire=SkipMissed(), misfire_grace=timedelta(hours=1))
    assert [state for _, _, state in told(late)] == ["pending"] * 4


def test_without_any_grace_a_millisecond_is_too_late():
    late = planned(every(600), at(0.001), misfire=SkipMissed(), misfire_grace=timedelta(0))
    assert told(late) == [(0, 0, "skipped")]


def test_a_fire_runs_later_by_its_tasks_place_in_the_window_and_always_the_same():
    window = timedelta(minutes=10)
    early = planned(every(0.5), NOON, ahead=1, spread=window)
    (offset,) = {fire.run_at - fire.due_at for fire in early.fires}
    assert timedelta(0) < offset < window
    assert all(fire.deadline_at == fire.run_at + PENDING_LIFETIME for fire in early.fires)
    (again,) = planned(once(at(86_400)), at(86_400), next_fire_at=at(86_400), spread=window).fires
    assert again.run_at - again.due_at == offset


def test_jitter_moves_each_fire_by_a_span_of_its_own_and_adds_to_the_spread():
    window = timedelta(minutes=10)
    plain = planned(every(0.5), NOON, ahead=1).fires
    moved = planned(every(0.5), NOON, ahead=1, jitter=window).fires
    offsets = [fire.run_at - fire.due_at for fire in moved]
    assert len(set(offsets)) == len(plain) == 3
    assert all(timedelta(0) <= offset < window for offset in offsets)
    assert [(fire.id, fire.due_at) for fire in moved] == [(fire.id, fire.due_at) for fire in plain]
    spread = planned(every(0.5), NOON, ahead=1, spread=window).fires
    both = planned(every(0.5), NOON, ahead=1, spread=window, jitter=window).fires
    place = spread[0].run_at - spread[0].due_at
    assert [fire.run_at - fire.due_at for fire in both] == [place + offset for offset in offsets]


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(SHAPES)), st.integers(1, 86_400_000), st.integers(0, 10**8))
def test_no_fire_runs_before_it_is_due_or_before_its_place(shape, window, later):
    trigger, spread = SHAPES[shape], timedelta(milliseconds=window)
    due = trigger.next_after(NOON - SECOND)
    now = due + timedelta(milliseconds=later)
    task = a_task(trigger, next_fire_at=due, policies=Policies(spread=spread))
    fires = plan(task, now, now + SECOND).fires
    assert fires
    for fire in fires:
        assert fire.due_at <= fire.run_at <= max(now, fire.due_at) + spread


@pytest.fixture
def asked(monkeypatch):
    """How often cron triggers were asked."""
    calls = []
    original = CronTrigger.next_after
    monkeypatch.setattr(
        CronTrigger, "next_after", lambda self, moment: calls.append(1) or original(self, moment)
    )
    return calls


@pytest.mark.parametrize("policy", [{}, {"misfire": SkipMissed()}, {"misfire": FireAll()}])
@pytest.mark.parametrize("text", ["* * * * * ?", "0 0/5 8-17 ? * MON-FRI", "0 0 3 1 * ?"])
def test_after_a_year_a_plan_takes_bounded_work(asked, policy, text):
    task = a_task(cron(text), next_fire_at=cron(text).next_after(NOON), policies=Policies(**policy))
    plan(task, NOON + YEAR, NOON + YEAR)
    assert len(asked) < (2_500 if "misfire" in policy and policy["misfire"] == FireAll() else 250)


@pytest.mark.parametrize("trigger", [a_window(), every_n_days(), union(every(60), a_window())])
def test_other_shapes_missed_for_a_year_fire_once(trigger):
    due = trigger.next_after(NOON)
    late = plan(a_task(trigger, next_fire_at=due), NOON + YEAR, NOON + YEAR)
    (fire,) = late.fires
    assert fire.missed.first == due
    assert trigger.next_after(fire.missed.last) == fire.due_at
    assert late.next_fire_at == trigger.next_after(fire.due_at) > NOON + YEAR
