"""What each command decides about a task, and what it refuses."""

from dataclasses import replace

import pytest

from dispatchserver.domain import changing
from dispatchserver.domain.changing import Action, Addition, PendingRule
from dispatchserver.domain.errors import Invalid, TaskExists, TaskNotFound
from dispatchserver.domain.fire import FireKind, FireState, MissedRun, Reason
from dispatchserver.domain.task import TaskState
from tests.builders import NOON, a_key, a_spec, a_task, at, cron, every, once

ACTIVE, PAUSED, FINISHED = TaskState.ACTIVE, TaskState.PAUSED, TaskState.FINISHED
KEY = a_key()


def added(existing=None, trigger=None, *, overwrite=False, now=NOON):
    spec = a_spec(trigger)
    addition = Addition(key=KEY, spec=spec, at=now, overwrite=overwrite)
    return changing.add(addition, new_id="new")(existing)


def test_a_new_task_is_active_with_its_first_fire():
    change = added()
    assert change.action is Action.ADDED
    assert (change.after.id, change.after.version, change.after.state) == ("new", 1, ACTIVE)
    assert change.after.next_fire_at == NOON
    assert (change.before, change.pending, change.fires) == (None, PendingRule.KEEP, ())


def test_a_one_shot_in_the_past_fires_now_and_is_stored_so():
    task = added(trigger=once(at(-60))).after
    assert task.next_fire_at == task.spec.trigger.start == NOON


def test_adding_an_existing_task_is_refused_unless_it_may_be_replaced():
    with pytest.raises(TaskExists):
        added(a_task())


def test_a_trigger_that_never_fires_is_refused():
    with pytest.raises(Invalid, match=r"trigger\.never"):
        added(trigger=cron("0 0 0 * * ?", end=at(-1)))


@pytest.mark.parametrize("state", TaskState)
def test_replacing_keeps_the_id_raises_the_version_and_activates(state):
    old = replace(a_task(state=state, version=4), created_at=at(-99))
    change = added(old, overwrite=True)
    task = change.after
    assert (task.id, task.version, task.state, task.created_at) == (old.id, 5, ACTIVE, at(-99))
    assert (change.pending, change.reason) == (PendingRule.CANCEL, Reason.REPLACED)


def test_an_occasion_at_the_moment_of_replacing_is_the_new_versions():
    change = added(a_task(every(1)), every(1), overwrite=True)
    assert change.after.next_fire_at == NOON
    assert change.done_until == at(-0.001)
    assert change.fires == ()


def test_where_the_new_version_has_none_at_that_moment_it_was_the_old_ones_and_gets_a_row():
    change = added(a_task(every(1)), every(1, start=at(0.5)), overwrite=True)
    assert change.done_until == NOON
    (fire,) = change.fires
    assert (fire.state, fire.reason, fire.due_at) == (FireState.CANCELLED, Reason.REPLACED, NOON)


@pytest.mark.parametrize(("state", "done"), [(ACTIVE, Reason.REPLACED), (PAUSED, Reason.PAUSED)])
def test_what_was_never_planned_before_a_replacement_gets_one_row(state, done):
    change = added(a_task(every(10), state=state), overwrite=True, now=at(30))
    (fire,) = change.fires
    assert fire.reason is done
    assert fire.missed == MissedRun(first=NOON, last=at(30), count=4)


def test_pausing_holds_what_is_pending_and_keeps_the_schedule():
    task = a_task(every(10), next_fire_at=at(10))
    change = changing.pause(KEY, at(3))(task)
    assert (change.after.state, change.after.version) == (PAUSED, task.version)
    assert (change.pending, change.done_until) == (PendingRule.HOLD, at(3))


@pytest.mark.parametrize(
    ("next_fire_at", "now", "first"),
    [
        (at(10), at(3), at(10)),
        (at(30), at(3), at(10)),  # 10 and 20 were planned ahead, and are taken back
        (at(10), at(25), at(10)),  # 10 and 20 were never planned
        (at(30), at(20), at(30)),  # 20 is due already: it stays, held
        (None, at(3), at(10)),  # the last ones were planned ahead
        (None, at(99), None),
    ],
)
def test_a_paused_task_keeps_the_first_occasion_that_no_row_stands_for(next_fire_at, now, first):
    task = a_task(every(10, count=6), next_fire_at=next_fire_at)
    assert changing.pause(KEY, now)(task).after.next_fire_at == first


def test_pausing_twice_changes_nothing():
    task = a_task(state=PAUSED)
    change = changing.pause(KEY, at(5))(task)
    assert change.after is change.before is task
    assert change.pending is PendingRule.KEEP


def test_resuming_turns_the_swallowed_occasions_into_one_skipped_row():
    task = a_task(every(10), state=PAUSED, next_fire_at=at(10))
    change = changing.resume(KEY, at(35))(task)
    (fire,) = change.fires
    assert (fire.state, fire.reason) == (FireState.SKIPPED, Reason.PAUSED)
    assert (fire.due_at, fire.finished_at) == (at(30), at(35))
    assert fire.missed == MissedRun(first=at(10), last=at(30), count=3)
    assert change.after.next_fire_at == at(40)
    assert (change.after.state, change.pending) == (ACTIVE, PendingRule.RELEASE)


def test_an_occasion_at_the_moment_of_resuming_is_swallowed_and_not_fired():
    change = changing.resume(KEY, at(10))(a_task(every(10), state=PAUSED, next_fire_at=at(10)))
    assert change.fires[0].missed == MissedRun(first=at(10), last=at(10), count=1)
    assert change.after.next_fire_at == at(20)


def test_a_pause_that_swallowed_nothing_leaves_no_row():
    change = changing.resume(KEY, at(5))(a_task(every(10), state=PAUSED, next_fire_at=at(10)))
    assert change.fires == ()
    assert change.after.next_fire_at == at(10)


def test_a_task_that_ran_out_during_its_pause_is_finished():
    task = a_task(every(10, count=3), state=PAUSED, next_fire_at=at(10))
    change = changing.resume(KEY, at(99))(task)
    assert (change.after.state, change.after.next_fire_at) == (FINISHED, None)
    assert change.fires[0].missed.count == 2


@pytest.mark.parametrize("state", [ACTIVE, FINISHED])
def test_resuming_what_is_not_paused_changes_nothing(state):
    task = a_task(state=state)
    change = changing.resume(KEY, at(5))(task)
    assert change.after is change.before is task
    assert change.fires == ()


def test_deleting_cancels_what_is_pending():
    change = changing.delete(KEY, at(3))(a_task(every(10), next_fire_at=at(10)))
    assert change.after is None
    assert (change.pending, change.reason) == (PendingRule.CANCEL, Reason.DELETED)
    assert (change.done_until, change.fires) == (at(3), ())


@pytest.mark.parametrize(
    ("state", "end", "reason"),
    [
        (ACTIVE, FireState.CANCELLED, Reason.DELETED),
        (PAUSED, FireState.SKIPPED, Reason.PAUSED),
    ],
)
def test_what_was_never_planned_before_a_deletion_gets_one_row(state, end, reason):
    change = changing.delete(KEY, at(30))(a_task(every(10), state=state))
    (fire,) = change.fires
    assert (fire.state, fire.reason, fire.missed.count) == (end, reason, 4)


@pytest.mark.parametrize("state", TaskState)
def test_trigger_now_fires_once_now_and_leaves_the_task_as_it_is(state):
    task = a_task(state=state, priority=7, version=3)
    change = changing.trigger_now(KEY, new_id="m" * 32, now=at(5))(task)
    (fire,) = change.fires
    assert change.after is change.before is task
    assert (fire.id, fire.kind, fire.state) == ("m" * 32, FireKind.MANUAL, FireState.PENDING)
    assert (fire.due_at, fire.run_at, fire.held) == (at(5), at(5), False)
    assert (fire.priority, fire.version) == (7, 3)
    assert fire.deadline_at is not None


@pytest.mark.parametrize(
    "decide",
    [
        changing.pause(KEY, NOON),
        changing.resume(KEY, NOON),
        changing.delete(KEY, NOON),
        changing.trigger_now(KEY, new_id="m", now=NOON),
    ],
)
def test_a_task_that_is_not_there_is_not_found(decide):
    with pytest.raises(TaskNotFound) as refused:
        decide(None)
    assert refused.value.params == {"group": KEY.group, "name": KEY.name}
