"""Which fires a task owes: the pure decision behind every planner pass."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from dispatchserver.domain.fire import Fire, MissedRun, new_fire
from dispatchserver.domain.moments import MILLISECOND
from dispatchserver.domain.task import Task
from dispatchserver.domain.trigger import SimpleTrigger
from dispatchserver.domain.triggers import Trigger

MISFIRE_GRACE = timedelta(seconds=60)
PENDING_LIFETIME = timedelta(hours=24)
FIRES_PER_PLAN = 200
STEP_LIMIT = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one pass does to one task: fires to create, and its next occasion after them (None: no more).

    Written only if the task still stands as it was planned from (same version, same next_fire_at).
    """

    task: Task
    fires: tuple[Fire, ...]
    next_fire_at: datetime | None


def plan(task: Task, now: datetime, horizon: datetime) -> Plan:
    """All fires of an active task due up to `horizon`, misfires settled by `fire_once`.

    Up to a minute late, each occasion is fired late. Once the first is later than that, all up to `now`
    are misfires: the newest of them fires once and carries the range of those before it. A plan holds at
    most 200 fires; the task is then simply due again.
    """
    fires: list[Fire] = []
    due = task.next_fire_at
    if due is not None and due < now - MISFIRE_GRACE:
        newest, missed = _newest_missed(task.spec.trigger, due, now)
        fires.append(
            replace(_fire(task, newest), missed=missed, deadline_at=now + PENDING_LIFETIME)
        )
        due = task.spec.trigger.next_after(newest)
    while due is not None and due <= horizon and len(fires) < FIRES_PER_PLAN:
        fires.append(_fire(task, due))
        due = task.spec.trigger.next_after(due)
    return Plan(task=task, fires=tuple(fires), next_fire_at=due)


def _fire(task: Task, due_at: datetime) -> Fire:
    return new_fire(task, due_at, due_at + PENDING_LIFETIME)


def missed_run(trigger: Trigger, first: datetime, now: datetime) -> MissedRun:
    """All occasions from `first` (itself one) up to `now`, as one run; bounded work."""
    newest, before = _newest_missed(trigger, first, now)
    count = 1 if before is None else None if before.count is None else before.count + 1
    return MissedRun(first=first, last=newest, count=count)


def _newest_missed(
    trigger: Trigger, first: datetime, now: datetime
) -> tuple[datetime, MissedRun | None]:
    """The newest occasion from `first` up to `now`, and the run of those before it; bounded work.

    Simple triggers by arithmetic. A cron expression is stepped; past 1,000 steps the rest is bisected,
    and the run's count is left open.
    """
    if isinstance(trigger, SimpleTrigger):
        return _newest_simple(trigger, first, now)
    newest, before, steps = first, first, 0
    while (following := trigger.next_after(newest)) and following <= now:
        newest, before, steps = following, newest, steps + 1
        if steps == STEP_LIMIT:
            newest, before = _newest_two(trigger, before, newest, now)
            return newest, MissedRun(first=first, last=before, count=None)
    return newest, MissedRun(first=first, last=before, count=steps) if steps else None


def _newest_simple(
    trigger: SimpleTrigger, first: datetime, now: datetime
) -> tuple[datetime, MissedRun | None]:
    if trigger.interval is None:
        return first, None
    last = now if trigger.end is None else max(min(now, trigger.end - MILLISECOND), first)
    steps = (last - first) // trigger.interval
    if trigger.count is not None:
        steps = min(steps, trigger.count - 1 - (first - trigger.start) // trigger.interval)
    if steps <= 0:
        return first, None
    newest = first + steps * trigger.interval
    return newest, MissedRun(first=first, last=newest - trigger.interval, count=steps)


def _newest_two(
    trigger: Trigger, before: datetime, reached: datetime, now: datetime
) -> tuple[datetime, datetime]:
    """The newest occasion up to `now` and the one before it, given two occasions in a row."""
    newest = _newest_by_bisection(trigger, reached, now)
    if newest > reached:
        before = _newest_by_bisection(trigger, reached, newest - MILLISECOND)
    return newest, before


def _newest_by_bisection(trigger: Trigger, reached: datetime, until: datetime) -> datetime:
    """The newest occasion up to `until`, from the occasion `reached` on; occasions lie on whole milliseconds."""
    newest, low, high = reached, 0, (until - reached) // MILLISECOND + 1
    while low < high:
        middle = (low + high) // 2
        found = trigger.next_after(reached + middle * MILLISECOND)
        if found is not None and found <= until:
            newest, low = found, max(middle + 1, (found - reached) // MILLISECOND)
        else:
            high = middle
    return newest
