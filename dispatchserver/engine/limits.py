"""The use cases of destinations: what each is allowed, how it stands, and closing its circuit by hand."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from dispatchserver.domain.breaker import Circuit
from dispatchserver.domain.destination import Allowance
from dispatchserver.domain.destinationspec import (
    DecideDestination,
    DestinationSpec,
    StoredDestination,
)
from dispatchserver.domain.errors import DestinationNotFound
from dispatchserver.domain.figures import Place
from dispatchserver.engine.destinations import Destinations, Standing
from dispatchserver.ports import Actor, Clock, Wake
from dispatchserver.registries import DestinationLimits

NOTHING_SAID = DestinationSpec()


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationStatus:
    """A destination as it stands; `version` is 0 where nothing was set for it. `waiting` fires wait for room there."""

    name: str
    spec: DestinationSpec
    allowance: Allowance
    standing: Standing
    waiting: int
    version: int = 0
    updated_at: datetime | None = None


class DestinationCases:
    """Every change is durable when its method returns, and holds for every claim from then on; calls in flight go on."""

    def __init__(
        self, limits: DestinationLimits, destinations: Destinations, clock: Clock, wake: Wake
    ) -> None:
        self._limits = limits
        self._destinations = destinations
        self._clock = clock
        self._wake = wake
        self._stored: dict[str, StoredDestination] = {}

    @property
    def usual(self) -> Allowance:
        """What the server allows where nothing was set."""
        return self._destinations.usual

    async def load(self) -> None:
        """Reads what was set; to be called before anything is claimed."""
        for stored in await self._limits.list():
            self._allow(stored)

    def _allow(self, stored: StoredDestination) -> None:
        self._stored[stored.name] = stored
        allowance = stored.spec.allowance(self._destinations.usual)
        self._destinations.allow(stored.name, allowance, self._clock.now())

    async def put(self, name: str, decide: DecideDestination, actor: Actor) -> DestinationStatus:
        """Makes or changes the limits of a destination."""
        self._allow(await self._limits.put(name, decide, actor, self._clock.now()))
        self._wake()
        return await self.look(name)

    async def delete(self, name: str, actor: Actor) -> None:
        """Takes the limits of a destination back; raises DestinationNotFound where it has none."""
        now = self._clock.now()
        await self._limits.delete(name, actor, now)
        self._stored.pop(name, None)
        self._destinations.allow(name, None, now)
        self._wake()

    async def reset(self, name: str, actor: Actor) -> DestinationStatus:
        """Closes the circuit of a destination at once; raises DestinationNotFound."""
        await self.find(name)
        await self._limits.note_reset(name, actor, self._clock.now())
        self._destinations.reset(name)
        self._wake()
        return await self.look(name)

    async def list(self) -> Sequence[DestinationStatus]:
        """The destinations that have limits, are being called, are waited for, or whose circuit is not closed."""
        waiting = await self._waiting()
        names = self._stored.keys() | self._destinations.active().keys() | waiting.keys()
        return [self._status(name, waiting) for name in sorted(names)]

    async def figures(self) -> Mapping[str, Place]:
        """The same for the metrics."""
        return {
            status.name: Place(
                in_flight=status.standing.in_flight,
                waiting=status.waiting,
                open=status.standing.breaker.circuit is not Circuit.CLOSED,
            )
            for status in await self.list()
        }

    async def find(self, name: str) -> DestinationStatus:
        """One of those that are listed; raises DestinationNotFound, with the nearest names."""
        listed = {status.name: status for status in await self.list()}
        if name not in listed:
            raise DestinationNotFound(name, list(listed))
        return listed[name]

    async def look(self, name: str) -> DestinationStatus:
        """The destination of this name, also where nothing is known of it."""
        return self._status(name, await self._waiting())

    async def _waiting(self) -> Mapping[str, int]:
        """Those in the store, and those in hand."""
        return Counter(await self._limits.waiting()) + Counter(self._destinations.hand.waiting())

    def _status(self, name: str, waiting: Mapping[str, int]) -> DestinationStatus:
        stored = self._stored.get(name)
        return DestinationStatus(
            name=name,
            spec=NOTHING_SAID if stored is None else stored.spec,
            allowance=self._destinations.allowance_of(name),
            standing=self._destinations.standing(name, self._clock.now()),
            waiting=waiting.get(name, 0),
            version=0 if stored is None else stored.version,
            updated_at=None if stored is None else stored.updated_at,
        )
