"""How every destination stands, as this server knows it: its load, its rate, its circuit breaker."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from dispatchserver.domain.destination import Allowance, Breaker, Load, Pool, begin, end, opens_at
from dispatchserver.domain.fire import Outcome
from dispatchserver.domain.listing import Claims
from dispatchserver.domain.placing import Placing

UNTOUCHED = Load()
TURNS_LIMIT = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a destination is doing: its calls in flight, and how its breaker stands."""

    name: str
    in_flight: int
    breaker: Breaker


class Destinations:
    """Kept in memory alone: a restart forgets loads, and begins with every circuit closed.

    One that is at rest takes no memory, however many were ever called; of the turns that tasks' addresses take,
    the 10,000 last moved on are remembered. The addresses take turns, not the tasks: a hundred tasks that are due
    at the same moment and have the same addresses do not all begin with the first of them.
    """

    def __init__(self, usual: Allowance) -> None:
        self.usual = usual
        self._special: dict[str, Allowance] = {}
        self._loads: dict[str, Load] = {}
        self._parked: dict[str, Pool] = {}
        self._turns: dict[str, int] = {}
        self._awaited: frozenset[str] = frozenset()

    def allow(self, special: Mapping[str, Allowance]) -> None:
        """From now on these destinations are allowed so much, and all others the usual."""
        self._special = dict(special)

    def allowance_of(self, name: str) -> Allowance:
        """What this destination may be asked."""
        return self._special.get(name, self.usual)

    def placing(self, now: datetime) -> Placing:
        """How a claim that begins now sees the destinations."""
        return Placing(
            now=now,
            load_of=lambda name: self._loads.get(name, UNTOUCHED),
            allowance_of=self.allowance_of,
            parked=self._parked,
            turn_of=lambda pool: self._turns.get(pool, 0),
        )

    def note(self, claims: Claims) -> None:
        """Keeps in mind for which pools fires wait, and whose turn it is."""
        for pool, turn in claims.turns.items():
            self._turns.pop(pool, None)
            self._turns[pool] = turn
        while len(self._turns) > TURNS_LIMIT:
            del self._turns[next(iter(self._turns))]
        if claims.emptied or claims.parked:
            for pool in claims.emptied:
                self._parked.pop(pool, None)
            self._parked.update(claims.parked)
            self._awaited = frozenset(name for pool in self._parked.values() for name in pool.names)

    def begin(self, name: str, now: datetime) -> None:
        """A call begins there."""
        begin(self._loads.setdefault(name, Load()), self.allowance_of(name), now)

    def end(self, name: str, outcome: Outcome | None, now: datetime) -> bool:
        """A call there ended; answers whether fires may wait for that."""
        load = self._loads[name]
        end(load, outcome, now)
        if load.idle:
            del self._loads[name]
        return name in self._awaited

    def next_opening(self, now: datetime) -> datetime | None:
        """When time alone makes room for fires that wait."""
        moments = (
            opens_at(self._loads.get(name, UNTOUCHED), self.allowance_of(name), now)
            for name in self._awaited
        )
        return min((moment for moment in moments if moment is not None), default=None)

    def standing(self) -> Iterable[Standing]:
        """The destinations that are not at rest, by name."""
        for name, load in sorted(self._loads.items()):
            yield Standing(name=name, in_flight=load.in_flight, breaker=load.breaker)
