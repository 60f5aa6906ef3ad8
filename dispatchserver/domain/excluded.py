"""What a calendar takes away from a trigger, asked like a trigger of its own."""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from dispatchserver.domain.calendar import DAY, Shift
from dispatchserver.domain.calendartrigger import CalendarTrigger
from dispatchserver.domain.clockchanges import changes_between
from dispatchserver.domain.counting import (
    LONGEST_WALK,
    Count,
    count_on_grid,
    count_walking,
    fires_between,
)
from dispatchserver.domain.moments import MILLISECOND
from dispatchserver.domain.wallgrid import look_back


@dataclass(frozen=True, slots=True)
class ExcludedOccasions:
    """The occasions of a trigger under a calendar that lie on excluded days, up to `until`, moved or not."""

    under: CalendarTrigger
    until: datetime

    def next_after(self, moment: datetime) -> datetime | None:
        """The first excluded occasion strictly after `moment`; None when there is none left."""
        while (named := self.under.trigger.next_after(moment)) and named <= self.until:
            day = self.under.date_of(named)
            if self.under.calendar.is_excluded(day):
                return named
            away = self._away_from(day)
            reached = self.until if away is None else self.under.start_of(away)
            moment = max(named, self._made_up_before(named, reached) - MILLISECOND)
        return None

    def _away_from(self, day: date) -> date | None:
        """The first date from this one on that is excluded, and where it can be told, named."""
        grid = self.under.grid_of(excluded=True)
        return (
            self.under.calendar.excluded_from(day)
            if grid is None
            else grid.day_from(day, self.until.date() + DAY)
        )

    def _made_up_before(self, moment: datetime, until: datetime) -> datetime:
        """The first moment after this one at which something may be made up for a gap, on whichever date; or `until`."""
        changes = changes_between(self.zone, moment, until)
        return min((change.at for change in changes if change.is_gap), default=until)

    def look_back(self, moment: datetime) -> datetime:
        """Where to look for the newest excluded occasion up to `moment`."""
        if (grid := self.under.grid_of(excluded=True)) is not None:
            return look_back(grid, moment, self.zone)
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
    grid = None if trigger.shift is not Shift.SKIP else trigger.grid_of(excluded=False)
    if grid is None:
        return count_walking(trigger, after, until, limit)
    return count_on_grid(trigger, grid, after, until)


@fires_between.register
def _(
    trigger: ExcludedOccasions, after: datetime, until: datetime, limit: int = LONGEST_WALK
) -> Count:
    grid = trigger.under.grid_of(excluded=True)
    if grid is None:
        return count_walking(trigger, after, until, limit)
    return count_on_grid(trigger, grid, after, until)
