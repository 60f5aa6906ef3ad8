"""How every destination stands, as this server knows it: its load, its rate, its circuit breaker."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from dispatchserver.domain.breaker import CLOSED, Breaker
from dispatchserver.domain.destination import (
    Allowance,
    Hindrance,
    LastFailure,
    Load,
    Pool,
    begin,
    end,
    hindrance,
    is_quiet,
    opens_at,
    refit,
    share,
)
from dispatchserver.domain.fire import Outcome
from dispatchserver.domain.listing import Claims
from dispatchserver.domain.placing import UNBOUNDED, Placing
from dispatchserver.engine.hand import Hand

UNTOUCHED = Load()
CROWD = 1_000
KEPT_SHARE = 16
TURNS_LIMIT = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a destination is doing: its calls in flight, how its breaker stands and since what failure, and why
    nobody is sent there now (None: somebody may be)."""

    in_flight: int
    breaker: Breaker
    failure: LastFailure | None
    hindrance: Hindrance | None


class Destinations:
    """Kept in memory alone: a restart forgets loads, and begins with every circuit closed.

    Those at rest take no memory for long, however many were ever called. The last sixteenth of the slots is kept for
    destinations that hold few of them. Of the turns that tasks' addresses take, the 10,000 last moved on are remembered.
    The addresses take turns, not the tasks: a hundred tasks that are due at the same moment and have the same
    addresses do not all begin with the first of them. `hand` holds the fires that are due soon.
    """

    def __init__(self, usual: Allowance, slots: int = UNBOUNDED) -> None:
        self.usual = usual
        self.hand = Hand()
        self._free = slots
        self._kept = slots // KEPT_SHARE
        self._special: dict[str, Allowance] = {}
        self._loads: dict[str, Load] = {}
        self._crowd = CROWD
        self._parked: dict[str, Pool] = {}
        self._turns: dict[str, int] = {}
        self._awaited: frozenset[str] = frozenset()
        self.arrived = 0
        """How many calls have begun that were expected."""

    def allow(self, name: str, allowance: Allowance | None, now: datetime) -> None:
        """From now on this destination is allowed so much (None: the usual)."""
        if allowance is None:
            self._special.pop(name, None)
        else:
            self._special[name] = allowance
        if name in self._loads:
            refit(self._loads[name], self.allowance_of(name), now)

    def allowance_of(self, name: str) -> Allowance:
        """What this destination may be asked."""
        return self._special.get(name, self.usual)

    def placing(
        self,
        now: datetime,
        most: Mapping[str, int] | None = None,
        reach: int | None = None,
    ) -> Placing:
        """How a claim that begins now sees the destinations; `most` and `reach` as in Placing."""
        return Placing(
            now=now,
            load_of=lambda name: self._loads.get(name, UNTOUCHED),
            allowance_of=self.allowance_of,
            parked=self._parked,
            free=self._free,
            kept=self._kept,
            turn_of=lambda pool: self._turns.get(pool, 0),
            most=dict(most or {}),
            awaited=self._awaited,
            reach=reach,
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

    def expect(self, name: str, now: datetime) -> None:
        """A call will begin there in a moment."""
        if len(self._loads) >= self._crowd and name not in self._loads:
            self._forget_quiet(now)
        self._loads.setdefault(name, Load()).ahead += 1
        self._free -= 1

    def begin(self, name: str, now: datetime, *, unsure: bool = False) -> bool:
        """A call begins there; where there is no room, or others are expected whose room it may be, it is only expected too,
        and the answer is False. If `unsure`, what had room a moment ago may have none.
        """
        self.expect(name, now)
        load = self._loads[name]
        full = load.in_flight >= self.allowance_of(name).slots or load.ahead > 1
        if full or (unsure and self.hindrance(name, now) is not None):
            return False
        self._arrive(name, now)
        return True

    def arrive(self, name: str, now: datetime) -> None:
        """A call that was expected begins."""
        self.arrived += 1
        self._arrive(name, now)

    def _arrive(self, name: str, now: datetime) -> None:
        load = self._loads[name]
        load.ahead -= 1
        begin(load, self.allowance_of(name), now)

    def miss(self, name: str) -> None:
        """A call that was expected does not begin."""
        self._loads[name].ahead -= 1
        self._free += 1

    def end(self, name: str, outcome: Outcome | None, now: datetime) -> bool:
        """A call there ended; answers whether fires may wait for that."""
        end(self._loads[name], outcome, now)
        self._free += 1
        scarce = (
            self._free <= self._kept + 1
        )  # then any slot that gets free may be the one waited for
        if self.hand.awaits(name) or name in self._awaited:
            return True
        return scarce and (bool(self._awaited) or self.hand.awaits())

    def reset(self, name: str) -> None:
        """Closes the circuit, whatever happened before."""
        if name in self._loads:
            self._loads[name].breaker, self._loads[name].failure = CLOSED, None

    def next_opening(self, now: datetime) -> datetime | None:
        """When time alone makes room for fires that wait."""
        moments = (
            opens_at(self._loads.get(name, UNTOUCHED), self.allowance_of(name), now)
            for name in self._awaited
        )
        return min((moment for moment in moments if moment is not None), default=None)

    def hindrance(self, name: str, now: datetime) -> Hindrance | None:
        """Why no call may begin there now, whoever has slots; None where one may."""
        return hindrance(self._loads.get(name, UNTOUCHED), self.allowance_of(name), now)

    def standing(self, name: str, now: datetime) -> Standing:
        """What the destination is doing."""
        load = self._loads.get(name, UNTOUCHED)
        why = self.hindrance(name, now)
        if why is None and not share(load.in_flight, self._free, self._kept):
            why = Hindrance.SHARE
        return Standing(
            in_flight=load.in_flight, breaker=load.breaker, failure=load.failure, hindrance=why
        )

    def active(self) -> Mapping[str, Breaker]:
        """The breakers of the destinations that are being called, or whose circuit is not closed."""
        return {
            name: load.breaker
            for name, load in self._loads.items()
            if load.in_flight > 0 or load.breaker.rests_until is not None
        }

    def _forget_quiet(self, now: datetime) -> None:
        """Looked for only where there are twice as many as were left the last time: a call pays for little of it."""
        self._loads = {n: load for n, load in self._loads.items() if not is_quiet(load, now)}
        self._crowd = max(CROWD, 2 * len(self._loads))
