"""An asynchronous result arrives; it may overtake the reply that promised it."""

from functools import partial

from dispatchserver.domain.fire import Fire
from dispatchserver.domain.judging import Report, accept_report
from dispatchserver.ports import Actor, Clock, Store


class Reports:
    """Takes receivers' reports. The first one wins; what comes after it is refused and noted."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def accept(self, report: Report, actor: Actor) -> Fire:
        """The fire as the report left it; raises FireNotFound, FireEnded."""
        decide = partial(accept_report, report=report)
        return await self._store.report(report.fire_id, decide, actor, self._clock.now())
