"""Deletes old records, by and by, so that the database stays of one size while the server runs."""

from datetime import datetime, timedelta

from dispatchserver.domain.retention import Keep, Place, Pruned, Stage
from dispatchserver.ports import Clock, Meter, Store

PERIOD = timedelta(seconds=60)
FROM_THE_START = timedelta(days=1)
REST_AFTER_DELETING = timedelta(milliseconds=30)
"""A deletion takes a few milliseconds; in between, the writer is for others."""
REST_AFTER_LOOKING = 200
"""How many times as long as a look that found nothing took it rests before the next: half a percent of a core at most."""


class Pruner:
    """Looks through the records stage by stage, a slice a pass; then once a minute at what has become old since.

    A stage goes on where it had come to; once a day it begins anew, for what was not to be deleted when it was there.
    """

    def __init__(self, store: Store, clock: Clock, keep: Keep, meter: Meter) -> None:
        self._store = store
        self._clock = clock
        self._keep = keep
        self._meter = meter
        self._stages = keep.stages
        self._at = 0
        self._places: dict[Stage, Place] = {}
        self._next_at = clock.now() + PERIOD
        self._anew_at = clock.now() + FROM_THE_START

    async def run_once(self) -> datetime | None:
        """One slice; answers when the next one is."""
        now = self._clock.now()
        if not self._stages or now < self._next_at:
            return self._next_at if self._stages else None
        if now >= self._anew_at:
            self._places.clear()
            self._anew_at = now + FROM_THE_START
        stage = self._stages[self._at]
        pruned = await self._store.prune(stage, self._places.get(stage, ()), self._keep, now)
        self._places[stage] = pruned.place
        self._meter.pruned(stage, pruned.rows)
        self._next_at = self._clock.now() + self._rest(pruned, self._clock.now() - now)
        return self._next_at

    def _rest(self, pruned: Pruned, took: timedelta) -> timedelta:
        """Until the next slice, of this stage or, where it is done, of the next one; after the last, a minute."""
        if not pruned.more:
            self._at = (self._at + 1) % len(self._stages)
            if self._at == 0:
                return PERIOD
        if pruned.rows:
            return REST_AFTER_DELETING
        return max(min(took * REST_AFTER_LOOKING, PERIOD), REST_AFTER_DELETING)
