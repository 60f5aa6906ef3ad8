"""Which of a recall's addresses a call tries, and in which order. Pure.

A fire remembers which addresses it has tried in this round: a repetition goes to those it has not, and when
it has tried all, a new round begins. One whose receiver rests is passed over while there is another.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dispatchserver.domain.fire import Fire
from dispatchserver.domain.jsontext import JsonValue, dumps
from dispatchserver.domain.recall import Recall
from dispatchserver.domain.route import Route, RouteRule


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """How the addresses stand, each under its number: its calls in flight, and whether its receiver rests.
    `turn` is the number whose turn it is.
    """

    in_flight: Sequence[int]
    resting: Sequence[bool]
    turn: int = 0


@dataclass(frozen=True, slots=True)
class Choice:
    """The numbers of the addresses to try, in order; and of those whose room it waits for where none of these has any."""

    to_try: tuple[int, ...]
    waits_for: tuple[int, ...]


def choose(fire: Fire, recall: Recall, sight: Sight) -> Choice:
    """Where this fire's next attempt goes."""
    rule, count = recall.route.rule, len(recall.addresses)
    if rule is RouteRule.FIRST or rule is RouteRule.BROADCAST:
        return Choice((fire.shard,), (fire.shard,))
    everywhere, tried = tuple(range(count)), _this_round(fire.tried, count)
    untried = tuple(index for index in everywhere if not tried >> index & 1)
    usable = [index for index in in_order(fire, recall, sight) if not sight.resting[index]]
    fresh = [index for index in usable if index in untried]
    to_try = tuple(fresh or usable)
    if rule is RouteRule.HASH and to_try:
        return Choice(to_try[:1], to_try[:1])
    return Choice(to_try, untried if fresh else everywhere)


def in_order(fire: Fire, recall: Recall, sight: Sight) -> Sequence[int]:
    """The numbers of all addresses, in the order in which the recall's rule tries them."""
    numbers = range(len(recall.addresses))
    match recall.route.rule:
        case RouteRule.ROUND_ROBIN:
            return [(index + sight.turn) % len(numbers) for index in numbers]
        case RouteRule.RANDOM:
            return sorted(numbers, key=lambda index: _chance(fire, index))
        case RouteRule.LEAST_BUSY:
            return sorted(numbers, key=lambda index: (sight.in_flight[index], _chance(fire, index)))
        case RouteRule.HASH:
            said = hash_key(recall.route, recall.data)
            return sorted(numbers, key=lambda index: _weight(recall.addresses[index], said))
        case _:
            return numbers


def hash_key(route: Route, data: JsonValue) -> str:
    """What HASH looks at: the part of the data that its path leads to, or all of them where it leads nowhere."""
    found = data
    for name in (route.by or "").split(".")[1:]:
        if not isinstance(found, Mapping) or name not in found:
            return _canonical(data)
        found = found[name]
    return _canonical(found)


def _canonical(value: JsonValue) -> str:
    """The same text for the same data, in whatever order an object names its keys."""
    if isinstance(value, Mapping):
        return dumps([[name, _canonical(value[name])] for name in sorted(value)])
    if isinstance(value, Sequence) and not isinstance(value, str):
        return dumps(["", *map(_canonical, value)])
    return dumps(value)


def _weight(address: str, key: str) -> bytes:
    """Rendezvous hashing: the address of the smallest weight is the key's; without it, that of the next one is."""
    return hashlib.sha256(f"{address}\0{key}".encode()).digest()


def _chance(fire: Fire, index: int) -> bytes:
    """Another order for every fire and attempt, the same whenever it is asked."""
    return hashlib.sha256(f"{fire.id}|{fire.attempts}|{index}".encode()).digest()


def pool_id(recall: Recall) -> str:
    """What tasks of the same addresses share: whose turn it is among them."""
    return hashlib.sha256("\n".join(recall.addresses).encode()).hexdigest()[:32]


def tried_with(fire: Fire, recall: Recall, chosen: str) -> int:
    """What a fire that is sent to this address has tried then, a bit for each.

    Sent to one that it had tried already, since all others rest, it has tried them all.
    """
    count = len(recall.addresses)
    if count == 1:
        return 0
    bit, tried = 1 << recall.addresses.index(chosen), _this_round(fire.tried, count)
    return _all(count) if tried & bit else tried | bit


def another_left(recall: Recall, tried: int) -> bool:
    """Whether the next attempt goes on at once to an address not tried in this round, should nothing be sent."""
    count = len(recall.addresses)
    return count > 1 and recall.route.rule.goes_on and tried != _all(count)


def _this_round(tried: int, count: int) -> int:
    return 0 if tried == _all(count) else tried


def _all(count: int) -> int:
    return (1 << count) - 1
