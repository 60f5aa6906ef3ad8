"""Looks for rows that nothing will ever move on: a fault of ours, which no other part of the server would notice."""

import logging
from datetime import datetime, timedelta

from dispatchserver.domain.figures import Stuck
from dispatchserver.ports import Clock, Meter, Store, Wake

PERIOD = timedelta(seconds=60)
GRACE = timedelta(seconds=60)

log = logging.getLogger(__name__)


class Auditor:
    """Looks once a minute, for the first time a minute after the start: what an outage left is planned first."""

    def __init__(self, store: Store, clock: Clock, meter: Meter, wake_dispatcher: Wake) -> None:
        self._store = store
        self._wake_dispatcher = wake_dispatcher
        self._clock = clock
        self._meter = meter
        self._first_at = clock.now() + PERIOD
        self.found = Stuck()

    async def run_once(self) -> datetime | None:
        """One pass; answers when the next one is."""
        if self._clock.now() < self._first_at:
            return self._first_at
        await self.look()
        return self._clock.now() + PERIOD

    async def look(self) -> None:
        """Looks now; tells the log when rows get stuck, and when none is any more. What is said to be in hand, and was
        due a minute ago, is in nobody's: it is set free."""
        if lost := await self._store.let_go(self._clock.now() - GRACE):
            log.warning("auditor.let_go", extra={"fires": lost})
            self._wake_dispatcher()
        before, self.found = self.found, await self._store.find_stuck(self._clock.now() - GRACE)
        self._meter.audited(self.found)
        if self.found and not before:
            log.error("auditor.stuck", extra=self.found.told())
        if before and not self.found:
            log.info("auditor.none_stuck")
