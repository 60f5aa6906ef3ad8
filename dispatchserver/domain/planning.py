"""Which fires a task owes: the pure decision behind every planner pass."""

from dataclasses import replace
from datetime import datetime, timedelta

from dispatchserver.domain.calendartrigger import Exclusion
from dispatchserver.domain.fire import Fire, Reason, new_fire, skipped_fire
from dispatchserver.domain.fixeddelay import FixedDelayTrigger
from dispatchserver.domain.misfire import Settlement, settle
from dispatchserver.domain.misfirepolicy import FireOnce, MisfirePolicy, QuartzMisfire
from dispatchserver.domain.moments import MILLISECOND
from dispatchserver.domain.occasions import run_between
from dispatchserver.domain.quartzmisfire import settle_as_quartz
from dispatchserver.domain.sharding import in_shards, shards_of
from dispatchserver.domain.spread import place_of, task_key
from dispatchserver.domain.task import Restart, Task, TaskState
from dispatchserver.domain.timetable import (
    excluded_fire,
    excluded_run,
    next_turn,
    timetable,
    under_calendar,
)
from dispatchserver.domain.trigger import SimpleTrigger
from dispatchserver.domain.triggers import waits_for_completion
from dispatchserver.domain.values import value

PENDING_LIFETIME = timedelta(hours=24)
FIRES_PER_PLAN = 200


@value(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one pass does to one task: fires to create, its next occasion after them (None: no more), its restart.

    Written only if the task still stands as it was planned from (same version, same next_fire_at), and its
    calendar too.
    """

    task: Task
    fires: tuple[Fire, ...]
    next_fire_at: datetime | None
    restart: Restart | None = None

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
    are misfires (under Quartz's instructions an occasion is one, too, that is late by just its grace). A plan
    holds at most 200 fires; the task is then simply due again.
    """
    make = _plan_occasions if task.edition is None else _plan_turns
    planned = make(task, now, horizon)
    if shards_of(task.spec.recall) == 1:
        return planned
    shards = (shard for fire in planned.fires for shard in in_shards(task, fire))
    return replace(planned, fires=tuple(shards))


def _most(task: Task) -> int:
    """How many occasions a plan takes in."""
    return max(1, FIRES_PER_PLAN // shards_of(task.spec.recall))


def _plan_occasions(task: Task, now: datetime, horizon: datetime) -> Plan:
    """The plan of a task without a calendar, before its occasions fall into shards."""
    fires: list[Fire] = []
    due, goes_on = task.next_fire_at, task
    if due is not None and _is_missed(task, due, now):
        fires, due, goes_on = _settle_missed(task, due, now)
    trigger, most = goes_on.trigger, _most(task)
    while due is not None and due <= horizon and len(fires) < most:
        fires.append(_fire(task, due, due, now))
        due = trigger.next_after(due)
    return Plan(task=task, fires=tuple(fires), next_fire_at=due, restart=goes_on.restart)


def _plan_turns(task: Task, now: datetime, horizon: datetime) -> Plan:
    """The same under a calendar, where a run of excluded occasions becomes one row."""
    fires: list[Fire] = []
    due, goes_on = task.next_fire_at, task
    if due is not None and _is_missed(task, due, now):
        fires, due, goes_on = _settle_turns(task, due, now)
    calendar = under_calendar(goes_on)
    if due is None or calendar is None:
        return Plan(task=task, fires=tuple(fires), next_fire_at=None, restart=goes_on.restart)
    for turn in calendar.turns(due - MILLISECOND, FIRES_PER_PLAN + 1):
        due = turn.at
        if due > horizon or len(fires) >= _most(task):
            break
        fires.append(
            excluded_fire(task, turn.run, now)
            if isinstance(turn, Exclusion)
            else _fire(task, due, due, now)
        )
    else:
        due = None
    return Plan(task=task, fires=tuple(fires), next_fire_at=due, restart=goes_on.restart)


def _is_missed(task: Task, due: datetime, now: datetime) -> bool:
    """Whether an occasion is so late that the task's policy settles it."""
    policies = task.spec.policies
    if isinstance(policies.misfire, QuartzMisfire):
        return policies.misfire.is_missed(due, now, policies.misfire_grace)
    return due < now - policies.misfire_grace


Settled = tuple[list[Fire], datetime | None, Task]
"""Rows for what was missed, the occasion or turn after it, and the task as it goes on."""


def _settle_turns(task: Task, due: datetime, now: datetime) -> Settled:
    """What was missed up to `now`: one row for what was excluded, the policy for the rest."""
    calendar = under_calendar(task)
    assert calendar is not None, "only a task under a calendar has turns"
    excluded = excluded_run(calendar, due, now)
    fires = [] if excluded is None else [excluded_fire(task, excluded, now)]
    first, goes_on = calendar.next_after(due - MILLISECOND), task
    if first is not None and first <= now:
        settled, _, goes_on = _settle_missed(task, first, now)
        fires += settled
    until = now if excluded is None else max(now, excluded.last)
    return fires, next_turn(goes_on, until), goes_on


def _settle_missed(task: Task, first: datetime, now: datetime) -> Settled:
    """What becomes of the occasions from `first` up to `now`, by the task's policy."""
    policy = _misfire_policy(task)
    if isinstance(policy, QuartzMisfire):
        return _settle_as_quartz(task, policy, first, now)
    settled = settle(timetable(task), first, now, policy)
    return _settled_fires(task, settled, now), settled.next_due, task


def _settle_as_quartz(task: Task, policy: QuartzMisfire, first: datetime, now: datetime) -> Settled:
    """The same by one of Quartz's instructions: a fire that is due now and stands for all, or a skipped row."""
    missed = run_between(timetable(task), first, now)
    after = settle_as_quartz(task.trigger, policy.instruction, first, now)
    goes_on = task
    if isinstance(after.trigger, SimpleTrigger) and after.trigger != task.trigger:
        goes_on = replace(task, restart=Restart(at=after.trigger.start, count=after.trigger.count))
    row = (
        replace(_fire(task, now, now, now), missed=missed)
        if after.fires_now
        else skipped_fire(task, missed, Reason.MISFIRE, now)
    )
    return [row], timetable(goes_on).next_after(now), goes_on


def _misfire_policy(task: Task) -> MisfirePolicy:
    """A fixed delay goes on from a fire's end, so one that was missed must fire, or none would follow."""
    waits = waits_for_completion(task.spec.trigger)
    return FireOnce() if waits else task.spec.policies.misfire


def _settled_fires(task: Task, settled: Settlement, now: datetime) -> list[Fire]:
    """The missed occasions that fire after all, and one row for those that do not.

    Under `fire_once` that row is the fire itself, which carries their range.
    """
    fires = [_fire(task, missed.due_at, missed.run_at, now) for missed in settled.fires]
    if settled.unserved is None:
        return fires
    if isinstance(_misfire_policy(task), FireOnce):
        return [replace(fire, missed=settled.unserved) for fire in fires]
    return [skipped_fire(task, settled.unserved, Reason.MISFIRE, now), *fires]


def _fire(task: Task, due_at: datetime, run_at: datetime, now: datetime) -> Fire:
    """A fire to be sent at `run_at`, or later where the task or the occasion has its place in a window."""
    policies = task.spec.policies
    if policies.spread is not None or policies.jitter is not None:
        key = task_key(task.key.group, task.key.name)
        run_at = max(run_at, due_at + place_of(key, due_at, policies.spread, policies.jitter))
    fire = new_fire(task, due_at, max(run_at, now) + PENDING_LIFETIME)
    return fire if run_at == due_at else replace(fire, run_at=run_at)
