"""What a calendar takes away from a trigger, asked like a trigger of its own."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from dispatchserver.domain.calendar import Shift
from dispatchserver.domain.calendartrigger import CalendarTrigger
from dispatchserver.domain.counting import (
    LONGEST_WALK,
    Count,
    Gridded,
    count_on_grid,
    count_walking,
    fires_between,
)
from dispatchserver.domain.moments import MILLISECOND
from dispatchserver.domain.wallgrid import DAY_SECONDS, WallGrid


@dataclass(frozen=True, slots=True)
class ExcludedOccasions:
    """The occasions of a trigger under a calendar that lie on excluded days, up to `until`, moved or not."""

    under: CalendarTrigger
    until: datetime

    def next_after(self, moment: datetime) -> datetime | None:
        """The first excluded occasion strictly after `moment`; None when there is none left."""
        calendar = self.under.calendar
        while (named := self.under.trigger.next_after(moment)) and named <= self.until:
            day = self.under.date_of(named)
            away = calendar.excluded_from(day)
            if away == day:
                return named
            if away is None:
                return None
            moment = max(named, self.under.start_of(away) - MILLISECOND)
        return None

    def look_back(self, moment: datetime) -> datetime:
        """Where to look for the newest excluded occasion up to `moment`."""
        found = self.under.trigger.look_back(moment)
        day = self.under.date_of(found)
        away = self.under.calendar.excluded_until(day)
        if away is None or away == day:
            return found
        return self.under.trigger.look_back(self.under.end_of(away))

    @property
    def zone(self) -> ZoneInfo:
        """The zone by whose dates occasions are excluded."""
        return self.under.zone

    @property
    def end(self) -> datetime | None:
        """The end of the trigger beneath."""
        return self.under.end


@fires_between.register
def _(
    trigger: CalendarTrigger, after: datetime, until: datetime, limit: int = LONGEST_WALK
) -> Count:
    grid = None if trigger.shift is not Shift.SKIP else _grid(trigger, excluded=False)
    if grid is None:
        return count_walking(trigger, after, until, limit)
    return count_on_grid(trigger, grid, after, until)


@fires_between.register
def _(
    trigger: ExcludedOccasions, after: datetime, until: datetime, limit: int = LONGEST_WALK
) -> Count:
    grid = _grid(trigger.under, excluded=True)
    if grid is None:
        return count_walking(trigger, after, until, limit)
    return count_on_grid(trigger, grid, after, until)


def _grid(under: CalendarTrigger, *, excluded: bool) -> WallGrid | None:
    """The wall times left on working days, or those on excluded ones; None where they cannot be told by days."""
    if not isinstance(under.trigger, Gridded):
        return None
    beneath = under.trigger.grid
    if beneath.times.last >= DAY_SECONDS:
        return None

    def days_of(year: int, month: int) -> int:
        away = under.calendar.excluded_in(year, month)
        return beneath.days_of(year, month) & (away if excluded else ~away)

    return WallGrid(days_of, beneath.times)
