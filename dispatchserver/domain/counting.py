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
from dispatchserver.domain.cronsearch import WallSchedule
from dispatchserver.domain.describing import times_of_day
from dispatchserver.domain.descriptions import DAY_SECONDS
from dispatchserver.domain.fixeddelay import FixedDelayTrigger
from dispatchserver.domain.trigger import LAST_MOMENT, CronTrigger, SimpleTrigger
from dispatchserver.domain.uniontrigger import UnionTrigger
from dispatchserver.domain.wallclock import SECOND

LONGEST_WALK = 1_000


class Firing(Protocol):
    """Whatever tells its next fire."""

    def next_after(self, moment: datetime, /) -> datetime | None:
        """The first fire strictly after `moment`."""


@dataclass(frozen=True, slots=True)
class Count:
    """A number of fires; there are more of them where it is not exact."""

    number: int
    exact: bool = True


@singledispatch
def fires_between(trigger: Firing, after: datetime, until: datetime) -> Count:
    """How many fires lie after one moment up to another. A shape without arithmetic is walked a bounded way."""
    count = sum(1 for _ in islice(_walk(trigger, after, until), LONGEST_WALK + 1))
    return Count(min(count, LONGEST_WALK), exact=count <= LONGEST_WALK)


@fires_between.register
def _(trigger: SimpleTrigger, after: datetime, until: datetime) -> Count:
    return Count(_repeats_up_to(trigger, until) - _repeats_up_to(trigger, after))


@fires_between.register
def _(trigger: CronTrigger, after: datetime, until: datetime) -> Count:
    """Between clock changes wall time flows evenly, so there the named times are counted, from the first fire on."""
    first = trigger.next_after(after)
    until = until if trigger.end is None else min(until, trigger.end)
    end = until.replace(microsecond=0) + SECOND
    schedule = trigger.expression.schedule
    named = times_of_day(schedule)
    total = 0
    for edge in _edges(trigger.zone, after, end):
        if first is None or first >= edge:
            continue
        wall = first.astimezone(trigger.zone).replace(tzinfo=None, fold=0)
        count, last = _named_between(schedule, named, wall, wall + (edge - first))
        total += count
        first = trigger.next_after(first + (last - wall))
    return Count(total)


@fires_between.register
def _(trigger: FixedDelayTrigger, after: datetime, until: datetime) -> Count:
    """Only the first fire can be told; how many follow depends on how long they take."""
    first = trigger.next_after(after)
    return Count(0 if first is None or first > until else 1, exact=False)


@fires_between.register
def _(trigger: UnionTrigger, after: datetime, until: datetime) -> Count:
    """Walked line by line: a line is asked again only after its own fire; fires at one instant are one."""
    count, last = 0, None
    for fire in merge(*(_walk(line, after, until) for line in trigger.lines)):
        if fire == last:
            continue
        if count == LONGEST_WALK:
            return Count(LONGEST_WALK, exact=False)
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


def _named_between(
    schedule: WallSchedule, named: int, start: datetime, end: datetime
) -> tuple[int, datetime]:
    """The wall times named from a fire on to before `end`, and the last of them.

    The fire itself counts in any case: one made up after a gap is not named.
    """
    total = 0 if schedule.at_or_after(start, start.year) == start else 1
    found = start
    date = schedule.date_from(start.year, start.month, start.day, end.year)
    while date is not None and date <= (end.year, end.month, end.day):
        midnight = datetime(*date)  # noqa: DTZ001 - wall time has no zone
        low, high = _second_of(midnight, start), _second_of(midnight, end)
        if times := named & (1 << high) - (1 << low):
            total += times.bit_count()
            found = midnight + (times.bit_length() - 1) * SECOND
        date = schedule.date_from(date[0], date[1], date[2] + 1, end.year)
    return total, found


def _second_of(midnight: datetime, wall: datetime) -> int:
    """The second of this day that a wall time is, or the day's end that is nearer to it."""
    return min(max(0, (wall - midnight) // SECOND), DAY_SECONDS)
