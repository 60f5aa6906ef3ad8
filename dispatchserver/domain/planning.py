"""Which fires a task owes: the pure decision behind every planner pass."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from dispatchserver.domain.calendartrigger import CalendarTrigger, Exclusion
from dispatchserver.domain.fire import Fire, Reason, new_fire, skipped_fire
from dispatchserver.domain.fixeddelay import FixedDelayTrigger
from dispatchserver.domain.misfire import Settlement, settle
from dispatchserver.domain.misfirepolicy import FireOnce, MisfirePolicy
from dispatchserver.domain.moments import MILLISECOND
from dispatchserver.domain.spread import place_of, task_key
from dispatchserver.domain.task import Task, TaskState
from dispatchserver.domain.timetable import excluded_fire, excluded_run, under_calendar
from dispatchserver.domain.triggers import waits_for_completion

PENDING_LIFETIME = timedelta(hours=24)
FIRES_PER_PLAN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one pass does to one task: fires to create, and its next occasion after them (None: no more).

    Written only if the task still stands as it was planned from (same version, same next_fire_at), and its
    calendar too.
    """

    task: Task
    fires: tuple[Fire, ...]
    next_fire_at: datetime | None

    @property
    def state(self) -> TaskState:
        """The task's state afterwards: one of a fixed delay waits, without a next occasion, for its fire to end."""
        over = self.next_fire_at is None and not waits_for_completion(self.task.spec.trigger)
        return TaskState.FINISHED if over else TaskState.ACTIVE


def next_after_completion(task: Task, fire: Fire, ended_at: datetime) -> datetime | None:
    """The occasion that follows a fire of a fixed delay which ended for good then; None when there is none.

    It always lies after the fire's own, though the clock be set back: two fires of a task never share one.
    """
    trigger = task.spec.trigger
    assert isinstance(trigger, FixedDelayTrigger), "others know their occasions beforehand"
    return trigger.after_completion(max(ended_at, fire.due_at))


def plan(task: Task, now: datetime, horizon: datetime) -> Plan:
    """All fires of an active task due up to `horizon`; what was missed is settled by the task's policy.

    Up to its grace, each occasion is fired late. Once the first is later than that, all up to `now`
    are misfires. A plan holds at most 200 fires; the task is then simply due again.
    """
    calendar = under_calendar(task)
    if calendar is not None:
        return _plan_turns(task, calendar, now, horizon)
    fires: list[Fire] = []
    due, trigger = task.next_fire_at, task.spec.trigger
    if due is not None and due < now - task.spec.policies.misfire_grace:
        settled = settle(trigger, due, now, _misfire_policy(task))
        fires += _settled_fires(task, settled, now)
        due = settled.next_due
    while due is not None and due <= horizon and len(fires) < FIRES_PER_PLAN:
        fires.append(_fire(task, due, due))
        due = trigger.next_after(due)
    return Plan(task=task, fires=tuple(fires), next_fire_at=due)


def _plan_turns(task: Task, calendar: CalendarTrigger, now: datetime, horizon: datetime) -> Plan:
    """The same under a calendar, where a run of excluded occasions becomes one row."""
    fires: list[Fire] = []
    due = task.next_fire_at
    if due is not None and due < now - task.spec.policies.misfire_grace:
        fires, due = _settle_turns(task, calendar, due, now)
    if due is None:
        return Plan(task=task, fires=tuple(fires), next_fire_at=None)
    for turn in calendar.turns(due - MILLISECOND, FIRES_PER_PLAN + 1):
        if turn.at > horizon or len(fires) >= FIRES_PER_PLAN:
            return Plan(task=task, fires=tuple(fires), next_fire_at=turn.at)
        fires.append(
            excluded_fire(task, turn.run, now)
            if isinstance(turn, Exclusion)
            else _fire(task, turn.at, turn.at)
        )
    return Plan(task=task, fires=tuple(fires), next_fire_at=None)


def _settle_turns(
    task: Task, calendar: CalendarTrigger, due: datetime, now: datetime
) -> tuple[list[Fire], datetime | None]:
    """What was missed up to `now`: one row for what was excluded, the policy for the rest; and the turn after."""
    excluded = excluded_run(calendar, due, now)
    fires = [] if excluded is None else [excluded_fire(task, excluded, now)]
    first = calendar.next_after(due - MILLISECOND)
    if first is not None and first <= now:
        settled = settle(calendar, first, now, task.spec.policies.misfire)
        fires += _settled_fires(task, settled, now)
    following = calendar.turn_after(now if excluded is None else max(now, excluded.last))
    return fires, None if following is None else following.at


def _misfire_policy(task: Task) -> MisfirePolicy:
    """A fixed delay goes on from a fire's end, so one that was missed must fire, or none would follow."""
    waits = waits_for_completion(task.spec.trigger)
    return FireOnce() if waits else task.spec.policies.misfire


def _settled_fires(task: Task, settled: Settlement, now: datetime) -> list[Fire]:
    """The missed occasions that fire after all, and one row for those that do not.

    Under `fire_once` that row is the fire itself, which carries their range.
    """
    fires = [_fire(task, missed.due_at, missed.run_at) for missed in settled.fires]
    if settled.unserved is None:
        return fires
    if isinstance(_misfire_policy(task), FireOnce):
        return [replace(fire, missed=settled.unserved) for fire in fires]
    return [skipped_fire(task, settled.unserved, Reason.MISFIRE, now), *fires]


def _fire(task: Task, due_at: datetime, run_at: datetime) -> Fire:
    """A fire to be sent at `run_at`, or later where the task or the occasion has its place in a window."""
    policies, key = task.spec.policies, task_key(task.key.group, task.key.name)
    if policies.spread is not None or policies.jitter is not None:
        run_at = max(run_at, due_at + place_of(key, due_at, policies.spread, policies.jitter))
    return replace(new_fire(task, due_at, run_at + PENDING_LIFETIME), run_at=run_at)
