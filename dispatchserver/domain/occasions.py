"""Looking back over a trigger's occasions: the newest of a stretch of time, the one before, how many.

`next_after` alone says when a trigger fires. Where to look for its newest fire, `look_back` guesses; what is
found there is held against `next_after`, so that no rule of clock changes is told twice.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

from dispatchserver.domain.counting import fires_between
from dispatchserver.domain.fire import MissedRun
from dispatchserver.domain.moments import MILLISECOND

COUNT_LIMIT = 100


class Fires(Protocol):
    """Anything that can be asked when it fires next, and about where it fired last."""

    def next_after(self, moment: datetime) -> datetime | None:
        """The first fire strictly after `moment`; None when there is none left."""

    def look_back(self, moment: datetime) -> datetime:
        """Where to look for the newest fire up to `moment`; a wrong guess costs time alone."""


def newest(trigger: Fires, first: datetime, until: datetime) -> datetime:
    """The newest occasion up to `until`; `first`, itself an occasion, when none follows it."""
    jump = max(until - trigger.look_back(until), 0 * MILLISECOND) + MILLISECOND
    while until - jump > first:
        later = trigger.next_after(until - jump)
        if later is not None and later <= until:
            return _newest_by_halves(trigger, later, until)
        jump *= 2
    return _newest_by_halves(trigger, first, until)


def before(trigger: Fires, occasion: datetime, first: datetime) -> datetime | None:
    """The occasion before this one, from `first` on."""
    return None if occasion <= first else newest(trigger, first, occasion - MILLISECOND)


def backwards(trigger: Fires, occasion: datetime, first: datetime) -> Iterator[datetime]:
    """This occasion and those before it, newest first, down to `first`."""
    found: datetime | None = occasion
    while found is not None:
        yield found
        found = before(trigger, found, first)


def run_between(trigger: Fires, first: datetime, until: datetime) -> MissedRun:
    """All occasions from `first` (itself one) up to `until`, as one run."""
    return run_of(trigger, first, newest(trigger, first, until))


def run_of(trigger: Fires, first: datetime, last: datetime) -> MissedRun:
    """All occasions from `first` to `last` (both of them are) as one run; where they cannot be reckoned,
    the count of more than a hundred is left open.
    """
    rest = fires_between(trigger, first, last, COUNT_LIMIT - 1)
    return MissedRun(first=first, last=last, count=1 + rest.number if rest.exact else None)


def _newest_by_halves(trigger: Fires, reached: datetime, until: datetime) -> datetime:
    """The newest occasion up to `until`, from the occasion `reached` on; occasions lie on whole milliseconds."""
    following = trigger.next_after(reached)
    if following is None or following > until:
        return reached
    found, low, high = following, following - reached, until - reached
    while low < high:
        middle = low + (high - low) // MILLISECOND // 2 * MILLISECOND
        later = trigger.next_after(reached + middle)
        if later is not None and later <= until:
            found, low = later, later - reached
        else:
            high = middle
    return found
