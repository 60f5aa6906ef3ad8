"""Turns due tasks into pending fires, a little ahead of time."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from dispatchserver.domain.planning import Plan, plan
from dispatchserver.domain.task import Task
from dispatchserver.ports import Clock, LookBy, Store

LOOK_AHEAD = timedelta(seconds=1)
TASKS_PER_PASS = 1_000
PAUSE_AFTER_FAULT = timedelta(seconds=1)

log = logging.getLogger(__name__)


class Planner:
    """Plans everything due within the next second, so that a fire's own moment costs no planning.

    It looks again half a second before the first occasion beyond, which bounds it to two passes a second
    however many tasks there are.
    """

    def __init__(self, store: Store, clock: Clock, dispatch_by: LookBy) -> None:
        self._store = store
        self._clock = clock
        self._dispatch_by = dispatch_by

    async def run_once(self) -> datetime | None:
        """One pass; answers when the next one is needed."""
        now = self._clock.now()
        tasks = await self._store.due_tasks(now + LOOK_AHEAD, TASKS_PER_PASS)
        plans = [planned for task in tasks if (planned := _plan_or_log(task, now)) is not None]
        if plans:
            await self._store.record_plans(plans)
            first = _first_due(plans)
            if first is not None:
                self._dispatch_by(first)
        if len(plans) < len(tasks):
            return now + PAUSE_AFTER_FAULT
        if len(tasks) == TASKS_PER_PASS:
            return now
        following = await self._store.next_occasion()
        return None if following is None else look_at(following)


def _first_due(plans: Sequence[Plan]) -> datetime | None:
    return min((fire.run_at for planned in plans for fire in planned.fires), default=None)


def look_at(due_at: datetime) -> datetime:
    """When a pass must look at the latest for an occasion at `due_at` to be planned in time."""
    return due_at - LOOK_AHEAD / 2


def _plan_or_log(task: Task, now: datetime) -> Plan | None:
    """One task that cannot be planned must not keep the others from firing."""
    try:
        return plan(task, now, now + LOOK_AHEAD)
    except Exception:
        log.exception("planner.task_failed", extra={"group": task.key.group, "task": task.key.name})
        return None
