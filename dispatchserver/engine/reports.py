"""An asynchronous result arrives; it may overtake the reply that promised it."""

from datetime import timedelta
from functools import partial

from dispatchserver.domain.fire import Fire
from dispatchserver.domain.judging import Report, accept_report
from dispatchserver.ports import Actor, Clock, LookBy, Store

# A task may have waited for the fire. Looking so much later joins the passes that many reports would ask for.
LOOK_AFTER = timedelta(seconds=1)


class Reports:
    """Takes receivers' reports. The first one wins; what comes after it is refused and noted."""

    def __init__(self, store: Store, clock: Clock, plan_by: LookBy) -> None:
        self._store = store
        self._clock = clock
        self._plan_by = plan_by

    async def accept(self, report: Report, actor: Actor) -> Fire:
        """The fire as the report left it; raises FireNotFound, FireEnded."""
        decide = partial(accept_report, report=report)
        now = self._clock.now()
        fire = await self._store.report(report.fire_id, decide, actor, now)
        self._plan_by(now + LOOK_AFTER)
        return fire
