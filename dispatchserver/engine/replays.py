"""The use cases of what failed for good: looked at, one fire sent once more, or all that a filter finds."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from dispatchserver.domain.errors import FireNotFound, FireOpen, FireReplayed, Invalid
from dispatchserver.domain.fire import Fire, FireState
from dispatchserver.domain.listing import FireFilter, Page, PageRequest
from dispatchserver.domain.recall import Recall
from dispatchserver.domain.replaying import DecideReplay, replay, replay_once
from dispatchserver.ports import Actor, Clock, LookBy, Store

REPLAY_LIMIT = 500
COUNT_LIMIT = 10_000
FIRST = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Replays:
    """What a replay by filter made; `more` says that the filter finds further ones."""

    fires: Sequence[Fire]
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a replay by filter would send: how many (counted up to 10,000), the first ones, and until which due time.

    Who sends them with that `until` sends nothing that failed since, such as what he sent himself.
    """

    count: int
    first: Sequence[Fire]
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A fire that failed for good, whom it calls (None: no longer known), and the fires that repeat it."""

    fire: Fire
    recall: Recall | None
    replays: Sequence[Fire]


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
        return await self._send(fire_id, decide, actor, now)

    async def _once(self, fire_id: str, actor: Actor) -> Fire:
        now = self._clock.now()
        return await self._send(
            fire_id, partial(replay_once, new_id=self._new_id(), now=now), actor, now
        )

    async def _send(self, fire_id: str, decide: DecideReplay, actor: Actor, now: datetime) -> Fire:
        fire = await self._store.replay(fire_id, decide, actor, now)
        self._dispatch_by(now)
        return fire

    async def failed(self, wanted: FireFilter, actor: Actor, most: int = REPLAY_LIMIT) -> Replays:
        """Sends the failed fires of a filter once more that nobody has yet, the newest 500 at most; two who ask at
        the same time send each once. Raises Invalid for a filter that would send whatever ever failed.
        """
        page = await self._store.list_fires(self._asked(wanted), PageRequest(limit=most))
        made = await asyncio.gather(
            *(self._once(fire.id, actor) for fire in page.items), return_exceptions=True
        )
        fires = [fire for fire in made if isinstance(fire, Fire)]
        for failure in made:
            if isinstance(failure, BaseException) and not isinstance(
                failure, FireNotFound | FireOpen | FireReplayed
            ):
                raise failure
        return Replays(fires=fires, more=page.next_cursor is not None)

    async def look(self, wanted: FireFilter) -> Found:
        """What `failed` would send, and sends nothing; raises as that does."""
        asked = self._asked(wanted)
        count = await self._store.count_fires(asked, COUNT_LIMIT)
        page = await self._store.list_fires(asked, PageRequest(limit=FIRST))
        return Found(count=count, first=page.items, until=asked.until or self._clock.now())

    def _asked(self, wanted: FireFilter) -> FireFilter:
        """The filter's failed fires that nobody has sent once more; none that is due from now on."""
        if not wanted.narrowed:
            raise Invalid("fire.replay_filter")
        now = self._clock.now()
        return replace(dead_only(wanted), replayed=False, until=min(wanted.until or now, now))

    async def count(self, wanted: FireFilter) -> int:
        """How many fires of a filter failed for good, counted up to 10,000."""
        return await self._store.count_fires(dead_only(wanted), COUNT_LIMIT)

    async def dead(self, wanted: FireFilter, page: PageRequest) -> Page[DeadLetter]:
        """The fires of a filter that failed for good, the latest due first; raises Invalid for a cursor that is none."""
        found = await self._store.list_fires(dead_only(wanted), page)
        replays = await self._store.replays_of([fire.id for fire in found.items])
        recalls = await self._store.find_recalls(found.items)
        letters = tuple(
            DeadLetter(
                fire=fire,
                recall=recall,
                replays=[each for each in replays if each.replay_of == fire.id],
            )
            for fire, recall in zip(found.items, recalls, strict=True)
        )
        return Page(items=letters, next_cursor=found.next_cursor)

    async def of(self, fire_id: str) -> Sequence[Fire]:
        """The fires that repeat this one, the earliest first."""
        return await self._store.replays_of([fire_id])


def dead_only(wanted: FireFilter) -> FireFilter:
    """The filter's fires that failed for good."""
    return replace(wanted, state=FireState.FAILED)
