"""How often a receiver may be called: "20/s", "600/m" or "1000/h"."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType

from dispatchserver.domain.errors import Invalid

CALLS_LIMIT = 1_000_000
BURST_LIMIT = 10_000
PERIODS: Mapping[str, timedelta] = MappingProxyType(
    {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1)}
)
RATE = re.compile(r"([0-9]{1,9}) ?/ ?([smh])")
SMALLEST_STEP = timedelta(milliseconds=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """At most so many calls in a period (a second, a minute, an hour), evenly; `burst` of them may go at once."""

    calls: int
    per: timedelta
    burst: int = 1

    @property
    def spacing(self) -> timedelta:
        """From one call to the next."""
        return self.per / self.calls

    @property
    def at_once(self) -> int:
        """How many go together: never fewer than fall into 10 ms, or the dispatcher would wake for each."""
        return max(self.burst, SMALLEST_STEP // self.spacing if self.spacing else self.burst)


def read_rate(text: str, burst: int = 1) -> Rate:
    """The rate of "20/s", "600/m" or "1000/h"; raises Invalid."""
    found = RATE.fullmatch(text.strip().lower())
    if found is None or not 1 <= int(found[1]) <= CALLS_LIMIT:
        raise Invalid("destination.rate", limit=CALLS_LIMIT)
    return Rate(calls=int(found[1]), per=PERIODS[found[2]], burst=check_burst(burst))


def rate_text(rate: Rate) -> str:
    """The rate as it is read."""
    unit = next(unit for unit, per in PERIODS.items() if per == rate.per)
    return f"{rate.calls}/{unit}"


def check_burst(burst: int) -> int:
    """How many calls may go at once, 1 to 10,000; raises Invalid."""
    if not 1 <= burst <= BURST_LIMIT:
        raise Invalid("fault.range", low=1, high=BURST_LIMIT)
    return burst
