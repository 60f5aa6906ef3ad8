"""How often a trigger fires: by arithmetic on what it names, without walking from fire to fire."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import singledispatch
from heapq import merge
from itertools import islice
from typing import Protocol
from zoneinfo import ZoneInfo

from dispatchserver.domain.clockchanges import changes_between
from dispatchserver.domain.dayinterval import DayIntervalTrigger
from dispatchserver.domain.fixeddelay import FixedDelayTrigger
from dispatchserver.domain.trigger import LAST_MOMENT, CronTrigger, Firing, SimpleTrigger
from dispatchserver.domain.uniontrigger import UnionTrigger
from dispatchserver.domain.wallclock import SECOND, wall_at, whole_second
from dispatchserver.domain.wallgrid import WallGrid
from dispatchserver.domain.windowtrigger import WindowTrigger

LONGEST_WALK = 1_000


class OnGrid(Firing, Protocol):
    """Whatever fires by the wall clock of a zone."""

    @property
    def zone(self) -> ZoneInfo: ...

    @property
    def end(self) -> datetime | None: ...


Gridded = CronTrigger | WindowTrigger | DayIntervalTrigger


@dataclass(frozen=True, slots=True)
class Count:
    """A number of fires; there are more of them where it is not exact."""

    number: int
    exact: bool = True


@singledispatch
def fires_between(
    trigger: Firing, after: datetime, until: datetime, limit: int = LONGEST_WALK
) -> Count:
    """How many fires lie after one moment up to another. What cannot be reckoned is counted up to `limit`."""
    return count_walking(trigger, after, until, limit)


def count_walking(trigger: Firing, after: datetime, until: datetime, limit: int) -> Count:
    """How many fires lie after one moment up to another, counted one by one up to `limit`."""
    count = sum(1 for _ in islice(_walk(trigger, after, until), limit + 1))
    return Count(min(count, limit), exact=count <= limit)


@fires_between.register
def _(trigger: SimpleTrigger, after: datetime, until: datetime, limit: int = LONGEST_WALK) -> Count:
    return Count(_repeats_up_to(trigger, until) - _repeats_up_to(trigger, after))


@fires_between.register(CronTrigger)
@fires_between.register(WindowTrigger)
@fires_between.register(DayIntervalTrigger)
def _(trigger: Gridded, after: datetime, until: datetime, limit: int = LONGEST_WALK) -> Count:
    return count_on_grid(trigger, trigger.grid, after, until)


def count_on_grid(trigger: OnGrid, grid: WallGrid, after: datetime, until: datetime) -> Count:
    """How many fires lie after one moment up to another, where the trigger fires at the wall times of a grid.

    Between clock changes wall time flows evenly, so there the named times are counted, from the first fire on.
    """
    first = trigger.next_after(after)
    until = until if trigger.end is None else min(until, trigger.end)
    end, total = whole_second(until) + SECOND, 0
    for edge in _edges(trigger.zone, after, end):
        if first is None or first >= edge:
            continue
        wall = wall_at(trigger.zone, first)
        last = max(wall, grid.at_or_before(wall + (edge - first) - SECOND) or wall)
        # The first fire counts in any case: one made up after a gap is not named.
        total += 1 + grid.count_between(wall + SECOND, wall + (edge - first))
        first = trigger.next_after(first + (last - wall))
    return Count(total)


@fires_between.register
def _(
    trigger: FixedDelayTrigger, after: datetime, until: datetime, limit: int = LONGEST_WALK
) -> Count:
    """Only the first fire can be told; how many follow depends on how long they take."""
    first = trigger.next_after(after)
    return Count(0 if first is None or first > until else 1, exact=False)


@fires_between.register
def _(trigger: UnionTrigger, after: datetime, until: datetime, limit: int = LONGEST_WALK) -> Count:
    """Walked line by line: a line is asked again only after its own fire; fires at one instant are one."""
    if any(fires_between(line, after, until).number > limit for line in trigger.lines):
        return Count(limit, exact=False)
    count, last = 0, None
    for fire in merge(*(_walk(line, after, until) for line in trigger.lines)):
        if fire == last:
            continue
        if count == limit:
            return Count(limit, exact=False)
        count, last = count + 1, fire
    return Count(count)


def _walk(trigger: Firing, after: datetime, until: datetime) -> Iterator[datetime]:
    fire = trigger.next_after(after)
    while fire is not None and fire <= until:
        yield fire
        fire = trigger.next_after(fire)


def _edges(zone: ZoneInfo, after: datetime, end: datetime) -> list[datetime]:
    """The ends of the stretches of even wall time from one moment to another."""
    found = {edge for change in changes_between(zone, after, end) for edge in change.edges}
    return [*sorted(edge for edge in found if after < edge < end), end]


def _repeats_up_to(trigger: SimpleTrigger, moment: datetime) -> int:
    if moment < trigger.start:
        return 0
    if trigger.interval is None:
        return 1
    limit = min(moment, LAST_MOMENT)
    if trigger.end is not None and trigger.end <= limit:
        limit = trigger.end - timedelta(microseconds=1)
    fires = max(0, (limit - trigger.start) // trigger.interval) + 1
    return fires if trigger.count is None else min(fires, trigger.count)
