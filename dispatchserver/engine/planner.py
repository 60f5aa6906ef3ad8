"""Turns due tasks into pending fires, a little ahead of time."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from dispatchserver.domain.planning import Plan, plan
from dispatchserver.domain.setback import after_set_back
from dispatchserver.domain.task import Task
from dispatchserver.engine.hand import Hand, for_hand
from dispatchserver.ports import Clock, LookBy, Store

LOOK_AHEAD = timedelta(seconds=1)
TASKS_PER_PASS = 100
TASKS_PER_LOOK_BACK = 200
FEWEST_TASKS = 50
LONGEST_PLANNING = timedelta(milliseconds=50)
PAUSE_AFTER_FAULT = timedelta(seconds=1)

log = logging.getLogger(__name__)


class Planner:
    """Plans everything due within the next second, so that a fire's own moment costs no planning.

    It looks again half a second before the first occasion beyond, which bounds it to two passes a second
    however many tasks there are. A pass plans no longer than a twentieth of a second, so that even 100,000
    tasks that were all missed for a year do not stall what else the server does; and it stores so few plans at once
    that what is due now waits for no more than a few milliseconds of it.
    """

    def __init__(self, store: Store, clock: Clock, dispatch_by: LookBy, hand: Hand) -> None:
        self._store = store
        self._hand = hand
        self._clock = clock
        self._dispatch_by = dispatch_by
        self._portion = TASKS_PER_PASS
        self._seen: datetime | None = None

    async def run_once(self) -> datetime | None:
        """One pass; answers when the next one is needed."""
        now = self._clock.now()
        await self._heed_set_back(now)
        portion = min(self._portion, TASKS_PER_PASS)
        tasks = await self._store.due_tasks(now + LOOK_AHEAD, portion)
        plans, looked_at = self._plan(tasks, now)
        self._fit_portion(len(tasks), looked_at)
        more = looked_at < len(tasks) or looked_at == portion
        if plans:
            await self._record(plans, now)
        last = tasks[looked_at - 1].next_fire_at if more else None
        self._hand.planned(last or now + LOOK_AHEAD)
        self._call_dispatcher(plans, now)
        if len(plans) < looked_at:
            return now + PAUSE_AFTER_FAULT
        if more:
            return now
        following = await self._store.next_occasion()
        return None if following is None else look_at(following)

    async def _heed_set_back(self, now: datetime) -> None:
        """Brings tasks nearer that would wait for a clock which was set back since the last pass."""
        seen = self._seen or await self._store.newest_due()
        if seen is not None and now + LOOK_AHEAD < seen:
            log.warning("planner.clock_set_back", extra={"by_s": (seen - now).total_seconds()})
            after = ""
            while tasks := await self._store.tasks_ahead(now, after, TASKS_PER_LOOK_BACK):
                moved = [planned for task in tasks if (planned := after_set_back(task, now))]
                await self._store.record_plans(moved)
                after = tasks[-1].id
        self._seen = now

    async def _record(self, plans: Sequence[Plan], now: datetime) -> None:
        """Stores what is planned, and takes in hand what may be."""
        kept = for_hand(plans, now, self._hand.room)
        await self._store.record_plans(plans, {assignment.fire.id for assignment in kept})
        self._hand.take(kept)

    def _call_dispatcher(self, plans: Sequence[Plan], now: datetime) -> None:
        """For when the first of them is due. It comes a moment before that where all that is due then is planned, for only
        then there is anything for it to claim.
        """
        moments = (_first_due(plans), self._hand.next_look(now))
        first = min((moment for moment in moments if moment is not None), default=None)
        if first is not None:
            self._dispatch_by(first)

    def _fit_portion(self, read: int, looked_at: int) -> None:
        """The next pass reads about as many tasks as this one had time for: the others would be read in vain."""
        wanted = looked_at if looked_at < read else self._portion * 2
        self._portion = min(max(wanted, FEWEST_TASKS), TASKS_PER_PASS)

    def _plan(self, tasks: Sequence[Task], now: datetime) -> tuple[list[Plan], int]:
        """The plans of as many tasks as a pass has time for, and how many tasks those were."""
        plans: list[Plan] = []
        until = self._clock.now() + LONGEST_PLANNING  # reading the tasks has taken its own time
        for looked_at, task in enumerate(tasks, 1):
            planned = _plan_or_log(task, now)
            if planned is not None:
                plans.append(planned)
            if self._clock.now() > until:
                return plans, looked_at
        return plans, len(tasks)


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
