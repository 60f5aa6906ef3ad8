"""What a command does to a task: add, replace, pause, resume, delete, trigger now, as pure decisions."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from dispatchserver.domain.beginning import begun, is_unchanged
from dispatchserver.domain.calendar import Edition
from dispatchserver.domain.errors import TaskChanged, TaskExists, TaskNotFound
from dispatchserver.domain.fire import Fire, FireState, Reason, manual_fire, skipped_fire
from dispatchserver.domain.misfirepolicy import QuartzMisfire, check_misfire
from dispatchserver.domain.moments import MILLISECOND
from dispatchserver.domain.planning import PENDING_LIFETIME
from dispatchserver.domain.sharding import check_broadcast, in_shards
from dispatchserver.domain.task import Task, TaskKey, TaskSpec, TaskState
from dispatchserver.domain.timetable import missed_run, next_turn
from dispatchserver.domain.triggers import Trigger, waits_for_completion
from dispatchserver.domain.values import value


class Action(StrEnum):
    """What was done to a task, as the audit names it."""

    ADDED = "added"
    REPLACED = "replaced"
    PAUSED = "paused"
    RESUMED = "resumed"
    DELETED = "deleted"
    TRIGGERED = "triggered"
    REPLAYED = "replayed"
    PLANNED_ANEW = "planned_anew"


class PendingRule(StrEnum):
    """What happens to the task's pending fires. TAKE_BACK, HOLD and CANCEL take back occasions after `done_until`."""

    KEEP = "keep"
    TAKE_BACK = "take_back"
    HOLD = "hold"
    RELEASE = "release"
    CANCEL = "cancel"


@value(frozen=True, slots=True, kw_only=True)
class Change:
    """What a command decided: the task afterwards (None: gone), its pending fires, and rows to add.

    Where the rule says so, what was planned for after `done_until` is taken back; of that, `struck` had been claimed.
    """

    action: Action
    before: Task | None
    after: Task | None
    pending: PendingRule = PendingRule.KEEP
    reason: Reason | None = None
    done_until: datetime | None = None
    fires: tuple[Fire, ...] = ()
    struck: tuple[str, ...] = ()


Decide = Callable[[Task | None], Change]
"""Given the task as it stands (None: there is none), the change; or raises a DispatchError."""


@value(frozen=True, slots=True, kw_only=True)
class Addition:
    """A task to be added as it was read at the moment `at`.

    `overwrite` replaces one of the same key; with `expected`, only the one of that revision. With `keep`, what
    is not changed by that goes on: an unchanged trigger does not begin anew, an unchanged task is left alone.
    `paused` adds it without letting it fire. `edition` is the calendar that its policies name, as it stands.
    `again` tells of the trigger that stands whether the same words said it then; if so, it holds.
    """

    key: TaskKey
    spec: TaskSpec
    at: datetime
    overwrite: bool = False
    keep: bool = False
    paused: bool = False
    expected: str | None = None
    edition: Edition | None = None
    again: Callable[[Task], Trigger | None] | None = None

    def spec_beside(self, existing: Task | None) -> TaskSpec:
        """What is said, where this task stands already."""
        trigger = None if existing is None or self.again is None else self.again(existing)
        return self.spec if trigger is None else replace(self.spec, trigger=trigger)


def add(addition: Addition, *, new_id: str) -> Decide:
    """Adds the task, or replaces it: history kept, version raised, active again.

    Raises TaskExists, TaskChanged, Invalid. An occasion at `addition.at` itself is the new version's where it has one.
    """
    key, now = addition.key, addition.at

    def decide(existing: Task | None) -> Change:
        _check_replacing(existing, addition)
        spec = addition.spec_beside(existing)
        check_misfire(spec.policies.misfire, spec.trigger)
        check_broadcast(spec)
        kept = existing if addition.keep else None
        if kept is not None and is_unchanged(kept, spec, addition.paused):
            return Change(action=Action.REPLACED, before=kept, after=kept)
        task = Task(
            id=existing.id if existing else new_id,
            key=key,
            version=existing.version + 1 if existing else 1,
            state=TaskState.PAUSED if addition.paused else TaskState.ACTIVE,
            spec=spec,
            next_fire_at=None,
            created_at=existing.created_at if existing else now,
            updated_at=now,
            edition=addition.edition,
            spec_since=now,
        )
        task = begun(task, kept, now)
        if existing is None:
            return Change(action=Action.ADDED, before=None, after=task)
        # no occasion goes without a row, and none has two
        done_until = now - MILLISECOND if task.next_fire_at == now else now
        return Change(
            action=Action.REPLACED,
            before=existing,
            after=task,
            pending=PendingRule.CANCEL,
            reason=Reason.REPLACED,
            done_until=done_until,
            fires=_unserved(existing, done_until, Reason.REPLACED),
        )

    return decide


def _check_replacing(existing: Task | None, addition: Addition) -> None:
    key = addition.key
    if addition.expected is not None and existing is None:
        raise TaskNotFound(key.group, key.name)
    if existing is not None and not addition.overwrite:
        raise TaskExists(key.group, key.name)
    if existing is not None and addition.expected not in (None, existing.revision):
        raise TaskChanged(key.group, key.name, existing.version)


def pause(key: TaskKey, now: datetime) -> Decide:
    """Stops planning and holds what is pending; an attempt in flight may finish. Raises TaskNotFound."""

    def decide(existing: Task | None) -> Change:
        task = _there(existing, key)
        waits = waits_for_completion(task.spec.trigger)
        if task.state is TaskState.PAUSED or (waits and task.state is TaskState.FINISHED):
            return Change(action=Action.PAUSED, before=task, after=task)
        paused = replace(
            task, state=TaskState.PAUSED, next_fire_at=_first_unserved(task, now), updated_at=now
        )
        return Change(
            action=Action.PAUSED,
            before=task,
            after=paused,
            pending=PendingRule.HOLD,
            # where the next occasion hangs on the fire, that is held instead
            done_until=None if waits else now,
        )

    return decide


def _first_unserved(task: Task, now: datetime) -> datetime | None:
    """The first occasion that no row stands for once fires planned ahead are taken back."""
    if waits_for_completion(task.spec.trigger):
        return task.next_fire_at
    following = next_turn(task, now)
    if following is None or task.next_fire_at is None:
        return following or task.next_fire_at
    return min(following, task.next_fire_at)


def resume(key: TaskKey, now: datetime) -> Decide:
    """Plans again from now on; what the pause swallowed becomes one skipped row. Raises TaskNotFound.

    Under one of Quartz's instructions the task is due where it stopped, and the planner settles what is late.
    """

    def decide(existing: Task | None) -> Change:
        task = _there(existing, key)
        if task.state is not TaskState.PAUSED:
            return Change(action=Action.RESUMED, before=task, after=task)
        if waits_for_completion(task.spec.trigger):
            return _resume_waiting(task, now)
        as_quartz = isinstance(task.spec.policies.misfire, QuartzMisfire)
        following = task.next_fire_at if as_quartz else next_turn(task, now)
        active = replace(
            task,
            state=TaskState.ACTIVE if following else TaskState.FINISHED,
            next_fire_at=following,
            updated_at=now,
        )
        return Change(
            action=Action.RESUMED,
            before=task,
            after=active,
            pending=PendingRule.RELEASE,
            fires=() if as_quartz else _unserved(task, now, Reason.PAUSED),
        )

    return decide


def _resume_waiting(task: Task, now: datetime) -> Change:
    """A fixed delay goes on: an occasion that the pause swallowed is due now, or else its fire is awaited."""
    due, end = task.next_fire_at, task.spec.trigger.end
    following = None if due is None else max(due, now)
    over = following is not None and end is not None and following > end
    active = replace(
        task,
        state=TaskState.FINISHED if over else TaskState.ACTIVE,
        next_fire_at=None if over else following,
        updated_at=now,
    )
    return Change(
        action=Action.RESUMED,
        before=task,
        after=active,
        pending=PendingRule.RELEASE,
        fires=_unserved(task, now, Reason.PAUSED) if over else (),
    )


def _unserved(task: Task, until: datetime, reason: Reason) -> tuple[Fire, ...]:
    """One row for all occasions up to `until` that were never planned: skipped by a pause, or cancelled."""
    first = task.next_fire_at
    if first is None or first > until:
        return ()
    missed = missed_run(task, first, until)
    if task.state is TaskState.PAUSED:
        return (skipped_fire(task, missed, Reason.PAUSED, until),)
    return (replace(skipped_fire(task, missed, reason, until), state=FireState.CANCELLED),)


def delete(key: TaskKey, now: datetime) -> Decide:
    """Removes the task; its history stays, its pending fires are cancelled. Raises TaskNotFound."""

    def decide(existing: Task | None) -> Change:
        task = _there(existing, key)
        return Change(
            action=Action.DELETED,
            before=replace(task, updated_at=now),
            after=None,
            pending=PendingRule.CANCEL,
            reason=Reason.DELETED,
            done_until=now,
            fires=_unserved(task, now, Reason.DELETED),
        )

    return decide


def trigger_now(
    key: TaskKey, *, new_id: str, now: datetime, data_json: str | None = None
) -> Decide:
    """Adds one fire due now (of a broadcast all its shards), perhaps with data of its own; the schedule is untouched.
    Raises TaskNotFound.
    """

    def decide(existing: Task | None) -> Change:
        task = _there(existing, key)
        fire = replace(manual_fire(task, new_id, now, now + PENDING_LIFETIME), data_json=data_json)
        return Change(action=Action.TRIGGERED, before=task, after=task, fires=in_shards(task, fire))

    return decide


def plan_anew(key: TaskKey, edition: Edition, now: datetime) -> Decide:
    """Plans what is not due yet by the new days of the task's calendar. Raises TaskNotFound."""

    def decide(existing: Task | None) -> Change:
        task = replace(_there(existing, key), edition=edition)
        after = task
        if task.next_fire_at is None or task.next_fire_at > now:
            after = replace(task, next_fire_at=next_turn(task, now))
        if task.state is not TaskState.PAUSED:
            left = after.next_fire_at is not None
            after = replace(after, state=TaskState.ACTIVE if left else TaskState.FINISHED)
        return Change(
            action=Action.PLANNED_ANEW,
            before=task,
            after=after,
            pending=PendingRule.TAKE_BACK,
            done_until=now,
        )

    return decide


def _there(existing: Task | None, key: TaskKey) -> Task:
    if existing is None:
        raise TaskNotFound(key.group, key.name)
    return existing
