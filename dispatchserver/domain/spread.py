"""Where in a window a task fires: a stable place by its key, so that many hourly tasks do not fire at once.

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
