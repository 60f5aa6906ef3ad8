"""Ids of tasks: nobody can guess one, and a later one is greater, so that tables of millions of them grow at their end."""

from collections.abc import Callable

from dispatchserver.domain.moments import to_ms
from dispatchserver.ports import Clock

RANDOM_BYTES = 10


def ids(clock: Clock, random: Callable[[int], bytes]) -> Callable[[], str]:
    """Makes ids of 32 hexadecimal digits: the millisecond, then 80 bits that only chance knows."""
    return lambda: f"{to_ms(clock.now()):012x}{random(RANDOM_BYTES).hex()}"
