"""Fires every n calendar days at a time of day: 24 hours apart or not, the wall clock shows the same time."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import ClassVar
from zoneinfo import ZoneInfo

from dispatchserver.domain.daychoice import EveryDays, every_days
from dispatchserver.domain.dst import DstRule
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.walldays import DayTimes, next_instant_on, seconds_of
from dispatchserver.domain.wallgrid import WallGrid, look_back


@dataclass(frozen=True, slots=True, kw_only=True)
class DayIntervalTrigger:
    """Fires at `at` on `first_date` and on every n-th calendar day after it, up to `end`, which counts.

    Under `exactly_once` a time that a clock change leaves out fires at the end of the gap, and one
    that is shown twice fires the first time.
    """

    days: int
    at: time
    first_date: date
    end: datetime | None = None
    zone: ZoneInfo
    dst: DstRule = DstRule.EXACTLY_ONCE
    kind: ClassVar[str] = "days"

    def next_after(self, moment: datetime) -> datetime | None:
        """The first fire strictly after `moment`, or None when there is none left."""
        moment = max(moment, self.start - timedelta(days=1))
        fire = next_instant_on(self._from_date, self.times, moment, self.zone, self.dst)
        return None if fire is None or (self.end is not None and fire > self.end) else fire

    def look_back(self, moment: datetime) -> datetime:
        """Where to look for the newest fire up to `moment`: at it, or near it if a clock was changed."""
        moment = moment if self.end is None else min(moment, self.end)
        return look_back(self.grid, moment, self.zone)

    @property
    def grid(self) -> WallGrid:
        """The same wall times, to be looked at backwards."""
        return WallGrid(partial(EveryDays(self.days).days_of, first=self.first_date), self.times)

    @property
    def times(self) -> DayTimes:
        """The one time of day."""
        second = seconds_of(self.at)
        return DayTimes(first=second, last=second)

    def anchored(self, now: datetime) -> "DayIntervalTrigger":
        """Unchanged: the first date is part of what was asked for."""
        return self

    @property
    def start(self) -> datetime:
        """The time of day on the first date, for showing."""
        return datetime.combine(self.first_date, self.at, self.zone).astimezone(UTC)

    def _from_date(self, day: date) -> date | None:
        return EveryDays(self.days).from_date(day, self.first_date)


def check_day_interval(trigger: DayIntervalTrigger) -> DayIntervalTrigger:
    """The trigger when its interval is allowed and it fires at least once; raises Invalid otherwise."""
    every_days(trigger.days)
    begin = datetime.combine(trigger.first_date, time(), trigger.zone) - timedelta(seconds=1)
    if trigger.next_after(begin) is None:
        raise Invalid("trigger.days_empty")
    return trigger


def first_date_from(now: datetime, at: time, zone: ZoneInfo) -> date:
    """Today where `at` is still to come or its minute is running, else tomorrow; by the zone's clock."""
    local = now.astimezone(zone)
    is_past = seconds_of(at) < seconds_of(local.time().replace(second=0))
    return local.date() + timedelta(days=1) if is_past else local.date()
