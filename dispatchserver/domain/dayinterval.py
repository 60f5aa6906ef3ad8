"""Fires every n calendar days at a time of day: 24 hours apart or not, the wall clock shows the same time."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import ClassVar
from zoneinfo import ZoneInfo

from dispatchserver.domain.daychoice import every_days
from dispatchserver.domain.dst import DstRule
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.walldays import DayTimes, next_instant_on, seconds_of


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
        second = seconds_of(self.at)
        moment = max(moment, self.start - timedelta(days=1))
        times = DayTimes(first=second, last=second)
        fire = next_instant_on(self._from_date, times, moment, self.zone, self.dst)
        return None if fire is None or (self.end is not None and fire > self.end) else fire

    def anchored(self, now: datetime) -> "DayIntervalTrigger":
        """Unchanged: the first date is part of what was asked for."""
        return self

    @property
    def start(self) -> datetime:
        """The time of day on the first date, for showing."""
        return datetime.combine(self.first_date, self.at, self.zone).astimezone(UTC)

    def _from_date(self, day: date) -> date:
        if day <= self.first_date:
            return self.first_date
        return day + timedelta(days=-(day - self.first_date).days % self.days)


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
