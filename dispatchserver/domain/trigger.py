"""When a task fires: the two plain trigger shapes, simple and cron, and their one question, next_after."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import ClassVar, Protocol
from zoneinfo import ZoneInfo, available_timezones

from dispatchserver.domain.cron import CronExpression, DstRule
from dispatchserver.domain.cronunix import UnixCronExpression
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.moments import MILLISECOND
from dispatchserver.domain.values import value
from dispatchserver.domain.wallgrid import WallGrid, look_back
from dispatchserver.domain.zonehints import nearest_zones

SHORTEST_INTERVAL = timedelta(milliseconds=10)
LONGEST_INTERVAL = timedelta(days=36_525)
COUNT_LIMIT = 2_147_483_647
SMALLEST = timedelta.resolution
LAST_MOMENT = datetime(9000, 1, 1, tzinfo=UTC)


class Firing(Protocol):
    """Whatever tells its next fire."""

    def next_after(self, moment: datetime, /) -> datetime | None:
        """The first fire strictly after `moment`."""


@value(frozen=True, slots=True, kw_only=True)
class SimpleTrigger:
    """Fires at `start`, then every `interval`, `count` times in all (None: for ever), before `end`.

    Without an interval it fires once. As in Quartz, the end is exclusive for repeats. The n-th fire is
    pure arithmetic on `start`, so neither restarts nor misses can change how many there are.
    """

    start: datetime
    interval: timedelta | None = None
    count: int | None = 1
    end: datetime | None = None
    zone: ZoneInfo
    kind: ClassVar[str] = "simple"

    def next_after(self, moment: datetime) -> datetime | None:
        """The first fire strictly after `moment`, or None when there is none left."""
        if moment < self.start:
            return self.start
        if self.interval is None:
            return None
        index = (moment - self.start) // self.interval + 1
        if self.count is not None and index >= self.count:
            return None
        if index > (LAST_MOMENT - self.start) // self.interval:
            return None
        fire = self.start + index * self.interval
        return None if self.end is not None and fire >= self.end else fire

    def fires_after(self, moment: datetime, most: int) -> list[datetime]:
        """At most `most` fires after `moment`, in order; as `next_after` finds them, without looking for each anew."""
        first = self.next_after(moment)
        if first is None or most < 1:
            return []
        if self.interval is None:
            return [first]
        if self.count is not None:
            most = min(most, self.count - (first - self.start) // self.interval)
        last = LAST_MOMENT if self.end is None else min(self.end - SMALLEST, LAST_MOMENT)
        fires = [first]
        while len(fires) < most and last - fires[-1] >= self.interval:
            fires.append(fires[-1] + self.interval)
        return fires

    def look_back(self, moment: datetime) -> datetime:
        """The newest fire up to `moment`; the first one when it lies before that."""
        if self.interval is None:
            return self.start
        if self.end is not None:
            moment = min(moment, self.end - MILLISECOND)
        index = max(0, (moment - self.start) // self.interval)
        if self.count is not None:
            index = min(index, self.count - 1)
        return self.start + index * self.interval

    def anchored(self, now: datetime) -> "SimpleTrigger":
        """The trigger as it counts when it is added at `now`: a start in the past is taken as Quartz does.

        A one-shot or a counted run begins now with its full count; an endless one stays on its grid.
        """
        if self.start >= now or (self.interval is not None and self.count is None):
            return self
        return replace(self, start=now)


class CronDialect(StrEnum):
    """Whose grammar a cron expression is written in."""

    QUARTZ = "quartz"
    UNIX = "unix"


def parse_cron(text: str, dialect: CronDialect) -> CronExpression | UnixCronExpression:
    """Reads an expression in one of the two grammars; raises Invalid."""
    if dialect is CronDialect.UNIX:
        return UnixCronExpression.parse(text)
    return CronExpression.parse(text)


@value(frozen=True, slots=True, kw_only=True)
class CronTrigger:
    """Fires where a cron expression matches the wall clock of a zone, from `start` to `end`, both counted."""

    expression: CronExpression | UnixCronExpression
    zone: ZoneInfo
    dst: DstRule = DstRule.EXACTLY_ONCE
    start: datetime | None = None
    end: datetime | None = None
    kind: ClassVar[str] = "cron"

    def next_after(self, moment: datetime) -> datetime | None:
        """The first fire strictly after `moment`, or None when there is none left."""
        if self.start is not None and moment < self.start:
            moment = self.start - MILLISECOND
        fire = self.expression.next_after(moment, self.zone, self.dst)
        return None if fire is None or (self.end is not None and fire > self.end) else fire

    def look_back(self, moment: datetime) -> datetime:
        """Where to look for the newest fire up to `moment`: at it, or near it if a clock was changed."""
        moment = moment if self.end is None else min(moment, self.end)
        return look_back(self.grid, moment, self.zone)

    @property
    def grid(self) -> WallGrid:
        """The same wall times, to be looked at backwards."""
        return self.expression.schedule.grid

    def anchored(self, now: datetime) -> "CronTrigger":
        """Unchanged: a cron expression has no first fire to move."""
        return self

    @property
    def dialect(self) -> CronDialect:
        """Whose grammar the expression is written in."""
        is_unix = isinstance(self.expression, UnixCronExpression)
        return CronDialect.UNIX if is_unix else CronDialect.QUARTZ


def check_interval(interval: timedelta) -> timedelta:
    """The interval when it is one we keep to; raises Invalid otherwise."""
    if not SHORTEST_INTERVAL <= interval <= LONGEST_INTERVAL:
        raise Invalid("trigger.interval", shortest_ms=10, longest_days=LONGEST_INTERVAL.days)
    return interval


def check_end(start: datetime | None, end: datetime | None) -> None:
    """Raises Invalid for an end that is not after the start."""
    if start is not None and end is not None and end <= start:
        raise Invalid("trigger.end_before_start")


def find_zone(name: str) -> ZoneInfo:
    """The IANA zone of this name; raises Invalid with the nearest names when there is none."""
    if name in _zones():
        return ZoneInfo(name)
    raise Invalid("trigger.zone", nearest=", ".join(nearest_zones(name, _zones())))


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())
