"""The rule by which a recall of several addresses chooses among them, as its owner says it. Pure."""

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from dispatchserver.domain.errors import Invalid

ADDRESSES_LIMIT = 50
PATH_LIMIT = 200
PATH = re.compile(r"\$(\.[^.\[\]\s*'\"]+)+")


class RouteRule(StrEnum):
    """How one of several addresses is chosen for a call; BROADCAST calls each of them."""

    FAILOVER = "failover"
    FIRST = "first"
    ROUND_ROBIN = "round_robin"
    RANDOM = "random"
    LEAST_BUSY = "least_busy"
    HASH = "hash"
    BROADCAST = "broadcast"

    @property
    def goes_on(self) -> bool:
        """Whether a call of which nothing was sent goes on to another address at once."""
        return self not in (RouteRule.FIRST, RouteRule.BROADCAST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """The rule; `by` is the path to the part of the data by which HASH chooses, such as `$.order.customer`."""

    rule: RouteRule = RouteRule.FAILOVER
    by: str | None = None


USUAL = Route()


def check_path(path: str) -> str:
    """A path such as `$.order.customer`; raises Invalid."""
    if len(path) > PATH_LIMIT or not PATH.fullmatch(path):
        raise Invalid("route.path", limit=PATH_LIMIT)
    return path


def check_rule(rule: RouteRule, by: str | None) -> Route:
    """The route of this rule; raises Invalid where HASH has no path."""
    if rule is RouteRule.HASH and by is None:
        raise Invalid("route.by_missing")
    return Route(rule=rule, by=by if rule is RouteRule.HASH else None)


def check_several(count: int) -> int:
    """How many addresses, 2 to 50; raises Invalid."""
    if not 2 <= count <= ADDRESSES_LIMIT:
        raise Invalid("route.count", most=ADDRESSES_LIMIT)
    return count


def first_twice(addresses: Sequence[Hashable]) -> int | None:
    """The number, from 0 on, of the first address that stands there a second time; None where none does."""
    seen = set()
    for index, address in enumerate(addresses):
        if address in seen:
            return index
        seen.add(address)
    return None
