"""What receivers say after they were called: an asynchronous result, which may overtake the reply that promised it,
or that they are still at work."""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from dispatchserver.domain.fire import Fire, FireState
from dispatchserver.domain.judging import Standing, storable
from dispatchserver.domain.reporting import (
    Note,
    ProgressReport,
    Report,
    accept_progress,
    accept_report,
    progress_text,
    unquoted,
)
from dispatchserver.engine.executor import Limits
from dispatchserver.engine.tasks import Wakes
from dispatchserver.ports import Actor, Clock, Store

# A task may have waited for the fire. Looking so much later joins the passes that many reports would ask for.
LOOK_AFTER = timedelta(seconds=1)


class Reports:
    """Takes receivers' reports. The first result wins; what comes after it is refused and noted."""

    def __init__(self, store: Store, clock: Clock, wakes: Wakes, limits: Limits) -> None:
        self._store = store
        self._clock = clock
        self._wakes = wakes
        self._limits = limits

    async def accept(self, report: Report, actor: Actor) -> Fire:
        """The fire as the report left it, ended or to be tried again; raises FireNotFound, FireEnded, FireUnsent."""
        now = self._clock.now()
        decide = partial(accept_report, report=report, now=now)
        text = storable(unquoted(report.result or ""))
        note = replace(self._note(actor, now), success=report.success, text=text)
        fire = await self._store.report(report.fire_id, decide, note)
        if fire.state is FireState.PENDING:
            self._wakes.dispatch_by(fire.run_at)
        elif fire.shares:
            self._wakes.dispatch_by(now)
        self._wakes.plan_by(now + LOOK_AFTER)
        return fire

    async def progress(self, told: ProgressReport, actor: Actor) -> Fire:
        """The fire with its progress, awaited for longer; raises FireNotFound, FireEnded, FireUnsent."""
        now = self._clock.now()

        def decide(fire: Fire, standing: Standing) -> Fire:
            wait = standing.report_timeout or self._limits.report_timeout
            return accept_progress(fire, told, wait, now)

        text = progress_text(told.text or "")
        note = replace(self._note(actor, now), percent=told.percent, text=text)
        return await self._store.report(told.fire_id, decide, note)

    def _note(self, actor: Actor, now: datetime) -> Note:
        return Note(at=now, who=actor.who, door=actor.door)
