"""Turns due tasks into pending fires, a little ahead of time."""

import logging
from datetime import datetime, timedelta

from dispatchserver.domain.planning import Plan, plan
from dispatchserver.domain.task import Task
from dispatchserver.ports import Clock, Store, Wake

LOOK_AHEAD = timedelta(seconds=1)
TASKS_PER_PASS = 1_000
PAUSE_AFTER_FAULT = timedelta(seconds=1)

log = logging.getLogger(__name__)


class Planner:
    """Plans everything due within the next second, so that a fire's own moment costs no planning.

    It looks again half a second before the first occasion beyond, which bounds it to two passes a second
    however many tasks there are.
    """

    def __init__(self, store: Store, clock: Clock, wake_dispatcher: Wake) -> None:
        self._store = store
        self._clock = clock
        self._wake_dispatcher = wake_dispatcher

    async def run_once(self) -> datetime | None:
        """One pass; answers when the next one is needed."""
        now = self._clock.now()
        tasks = await self._store.due_tasks(now + LOOK_AHEAD, TASKS_PER_PASS)
        plans = [planned for task in tasks if (planned := _plan_or_log(task, now)) is not None]
        if plans:
            await self._store.record_plans(plans)
            self._wake_dispatcher()
        if len(plans) < len(tasks):
            return now + PAUSE_AFTER_FAULT
        if len(tasks) == TASKS_PER_PASS:
            return now
        following = await self._store.next_occasion()
        return None if following is None else following - LOOK_AHEAD / 2


def _plan_or_log(task: Task, now: datetime) -> Plan | None:
    """One task that cannot be planned must not keep the others from firing."""
    try:
        return plan(task, now, now + LOOK_AHEAD)
    except Exception:
        log.exception("planner.task_failed", extra={"group": task.key.group, "task": task.key.name})
        return None
