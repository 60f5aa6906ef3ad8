"""Looking back over a trigger's occasions: the newest of a stretch of time, the one before, how many.

A trigger only ever tells what comes next. A simple one is reckoned; of any other the past is found in
jumps, so a year of missed seconds costs no more than a missed minute.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Protocol

from dispatchserver.domain.fire import MissedRun
from dispatchserver.domain.moments import MILLISECOND
from dispatchserver.domain.trigger import SimpleTrigger

COUNT_LIMIT = 100
FIRST_JUMP = timedelta(seconds=1)


class Fires(Protocol):
    """Anything that can be asked when it fires next."""

    def next_after(self, moment: datetime) -> datetime | None: ...


def newest(trigger: Fires, first: datetime, until: datetime) -> datetime:
    """The newest occasion up to `until`; `first`, itself an occasion, when none follows it."""
    if isinstance(trigger, SimpleTrigger):
        return _newest_simple(trigger, first, until)
    jump, found = FIRST_JUMP, first
    while until - jump > first:
        later = trigger.next_after(until - jump)
        if later is not None and later <= until:
            found = later
            break
        jump *= 4
    return _newest_by_halves(trigger, found, until)


def before(
    trigger: Fires, occasion: datetime, first: datetime, gap: timedelta | None = None
) -> datetime | None:
    """The occasion before this one, from `first` on; `gap` is a guess at how far back it lies."""
    if occasion <= first:
        return None
    jump = gap or FIRST_JUMP
    while occasion - jump > first:
        found = trigger.next_after(occasion - jump - MILLISECOND)
        if found is not None and found < occasion:
            return _newest_by_halves(trigger, found, occasion - MILLISECOND)
        jump *= 2
    return newest(trigger, first, occasion - MILLISECOND)


def backwards(trigger: Fires, occasion: datetime, first: datetime) -> Iterator[datetime]:
    """This occasion and those before it, newest first, down to `first`."""
    found: datetime | None = occasion
    gap: timedelta | None = None
    while found is not None:
        yield found
        earlier = before(trigger, found, first, gap)
        gap = None if earlier is None else found - earlier
        found = earlier


def run_between(trigger: Fires, first: datetime, until: datetime) -> MissedRun:
    """All occasions from `first` (itself one) up to `until`, as one run; of more than a hundred the count is
    left open, unless it can be reckoned.
    """
    last = newest(trigger, first, until)
    return MissedRun(first=first, last=last, count=_count(trigger, first, last))


def _count(trigger: Fires, first: datetime, last: datetime) -> int | None:
    if isinstance(trigger, SimpleTrigger):
        return 1 + (0 if trigger.interval is None else (last - first) // trigger.interval)
    count, reached = 1, first
    while reached < last:
        if count == COUNT_LIMIT:
            return None
        following = trigger.next_after(reached)
        reached, count = (last if following is None else following), count + 1
    return count


def _newest_simple(trigger: SimpleTrigger, first: datetime, until: datetime) -> datetime:
    """By arithmetic: on the grid, within the count, before the end."""
    if trigger.interval is None or until <= first:
        return first
    if trigger.end is not None:
        until = min(until, trigger.end - MILLISECOND)
    steps = (until - first) // trigger.interval
    if trigger.count is not None:
        steps = min(steps, trigger.count - 1 - (first - trigger.start) // trigger.interval)
    return first + max(steps, 0) * trigger.interval


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
