"""All loops together: started, drained and stopped in order."""

import logging
from collections.abc import Awaitable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from dispatchserver.domain.destination import USUAL, Allowance
from dispatchserver.domain.fire import Decision, Outcome, Verdict
from dispatchserver.domain.judging import after_loss
from dispatchserver.domain.listing import Assignment
from dispatchserver.domain.recall import RecallKind
from dispatchserver.domain.retention import Keep
from dispatchserver.engine.auditor import Auditor
from dispatchserver.engine.destinations import Destinations
from dispatchserver.engine.dispatcher import Dispatcher
from dispatchserver.engine.door import Door, Entrance
from dispatchserver.engine.executor import Executor, Limits
from dispatchserver.engine.loop import Crew, Loop
from dispatchserver.engine.metering import Unmetered
from dispatchserver.engine.planner import Planner, look_at
from dispatchserver.engine.pruner import Pruner
from dispatchserver.engine.pulse import Pulse
from dispatchserver.engine.sweeper import Sweeper
from dispatchserver.engine.tasks import Wakes
from dispatchserver.ports import Clock, Meter, RecallTarget, Store

USUALLY_KEPT = Keep()

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineConfig:
    """What an engine is told once: who it is, how much it may do at once, and its time limits."""

    node: str
    slots: int
    limits: Limits
    allowance: Allowance = USUAL
    keep: Keep = USUALLY_KEPT


class Engine:
    """The pipeline planner -> dispatcher -> executor, with the sweeper, the auditor and the pruner beside it."""

    def __init__(
        self,
        store: Store,
        targets: Mapping[RecallKind, RecallTarget],
        clock: Clock,
        config: EngineConfig,
        meter: Meter | None = None,
    ) -> None:
        meter = meter or Unmetered()
        self._store = store
        self._clock = clock
        self._node = config.node
        self.crew = Crew(config.slots, on_free=self.wake_dispatcher)
        self.executor = Executor(store, targets, clock, config.limits, meter)
        self.destinations = Destinations(config.allowance, config.slots)
        self.door = Door(self.destinations, clock)
        self.dispatcher = Dispatcher(
            store, clock, self.crew, config.node, self.destinations, self._run
        )
        self.planner = Planner(store, clock, self.dispatch_by, self.destinations.hand)
        self.sweeper = Sweeper(store, clock, self.wake_dispatcher, self.plan_by)
        self.auditor = Auditor(store, clock, meter, self.wake_dispatcher)
        self.pruner = Pruner(store, clock, config.keep, meter)
        self._planning = Loop("planner", self.planner.run_once, clock, meter)
        self._dispatching = Loop("dispatcher", self.dispatcher.run_once, clock, meter)
        self._sweeping = Loop("sweeper", self.sweeper.run_once, clock, meter)
        self._watching = (
            Loop("auditor", self.auditor.run_once, clock, meter),
            Loop("pruner", self.pruner.run_once, clock, meter),
            Loop("pulse", Pulse(clock, meter).run_once, clock, meter),
        )
        self.draining = False

    @property
    def wakes(self) -> Wakes:
        """How others tell the loops of what they changed."""
        return Wakes(
            plan_by=self.plan_by,
            dispatch_by=self.dispatch_by,
            closed=self.door.closed,
            forget=self.destinations.hand.forget,
        )

    @property
    def in_flight(self) -> int:
        """How many callbacks are under way; those at the door are not."""
        return self.crew.busy - self.door.before

    def plan_by(self, due_at: datetime) -> None:
        """A task has an occasion at this moment."""
        self._planning.look_by(look_at(due_at))

    def dispatch_by(self, run_at: datetime) -> None:
        """A pending fire may be sent from this moment on."""
        self._dispatching.look_by(run_at)

    def wake_dispatcher(self) -> None:
        """A fire became pending, or a slot free."""
        self._dispatching.wake()

    def _run(self, assignment: Assignment) -> Coroutine[Any, Any, None]:
        return self.executor.run(assignment, self)

    def admits(self, assignment: Assignment) -> Awaitable[Entrance]:
        """Waits until it is due and its receiver has room."""
        return self.door.enter(assignment)

    def hurries(self, assignment: Assignment) -> bool:
        """Others wait for this fire to end, or for its slot."""
        return assignment.fire.shares or assignment.delay is not None or self.crew.scarce

    def ended(self, assignment: Assignment, outcome: Outcome | None) -> None:
        """An attempt has ended: its receiver has room again."""
        name = assignment.recall.destination
        others_wait = self.destinations.end(name, outcome, self._clock.now())
        self.door.call(name)
        if others_wait:
            self.wake_dispatcher()

    def settled(self, assignment: Assignment, verdict: Verdict) -> None:
        """What became of an attempt is stored: others may have waited for that."""
        if assignment.fire.shares:
            self.wake_dispatcher()
        if assignment.delay is not None:
            self.plan_by(self._clock.now() + assignment.delay)
        if verdict.decision is Decision.RETRY and verdict.at is not None:
            self.dispatch_by(verdict.at)
        if verdict.decision is Decision.WAIT and verdict.at is not None:
            self._sweeping.look_by(verdict.at)

    async def recover(self) -> int:
        """Moves on what an earlier run of this server left in flight; returns how many fires that were."""
        now = self._clock.now()
        await self._store.weigh_anew()
        recovered = await self._store.recover(self._node, now, partial(after_loss, now=now))
        if recovered:
            log.warning("engine.recovered", extra={"fires": recovered})
        return recovered

    def start(self) -> None:
        """Starts the loops."""
        for loop in (self._planning, self._dispatching, self._sweeping, *self._watching):
            loop.start()

    async def stop(self, drain: timedelta) -> None:
        """Stops claiming, lets what is in flight finish for at most `drain`, and books the rest as interrupted."""
        self.draining = True
        await self._planning.stop()
        await self._dispatching.stop()
        await self.crew.drain(drain)
        await self._sweeping.stop()
        for loop in self._watching:
            await loop.stop()
