"""Fires that were claimed a moment before they are due: each begins when it is, and when its receiver has room."""

import asyncio
from datetime import timedelta
from heapq import heappop, heappush
from itertools import count

from dispatchserver.domain.destination import Hindrance
from dispatchserver.domain.fire import Fire
from dispatchserver.domain.listing import Assignment
from dispatchserver.domain.placing import is_early
from dispatchserver.engine.destinations import Destinations
from dispatchserver.ports import Clock

PATIENCE = timedelta(milliseconds=250)

Waiting = tuple[int, int, asyncio.Future[None]]
"""Rank and number, by which they are called; and what tells that one is."""


class Door:
    """Lets in what is due, the most urgent first, as receivers have room. Who has waited here for too long is turned
    away, and stands in line again: a pause does not reach what stands here.
    """

    def __init__(self, destinations: Destinations, clock: Clock) -> None:
        self._destinations = destinations
        self._clock = clock
        self._waiting: dict[str, list[Waiting]] = {}
        self._numbers = count()

    async def enter(self, assignment: Assignment) -> bool:
        """Waits for the fire's moment and for room; whether it is to be sent now. Then its call has begun there."""
        fire, name = assignment.fire, assignment.recall.destination
        if fire.claimed_at is None or not is_early(fire, fire.claimed_at):
            return True  # it was given its room when it was claimed
        entered = False
        try:
            entered = await self._comes_due(fire) and await self._finds_room(fire, name)
        finally:
            if not entered:
                self._destinations.miss(name)
                self.call(name)  # whoever called this one in had room for somebody
        return entered

    def call(self, name: str) -> None:
        """A call there has ended: the most urgent of those that wait may look for room."""
        waiting = self._waiting.get(name)
        while waiting:
            _, _, called = heappop(waiting)
            if not called.done():
                called.set_result(None)
                return
        self._waiting.pop(name, None)

    async def _comes_due(self, fire: Fire) -> bool:
        """False where the clock was set back meanwhile."""
        await self._clock.sleep_until(fire.run_at)
        return fire.run_at <= self._clock.now()

    async def _finds_room(self, fire: Fire, name: str) -> bool:
        number, until = next(self._numbers), self._clock.now() + PATIENCE
        while (now := self._clock.now()) <= until:
            match self._destinations.hindrance(name, now):
                case None:
                    self._destinations.arrive(name, now)
                    return True
                case (
                    Hindrance.FULL
                ):  # of calls in flight, each of which calls somebody when it ends
                    called: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                    heappush(self._waiting.setdefault(name, []), (fire.rank, number, called))
                    await called
                case _:
                    return False
        return False
