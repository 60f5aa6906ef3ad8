"""Where in a window a task fires: a stable place by its key, so that many hourly tasks do not fire at once.

`spread` moves every fire of a task by the same span, its place in that window. `jitter` moves each by a span
of its own, so that even one task's fires keep no rhythm. Both add up, and leave a fire's due time and its id
as they are: only the sending is later.

A hash decides, so every node, every restart and every version of Python finds the same place.
"""

from datetime import datetime, timedelta
from hashlib import blake2b

from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.moments import MILLISECOND, to_ms

LONGEST_WINDOW = timedelta(hours=24)


def check_spread(window: timedelta) -> timedelta:
    """The window when it is longer than nothing and at most a day; raises Invalid otherwise."""
    if not MILLISECOND <= window <= LONGEST_WINDOW:
        raise Invalid("trigger.spread", longest_hours=LONGEST_WINDOW // timedelta(hours=1))
    return window


def task_key(group: str, name: str) -> str:
    """The key of a task: no two pairs of names share one, since names hold no control characters."""
    return f"{group}\0{name}"


def spread_offset(key: str, window: timedelta) -> timedelta:
    """The task's place in the window, from 0 to before its end, in whole milliseconds; always the same."""
    places = window // MILLISECOND
    number = int.from_bytes(
        blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big"
    )
    return (number * places >> 64) * MILLISECOND


def jitter_offset(key: str, due_at: datetime, window: timedelta) -> timedelta:
    """A place in the window that differs from fire to fire, and is the same on every node for one fire."""
    return spread_offset(f"{key}\0{to_ms(due_at)}", window)


def place_of(
    key: str, due_at: datetime, spread: timedelta | None, jitter: timedelta | None
) -> timedelta:
    """How much later than it is due a fire is sent, by the windows that the task has."""
    place = timedelta(0) if spread is None else spread_offset(key, spread)
    return place if jitter is None else place + jitter_offset(key, due_at, jitter)
