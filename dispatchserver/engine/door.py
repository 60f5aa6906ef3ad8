"""Fires that were claimed before they can be sent: each begins when it is due, and when its receiver has room."""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from functools import cached_property
from heapq import heappop, heappush
from itertools import count

from dispatchserver.domain.destination import Hindrance
from dispatchserver.domain.fire import Fire
from dispatchserver.domain.listing import Assignment
from dispatchserver.domain.placing import is_early
from dispatchserver.domain.task import TaskKey
from dispatchserver.engine.destinations import Destinations
from dispatchserver.ports import Clock, Strike

PATIENCE = timedelta(milliseconds=100)

Waiting = tuple[int, int, asyncio.Future[None]]
"""Rank and number, by which they are called; and what tells that one is."""


class Entrance(Enum):
    """It is sent now; it stands in line again; or it was taken back, and there is nothing left to be stored of it."""

    ADMITTED = auto()
    PUT_OFF = auto()
    TAKEN_BACK = auto()


@dataclass(slots=True)
class _Guest:
    """One that stands at the door."""

    fire: Fire
    destination: str
    number: int
    struck: bool = False


class Door:
    """Lets in what is due, the most urgent first, as receivers have room. Who has waited for room too long is turned away.

    It is closed for a task while that is being changed: until that is decided, nobody knows what is to be sent of it.
    """

    def __init__(self, destinations: Destinations, clock: Clock) -> None:
        self._destinations = destinations
        self._clock = clock
        self._guests: dict[int, _Guest] = {}
        self._struck: set[str] = set()
        self._waiting: dict[str, list[Waiting]] = {}
        self._called: Counter[str] = Counter()
        self._numbers = count()
        self._changing: list[frozenset[TaskKey] | None] = []
        self._opened = asyncio.Event()
        self._unsure: set[TaskKey | None] = set()

    @cached_property
    def _loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    @property
    def before(self) -> int:
        """How many stand here, before their moment or for want of room."""
        return len(self._guests)

    async def enter(self, assignment: Assignment) -> Entrance:
        """Waits for the fire's moment and for room. Once it is admitted, its call has begun there."""
        fire = assignment.fire
        early = fire.claimed_at is not None and is_early(fire, fire.claimed_at)
        if not early and not assignment.crowded:
            return Entrance.ADMITTED  # it was given its room when it was claimed
        guest = _Guest(fire, assignment.recall.destination, next(self._numbers))
        guest.struck = fire.id in self._struck
        self._struck.discard(fire.id)
        self._guests[guest.number] = guest
        entrance = Entrance.PUT_OFF
        try:
            entrance = await self._admit(guest)
        finally:
            del self._guests[guest.number]
            if entrance is not Entrance.ADMITTED:
                self._destinations.miss(guest.destination)
                self.call(guest.destination)  # whoever called this one in had room for somebody
        return entrance

    def call(self, name: str) -> None:
        """A call there has ended: the most urgent of those that wait may look for room."""
        waiting = self._waiting.get(name)
        while waiting:
            _, _, called = heappop(waiting)
            if not called.done():
                called.set_result(None)
                self._called[name] += 1
                return
        self._waiting.pop(name, None)

    @contextmanager
    def closed(self, keys: Collection[TaskKey] | None) -> Iterator[Strike]:
        """Lets in no fire of these tasks (None: of any) until they are changed; gives what is told the ids of those
        that the change took back. Who does not wait for that leaves it unsure: then the store is asked of each, as of
        those that are not claimed early, until the next change.
        """
        closed = None if keys is None else frozenset(keys)
        self._changing.append(closed)
        try:
            yield self._strike
            if self._unsure:
                self._unsure.difference_update((None,) if closed is None else closed)
        except asyncio.CancelledError:
            self._unsure.update((None,) if closed is None else closed)
            raise
        finally:
            self._changing.remove(closed)
            if self._guests:
                self._opened.set()
                self._opened = asyncio.Event()

    def _is_closed(self, key: TaskKey) -> bool:
        return any(closed is None or key in closed for closed in self._changing)

    def _strike(self, fire_ids: Iterable[str]) -> None:
        coming = set(fire_ids)
        for guest in self._guests.values() if coming else ():
            if guest.fire.id in coming and not guest.struck:
                guest.struck = True
                coming.discard(guest.fire.id)
        self._struck |= coming  # claimed in the same moment, they are on their way here

    async def _admit(self, guest: _Guest) -> Entrance:
        now = self._clock.now()
        if is_early(guest.fire, now):
            await self._clock.sleep_until(guest.fire.run_at)
            now = self._clock.now()
        until = now + PATIENCE
        comes_last = self._has_others(guest.destination)
        while True:
            while self._changing and self._is_closed(guest.fire.key):
                await self._opened.wait()
                now = self._clock.now()
            if guest.struck:
                return Entrance.TAKEN_BACK
            late = not guest.fire.run_at <= now <= until  # or the clock was set back
            if late or (self._unsure and not self._unsure.isdisjoint((guest.fire.key, None))):
                return Entrance.PUT_OFF
            hindrance = self._destinations.hindrance(guest.destination, now)
            if hindrance is None and not comes_last:
                self._destinations.arrive(guest.destination, now)
                return Entrance.ADMITTED
            if hindrance is not None and hindrance is not Hindrance.FULL:
                return Entrance.PUT_OFF
            await self._wait(guest, has_room=hindrance is None)
            comes_last = False
            now = self._clock.now()

    def _has_others(self, name: str) -> bool:
        """Whether anybody waits for room there, or was called and is on the way in: the room that there is may be theirs."""
        return bool(self._waiting.get(name)) or self._called[name] > 0

    async def _wait(self, guest: _Guest, *, has_room: bool) -> None:
        """Waits for one of the calls in flight there to end, behind those that are more urgent. Where there is room, the
        most urgent may look for it at once.
        """
        name = guest.destination
        called: asyncio.Future[None] = self._loop.create_future()
        heappush(self._waiting.setdefault(name, []), (guest.fire.rank, guest.number, called))
        if has_room:
            self.call(name)
        try:
            await called
        finally:
            if called.done() and not called.cancelled():
                self._called[name] -= 1
                if not self._called[name]:
                    del self._called[name]
