"""Which of the due fires go now, as far as their receivers have room for them. Pure but for its own counting."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from dispatchserver.domain.destination import (
    Allowance,
    Load,
    Pool,
    begin,
    bookable,
    books,
    queueable,
    room,
    share,
    waits_for_calls,
)
from dispatchserver.domain.fire import Fire
from dispatchserver.domain.recall import Recall
from dispatchserver.domain.route import RouteRule
from dispatchserver.domain.routing import Choice, Sight, choose, pool_id

LoadOf = Callable[[str], Load]
AllowanceOf = Callable[[str], Allowance]
Spot = tuple[Load, Allowance]
"""How a destination stands, and what it may be asked."""

UNBOUNDED = 2**31
QUEUE_SHARE = 4
"""Those that stand ready for the next call to end take at most this part of the slots that are free: others may need them."""


@dataclass(slots=True)
class Placing:
    """One claim's view of the destinations: what it gives out is booked here, and nowhere else.

    `parked` are the pools that fires wait for, by name. `free` slots are left, the last `kept` of them for
    destinations that hold few. `turns` are whose turn it is now, from 0 on, among the addresses where this claim has
    moved that on. `most` are destinations for which others wait already: what got free there since those were looked at is
    theirs, so only so many may go there. So are those that are `awaited`: nobody is claimed for them before being due.
    Nobody of a rank beyond `reach` goes now: others of that rank are due, and were not looked at yet.
    """

    now: datetime
    load_of: LoadOf
    allowance_of: AllowanceOf
    parked: Mapping[str, Pool] = field(default_factory=dict)
    free: int = UNBOUNDED
    kept: int = 0
    turn_of: Callable[[str], int] = lambda _: 0
    turns: dict[str, int] = field(default_factory=dict)
    most: dict[str, int] = field(default_factory=dict)
    awaited: Collection[str] = ()
    reach: int | None = None
    _spots: dict[str, Spot] = field(default_factory=dict)

    def room(self, destination: str) -> int:
        """How many more may be claimed for it: to be sent now, and beyond that as soon as others have ended.

        Both together, for those who wait in the store are read by this number: it must not grow while they are placed, or
        what is less urgent, and lies at hand, takes the rest.
        """
        at_once = self._room_now(destination)
        found = at_once + self._room_to_wait(destination, self.free - at_once)
        return min(found, self.most[destination]) if destination in self.most else found

    def _room_to_wait(self, destination: str, free: int) -> int:
        """How many may stand ready for the next calls to end, where so many slots are `free`."""
        load, allowance = self._spot(destination)
        left = self._places(load, free) - load.ahead
        return max(0, min(queueable(load, allowance, self.now), left))

    def _places(self, load: Load, free: int) -> int:
        """How many may stand ready for one destination, those included that do, where so many slots are `free`."""
        return (max(0, free - self.kept) + load.ahead) // QUEUE_SHARE

    def _room_now(self, destination: str) -> int:
        load, allowance = self._spot(destination)
        return min(room(load, allowance, self.now), share(load.in_flight, self.free, self.kept))

    def waits_shortly(self, fire: Fire, destination: str) -> bool:
        """Whether what has no room there has it soon: it is not due yet, or the next call to end makes some."""
        return is_early(fire, self.now) or self.is_full(destination)

    def is_full(self, destination: str) -> bool:
        """Whether it has no room only because of the calls in flight, the next of which to end makes some."""
        return not self.room(destination) and self.waits_for_calls(destination)

    def waits_for_calls(self, destination: str) -> bool:
        """The same, where it has no room."""
        return waits_for_calls(*self._spot(destination), self.now)

    def books(self, destination: str) -> bool:
        """Whether fires for it may be claimed a moment before they are due: nobody waits there who would go first."""
        if destination in self.most or destination in self.awaited:
            return False
        return books(*self._spot(destination))

    def openings(self) -> Mapping[str, int]:
        """The pools that fires wait for and that have room now, with how much."""
        rooms = {name: self._opening(pool) for name, pool in self.parked.items()}
        return {name: free for name, free in rooms.items() if free}

    def _opening(self, pool: Pool) -> int:
        """How many of those that wait there are to be looked at; all, where they have to turn to others."""
        if pool.moves and all(map(self._rests, pool.names)):
            return UNBOUNDED
        return sum(map(self.room, pool.names))

    def place(self, fire: Fire, recall: Recall) -> Recall | None:
        """The recall as it is sent now, or in a moment when it is due, to one address that has room; None where there
        is none.
        """
        if fire.run_at > self.now:
            return recall if self._book(recall) else None
        if not recall.also:
            return recall if self._begin(recall.destination) else None
        names = recall.destinations
        for index in self._choice(fire, recall).to_try:
            if self._begin(names[index]):
                if recall.route.rule is RouteRule.ROUND_ROBIN:
                    self.turns[pool_id(recall)] = (index + 1) % len(names)
                return recall.only(index)
        return None

    def pool(self, fire: Fire, recall: Recall) -> Pool:
        """The destinations whose room this fire waits for now."""
        if not recall.also:
            return Pool((recall.destination,))
        choice, names = self._choice(fire, recall), recall.destinations
        waits_for = tuple(dict.fromkeys(names[index] for index in choice.waits_for))
        moves = recall.route.rule.goes_on and len(waits_for) < len(set(names))
        return Pool(waits_for, moves)

    def _choice(self, fire: Fire, recall: Recall) -> Choice:
        names = recall.destinations
        sight = Sight(
            in_flight=[self._spot(name)[0].in_flight for name in names],
            resting=[self._rests(name) for name in names],
            turn=self._turn(recall),
        )
        return choose(fire, recall, sight)

    def _turn(self, recall: Recall) -> int:
        if recall.route.rule is not RouteRule.ROUND_ROBIN:
            return 0
        pool = pool_id(recall)
        return self.turns[pool] if pool in self.turns else self.turn_of(pool)

    def _rests(self, destination: str) -> bool:
        return not self._spot(destination)[0].breaker.admits(self.now)

    def _begin(self, destination: str) -> bool:
        """Books a call that begins there, now or as soon as others have ended; False where there is no room for it."""
        if self.most.get(destination) == 0:
            return False
        load, allowance = self._spot(destination)
        if self._room_now(destination):
            begin(load, allowance, self.now)
        elif self._room_to_wait(destination, self.free):
            load.ahead += 1
        else:
            return False
        self.free -= 1
        if destination in self.most:
            self.most[destination] -= 1
        return True

    def _book(self, recall: Recall) -> bool:
        """Books a call that begins in a moment; one that may turn to several addresses is not decided on before."""
        load, allowance = self._spot(recall.destination)
        if recall.also or self.free <= self.kept or not self.books(recall.destination):
            return False
        if not bookable(load, allowance, self.now, self._places(load, self.free)):
            return False
        load.ahead += 1
        self.free -= 1
        return True

    def _spot(self, destination: str) -> Spot:
        found = self._spots.get(destination)
        if found is None:
            found = replace(self.load_of(destination)), self.allowance_of(destination)
            self._spots[destination] = found
        return found


def is_early(fire: Fire, now: datetime) -> bool:
    """Whether it is not due yet: claimed now, it is sent in a moment."""
    return fire.run_at > now


Places = Callable[[], Placing]
"""Begins a claim's placing; asked anew where the claim is tried again."""


def anywhere() -> Placing:
    """Room for all, wherever they go."""
    boundless = Allowance(slots=UNBOUNDED)
    return Placing(datetime.min.replace(tzinfo=UTC), lambda _: Load(), lambda _: boundless)
