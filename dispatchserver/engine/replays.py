"""The use cases of what failed for good: one fire sent once more, or all that a filter finds."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from dispatchserver.domain.errors import FireNotFound, FireOpen, Invalid
from dispatchserver.domain.fire import Fire, FireState
from dispatchserver.domain.listing import FireFilter, PageRequest
from dispatchserver.domain.replaying import replay
from dispatchserver.ports import Actor, Clock, LookBy, Store

REPLAY_LIMIT = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Replays:
    """What a replay by filter made; `more` says that the filter finds further ones."""

    fires: Sequence[Fire]
    more: bool


class ReplayCases:
    """Every new fire is durable, and the dispatcher knows of it, when its method returns."""

    def __init__(
        self, store: Store, clock: Clock, new_id: Callable[[], str], dispatch_by: LookBy
    ) -> None:
        self._store = store
        self._clock = clock
        self._new_id = new_id
        self._dispatch_by = dispatch_by

    async def one(self, fire_id: str, actor: Actor, data_json: str | None = None) -> Fire:
        """Sends an ended fire once more, perhaps with other data; raises FireNotFound, FireOpen."""
        now = self._clock.now()
        decide = partial(replay, new_id=self._new_id(), now=now, data_json=data_json)
        fire = await self._store.replay(fire_id, decide, actor, now)
        self._dispatch_by(now)
        return fire

    async def failed(self, wanted: FireFilter, actor: Actor) -> Replays:
        """Sends the failed fires of a filter once more, the newest 500 at most; raises Invalid for a filter
        that names neither a group nor a time, since it would send whatever ever failed.
        """
        if wanted.group is None and wanted.since is None:
            raise Invalid("fire.replay_filter")
        page = await self._store.list_fires(failed_only(wanted), PageRequest(limit=REPLAY_LIMIT))
        made = await asyncio.gather(
            *(self.one(fire.id, actor) for fire in page.items), return_exceptions=True
        )
        fires = [fire for fire in made if isinstance(fire, Fire)]
        for failure in made:
            if isinstance(failure, BaseException) and not isinstance(
                failure, FireNotFound | FireOpen
            ):
                raise failure
        return Replays(fires=fires, more=page.next_cursor is not None)


def failed_only(wanted: FireFilter) -> FireFilter:
    """The filter's failed fires that nobody has sent once more yet."""
    return FireFilter(
        namespace=wanted.namespace,
        group=wanted.group,
        name=wanted.name,
        state=FireState.FAILED,
        since=wanted.since,
        until=wanted.until,
        replayed=False,
    )
