"""Which of the due fires go now, as far as their receivers have room for them. Pure but for its own counting."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from dispatchserver.domain.destination import Allowance, Load, begin, room, share
from dispatchserver.domain.fire import Fire
from dispatchserver.domain.recall import Recall

LoadOf = Callable[[str], Load]
AllowanceOf = Callable[[str], Allowance]
UNBOUNDED = 2**31


@dataclass(slots=True)
class Placing:
    """One claim's view of the destinations: what it gives out is booked here, and nowhere else.

    `parked` are the pools that fires wait for, each with its destinations; see `pool_of`. `free` slots are left, the
    last `kept` of them for destinations that hold few.
    """

    now: datetime
    load_of: LoadOf
    allowance_of: AllowanceOf
    parked: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    free: int = UNBOUNDED
    kept: int = 0
    _loads: dict[str, Load] = field(default_factory=dict)

    def room(self, destination: str) -> int:
        """How many more may be sent there."""
        load = self._load(destination)
        found = room(load, self.allowance_of(destination), self.now)
        return min(found, share(load.in_flight, self.free, self.kept))

    def openings(self) -> Mapping[str, int]:
        """The pools that fires wait for and that have room now, with how much."""
        rooms = {pool: sum(map(self.room, them)) for pool, them in self.parked.items()}
        return {pool: free for pool, free in rooms.items() if free}

    def place(self, fire: Fire, recall: Recall) -> Recall | None:
        """The recall as it is sent now, to one address that has room; None where there is none."""
        if not self.room(recall.destination):
            return None
        begin(self._load(recall.destination), self.allowance_of(recall.destination), self.now)
        self.free -= 1
        return recall

    def _load(self, destination: str) -> Load:
        if destination not in self._loads:
            known = self.load_of(destination)
            self._loads[destination] = Load(known.in_flight, known.rested_at, known.breaker)
        return self._loads[destination]


def pool_of(recall: Recall) -> tuple[str, ...]:
    """The destinations of which any will do for this recall."""
    return (recall.destination,)


def pool_name(pool: tuple[str, ...]) -> str:
    """What a fire that waits for one of these destinations is said to be behind."""
    return " ".join(pool)


Places = Callable[[], Placing]
"""Begins a claim's placing; asked anew where the claim is tried again."""


def anywhere() -> Placing:
    """Room for all, wherever they go."""
    boundless = Allowance(slots=UNBOUNDED)
    return Placing(datetime.min.replace(tzinfo=UTC), lambda _: Load(), lambda _: boundless)
