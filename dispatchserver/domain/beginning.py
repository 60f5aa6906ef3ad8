"""How a task begins: anew, or, where it is said again, going on with what was not changed."""

from dataclasses import replace
from datetime import datetime

from dispatchserver.domain.jsontext import dumps
from dispatchserver.domain.moments import MILLISECOND
from dispatchserver.domain.task import Task, TaskSpec, TaskState
from dispatchserver.domain.timetable import first_turn, next_turn
from dispatchserver.domain.triggers import first_fire, waits_for_completion
from dispatchserver.domain.values import changed


def is_unchanged(existing: Task, spec: TaskSpec, paused: bool) -> bool:
    """Whether the task stands already as it is said."""
    before = existing.spec
    # as text, since Python holds 1, 1.0 and true for the same data
    same_data = dumps(before.recall.data) == dumps(spec.recall.data)
    return same_data and before == spec and (existing.state is TaskState.PAUSED) == paused


def begun(task: Task, kept: Task | None, now: datetime) -> Task:
    """The task with its first occasion; raises Invalid when there is none.

    A trigger that is the one of `kept` goes on: its start stays in the past, and where it has no fire left
    the task is FINISHED. Any other is anchored at `now`.
    """
    if kept is not None and kept.spec.trigger == task.spec.trigger:
        return _going_on(task, kept, now)
    trigger = task.spec.trigger.anchored(now)
    if trigger is not task.spec.trigger:
        task = replace(task, spec=replace(task.spec, trigger=trigger))
    first = first_fire(trigger, now)
    return changed(task, next_fire_at=first if task.edition is None else first_turn(task, now))


def _going_on(task: Task, kept: Task, now: datetime) -> Task:
    task = replace(task, restart=kept.restart)
    following = _following(task, kept, now)
    if following is None:
        paused = task.state is TaskState.PAUSED
        return task if paused else replace(task, state=TaskState.FINISHED)
    first_turn(task, now)  # raises Invalid where the task does not go with its calendar
    return replace(task, next_fire_at=following)


def _following(task: Task, kept: Task, now: datetime) -> datetime | None:
    if not waits_for_completion(task.spec.trigger):
        return next_turn(task, now - MILLISECOND)
    if kept.state is TaskState.FINISHED:
        return None
    # What is in flight belongs to the version before and will not tell when to go on, so it is now.
    return max(kept.next_fire_at or now, now)
