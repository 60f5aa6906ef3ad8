"""Ids of tasks: nobody can guess one, and a later one is greater, so that tables of millions of them grow at their end."""

from collections.abc import Callable, Iterator
from datetime import datetime

from dispatchserver.domain.moments import to_ms

RANDOM_BYTES = 10
AT_ONCE = 128
"""For how many ids chance is asked at once. It is asked outside of the interpreter, which then another thread takes:
to get it back takes longer than anything else about an id."""


def ids(now: Callable[[], datetime], random: Callable[[int], bytes]) -> Callable[[], str]:
    """Makes ids of 32 hexadecimal digits: the millisecond, then 80 bits that only chance knows."""
    drawn = _draw(random)
    return lambda: f"{to_ms(now()):012x}{next(drawn).hex()}"


def _draw(random: Callable[[int], bytes]) -> Iterator[bytes]:
    while True:
        many = random(RANDOM_BYTES * AT_ONCE)
        for first in range(0, len(many), RANDOM_BYTES):
            yield many[first : first + RANDOM_BYTES]
