"""When the clocks of a zone are changed, and what each change does to a cron trigger."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from dispatchserver.domain.dst import DstRule
from dispatchserver.domain.trigger import CronTrigger
from dispatchserver.domain.wallclock import DAY, SECOND, as_instant, offset_at

SHOWN_TIMES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockChange:
    """From the instant `at` on, a zone's clock is `after` ahead of UTC and no longer `before`."""

    at: datetime
    before: timedelta
    after: timedelta

    @property
    def length(self) -> timedelta:
        """How much wall time is left out or shown twice."""
        return abs(self.after - self.before)

    @property
    def is_gap(self) -> bool:
        """Whether the clock is put forward."""
        return self.after > self.before

    @property
    def wall(self) -> tuple[datetime, datetime]:
        """The wall times left out or shown twice: the first one, and the end of them."""
        shown = (
            (self.at + self.before).replace(tzinfo=None),
            (self.at + self.after).replace(tzinfo=None),
        )
        return min(shown), max(shown)

    @property
    def edges(self) -> tuple[datetime, ...]:
        """The instants between which wall time flows on evenly and is shown for the first or second time."""
        return (
            (self.at,) if self.is_gap else (self.at - self.length, self.at, self.at + self.length)
        )


def changes_between(zone: ZoneInfo, start: datetime, end: datetime) -> list[ClockChange]:
    """The changes after `start` up to `end`, and those whose second pass `start` lies in."""
    years = range((start - DAY).astimezone(UTC).year, end.astimezone(UTC).year + 1)
    found = [change for year in years for change in _changes_in(zone, year)]
    return [change for change in found if start < change.edges[-1] and change.edges[0] <= end]


@lru_cache(maxsize=1024)
def _changes_in(zone: ZoneInfo, year: int) -> tuple[ClockChange, ...]:
    found = []
    day, end = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    offset = offset_at(zone, day)
    while day < end:
        earlier, before = day, offset
        day, offset = day + DAY, offset_at(zone, day + DAY)
        if before != offset:
            at = _first_with(zone, offset, earlier, day)
            found.append(ClockChange(at=at, before=before, after=offset))
    return tuple(found)


def _first_with(zone: ZoneInfo, offset: timedelta, low: datetime, high: datetime) -> datetime:
    while high - low > SECOND:
        middle = low + (high - low) // 2 // SECOND * SECOND
        if offset_at(zone, middle) == offset:
            high = middle
        else:
            low = middle
    return high


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockEffect:
    """What a change does to the wall times a trigger names in it: `times`, the first few of them.

    `first` and `second` are the first fires they bring in the two passes of an overlap; after a gap,
    `first` is the fire that makes up for them. `more` tells that there are further times.
    """

    change: ClockChange
    times: tuple[datetime, ...]
    more: bool
    first: datetime | None
    second: datetime | None


def effect_of(change: ClockChange, trigger: CronTrigger) -> ClockEffect | None:
    """What this change does to the trigger; None when it names nothing there."""
    times = list(_named_times(change, trigger))
    if not times:
        return None
    if change.is_gap:
        makes_up = trigger.dst is DstRule.EXACTLY_ONCE and not _is_rhythm(trigger)
        first, second = _fire_within(trigger, change.at, SECOND) if makes_up else None, None
    else:
        first = _fire_within(trigger, change.at - change.length, change.length)
        second = _fire_within(trigger, change.at, change.length)
    shown, more = tuple(times[:SHOWN_TIMES]), len(times) > SHOWN_TIMES
    return ClockEffect(change=change, times=shown, more=more, first=first, second=second)


def _is_rhythm(trigger: CronTrigger) -> bool:
    return trigger.expression.schedule.follows_clock


def _named_times(change: ClockChange, trigger: CronTrigger) -> Iterator[datetime]:
    """The wall times named inside the change and the trigger's bounds, one more than are shown."""
    wall, end = change.wall
    schedule = trigger.expression.schedule
    for _ in range(SHOWN_TIMES + 1):
        found = schedule.at_or_after(wall, wall.year)
        if found is None or found >= end or _is_outside(found, change, trigger):
            return
        yield found
        wall = found + SECOND


def _is_outside(wall: datetime, change: ClockChange, trigger: CronTrigger) -> bool:
    """Whether a time lies beyond the trigger's start or end, whichever way its instant is read."""
    instants = [as_instant(wall - offset) for offset in (change.before, change.after)]
    too_early = trigger.start is not None and max(instants) < trigger.start
    return too_early or (trigger.end is not None and min(instants) > trigger.end)


def _fire_within(trigger: CronTrigger, start: datetime, length: timedelta) -> datetime | None:
    fire = trigger.next_after(start - SECOND)
    return fire if fire is not None and fire < start + length else None
