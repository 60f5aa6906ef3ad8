"""Ends what nobody ended: open fires past their deadline."""

from datetime import datetime

from dispatchserver.ports import Clock, LookBy, Store, Wake

FIRES_PER_PASS = 500


class Sweeper:
    """Looks when the earliest deadline has passed."""

    def __init__(self, store: Store, clock: Clock, wake_dispatcher: Wake, plan_by: LookBy) -> None:
        self._store = store
        self._clock = clock
        self._wake_dispatcher = wake_dispatcher
        self._plan_by = plan_by

    async def run_once(self) -> datetime | None:
        """One pass; answers when the next deadline is."""
        now = self._clock.now()
        ended = await self._store.expire(now, FIRES_PER_PASS)
        if ended:
            self._wake_dispatcher()
            self._plan_by(now)  # a task may have waited for one of them
        return now if ended == FIRES_PER_PASS else await self._store.next_deadline()
