"""An asynchronous result arrives; it may overtake the reply that promised it."""

from datetime import timedelta
from functools import partial

from dispatchserver.domain.fire import Fire, FireState
from dispatchserver.domain.judging import Report, accept_report
from dispatchserver.engine.tasks import Wakes
from dispatchserver.ports import Actor, Clock, Store

# A task may have waited for the fire. Looking so much later joins the passes that many reports would ask for.
LOOK_AFTER = timedelta(seconds=1)


class Reports:
    """Takes receivers' reports. The first one wins; what comes after it is refused and noted."""

    def __init__(self, store: Store, clock: Clock, wakes: Wakes) -> None:
        self._store = store
        self._clock = clock
        self._wakes = wakes

    async def accept(self, report: Report, actor: Actor) -> Fire:
        """The fire as the report left it, ended or to be tried again; raises FireNotFound, FireEnded."""
        now = self._clock.now()
        decide = partial(accept_report, report=report, now=now)
        fire = await self._store.report(report.fire_id, decide, actor, now)
        if fire.state is FireState.PENDING:
            self._wakes.dispatch_by(fire.run_at)
        elif fire.shares:
            self._wakes.dispatch_by(now)
        self._wakes.plan_by(now + LOOK_AFTER)
        return fire
