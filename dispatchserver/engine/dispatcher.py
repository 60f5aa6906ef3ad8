"""Gives due fires to free slots, the largest priority first, as far as their receivers have room for them."""

from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from dispatchserver.domain.listing import Assignment, Claims
from dispatchserver.domain.placing import is_early
from dispatchserver.domain.task import LONGEST_TIMEOUT
from dispatchserver.domain.values import changed
from dispatchserver.engine.destinations import Destinations
from dispatchserver.engine.hand import PATIENCE
from dispatchserver.engine.loop import Crew
from dispatchserver.ports import Clock, Store

# Every attempt is bounded by its own total timeout; this bound only catches a slot that died.
LOOKED_OVER = timedelta(seconds=1)
CLAIM_LIFETIME = LONGEST_TIMEOUT + timedelta(minutes=5)


class Dispatcher:
    """Never claims more fires than it has free slots, so none waits in a busy node's pocket."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        crew: Crew,
        node: str,
        destinations: Destinations,
        run: Callable[[Assignment], Coroutine[Any, Any, None]],
    ) -> None:
        self._store = store
        self._clock = clock
        self._crew = crew
        self._node = node
        self._destinations = destinations
        self._hand = destinations.hand
        self._let_go_at, self._owes = clock.now(), False
        self._run = run

    async def run_once(self) -> datetime | None:
        """One pass; answers when the next fire can start (None: when a slot gets free or a fire comes)."""
        free = self._crew.free
        if free == 0:
            return await self._admit()
        now, arrived = self._clock.now(), self._destinations.arrived
        claims = await self._claim(now, free)
        unsure = arrived != self._destinations.arrived
        for assignment in claims.assignments:
            placed = self._place(assignment, now, unsure=unsure)
            self._crew.start(self._run(placed), placed.fire.id)
        if self._crew.free == 0:
            return None
        # A slot that got free while the claim ran woke nobody, since not all were taken then.
        if claims.more or len(claims.assignments) == free:
            return now
        if self._hand.waits(self._destinations.placing(now)):
            return now
        opening = self._destinations.next_opening(now)
        moments = (await self._store.next_run(), self._hand.next_look(now), opening)
        return min((moment for moment in moments if moment is not None), default=None)

    def _place(self, assignment: Assignment, now: datetime, *, unsure: bool) -> Assignment:
        """Books the call where it begins now. Where others have its room yet, or have taken it while it was claimed, it
        waits at the door, like one that is early.
        """
        name = assignment.recall.destination
        if is_early(assignment.fire, now):
            self._destinations.expect(name, now)
        elif not self._destinations.begin(name, now, unsure=unsure):
            return changed(assignment, crowded=True)
        return assignment

    async def _let_go(self, now: datetime) -> None:
        """What has waited in hand too long waits in the store from now on, where everybody sees for whom. Where the store
        refuses, it is owed: the next pass tells it.
        """
        if abs(now - self._let_go_at) < LOOKED_OVER:
            return
        self._owes = self._hand.let_go(now - PATIENCE) > 0 or self._owes
        if self._owes:
            await self._store.let_go(now - PATIENCE)
        self._owes, self._let_go_at = False, now

    async def _admit(self) -> datetime | None:
        """With every slot taken, it is still decided in time which fires overlap others."""
        asks_at, now = await self._store.next_ask(), self._clock.now()
        if asks_at is None or asks_at > now:
            return asks_at
        await self._claim(now, 0)
        return await self._store.next_ask()

    async def _claim(self, now: datetime, limit: int) -> Claims:
        await self._let_go(now)
        until = now + CLAIM_LIFETIME
        offered = self._hand.offer(self._destinations.placing(now), limit)
        most, reach = self._hand.most(offered), self._hand.reach
        places = partial(self._destinations.placing, now, most, reach)
        try:
            claims = await self._store.claim(self._node, now, limit, until, places, offered)
        except BaseException:
            self._hand.take(offered)
            raise
        self._hand.take(claims.returned)
        self._crew.cancel(claims.cancelled)
        self._destinations.note(claims)
        return claims
