"""A trigger under a calendar: which of its occasions fire, which are excluded, and which moved.

Planning asks `turn_after` instead of `next_after`: a turn is a fire or a run of excluded occasions, so
that what a calendar takes away leaves a row.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import takewhile
from typing import ClassVar, Protocol
from zoneinfo import ZoneInfo

from dispatchserver.domain.calendar import DAY, Calendar, Shift
from dispatchserver.domain.counting import Gridded
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.fire import MissedRun
from dispatchserver.domain.moments import MILLISECOND
from dispatchserver.domain.occasions import run_between
from dispatchserver.domain.wallclock import as_instant, at_change, offsets
from dispatchserver.domain.wallgrid import DAY_SECONDS, WallGrid, look_back

MOVED_DAYS_LIMIT = 31
RUNS_LIMIT = 2_000
LONGEST_RUN = 366 * DAY


class Schedule(Protocol):
    """A trigger that a calendar can be laid over."""

    @property
    def zone(self) -> ZoneInfo: ...

    @property
    def end(self) -> datetime | None: ...

    def next_after(self, moment: datetime) -> datetime | None: ...

    def look_back(self, moment: datetime) -> datetime: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """A fire. `moved_from` is the excluded date it was moved from; None where it has its own time."""

    at: datetime
    moved_from: date | None = None

    @property
    def last(self) -> datetime:
        """The moment to go on from."""
        return self.at


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """A run of occasions on excluded days without a working one between: one row `skipped(calendar)`."""

    run: MissedRun

    @property
    def at(self) -> datetime:
        """The moment of the first of them."""
        return self.run.first

    @property
    def last(self) -> datetime:
        """The moment to go on from."""
        return self.run.last


Turn = Occasion | Exclusion


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarTrigger:
    """Fires as `trigger` does on working days; what falls on an excluded day is skipped or moved.

    The date of an occasion is its date in the trigger's zone. A moved occasion keeps its time of day,
    on the nearest working day after (or before) it; where something fires there at that moment anyway,
    the two are one fire. Occasions more than 31 days from a working day are not moved, nor are those
    before `since` (when the task was made), nor beyond the trigger's end.
    """

    trigger: Schedule
    calendar: Calendar
    shift: Shift = Shift.SKIP
    since: datetime | None = None
    kind: ClassVar[str] = "calendar"

    @property
    def zone(self) -> ZoneInfo:
        """The zone by whose dates occasions are excluded."""
        return self.trigger.zone

    @property
    def end(self) -> datetime | None:
        """The end of the trigger beneath."""
        return self.trigger.end

    def next_after(self, moment: datetime) -> datetime | None:
        """The first fire strictly after `moment`; None when none is left, or none for 2,000 excluded runs."""
        for _ in range(RUNS_LIMIT):
            found = self._first_after(moment)
            if found is None:
                return None
            if isinstance(found, Occasion):
                return found.at
            moment = self.end_of_run(found)
        return None

    def look_back(self, moment: datetime) -> datetime:
        """Where to look for the newest fire up to `moment`; moved ones are not thought of."""
        if (grid := self.grid_of(excluded=False)) is not None:
            return look_back(grid, moment, self.zone)
        found = self.trigger.look_back(moment)
        day = self.date_of(found)
        reopened = self.calendar.working_until(day)
        if reopened is None or reopened == day:
            return found
        return self.trigger.look_back(self.end_of(reopened))

    def grid_of(self, *, excluded: bool) -> WallGrid | None:
        """The wall times left on working days, or those on excluded ones; None where days do not tell them."""
        if not isinstance(self.trigger, Gridded):
            return None
        beneath, calendar = self.trigger.grid, self.calendar
        if beneath.times.last >= DAY_SECONDS:
            return None

        def days_of(year: int, month: int) -> int:
            away = calendar.excluded_in(year, month)
            return beneath.days_of(year, month) & (away if excluded else ~away)

        return WallGrid(days_of, beneath.times)

    def turns(self, moment: datetime, limit: int) -> Iterator[Turn]:
        """At most `limit` turns after `moment`, in order."""
        for _ in range(limit):
            turn = self.turn_after(moment)
            if turn is None:
                return
            yield turn
            moment = turn.last

    def turn_after(self, moment: datetime) -> Turn | None:
        """What comes first after `moment`: a fire, or a run of excluded occasions; None when nothing is left.

        Any moment may be asked: the answer depends on nothing but the values of this trigger.
        """
        found = self._first_after(moment)
        if found is None or isinstance(found, Occasion):
            return found
        return Exclusion(run=run_between(self.trigger, found, self.end_of_run(found)))

    def _first_after(self, moment: datetime) -> Occasion | datetime | None:
        """The first fire after `moment`, or the moment of an excluded occasion that comes before it."""
        named = self.trigger.next_after(moment)
        moved = self._moved_after(moment, named)
        if moved is not None and (named is None or moved.at < named):
            return moved
        if named is None or self.calendar.is_excluded(self.date_of(named)):
            return named
        return Occasion(at=named)

    def end_of_run(self, named: datetime) -> datetime:
        """The last moment before work begins again; a run is a year long at most."""
        reopens = self.calendar.working_from(self.date_of(named))
        latest = named + LONGEST_RUN
        if reopens is None or reopens > latest.date():
            return latest
        return max(named, self.start_of(reopens) - MILLISECOND)

    def _moved_after(self, moment: datetime, named: datetime | None) -> Occasion | None:
        """The first fire after `moment` that was moved onto the only working day it can lie on."""
        match self.shift:
            case Shift.SKIP:
                return None
            case Shift.NEXT:
                day = self.calendar.working_from(self.date_of(moment))
                step = -DAY
            case Shift.PREVIOUS if named is not None:
                day = self.calendar.working_until(self.date_of(named))
                step = DAY
            case _:
                return None
        if day is None or day < self.date_of(moment):
            return None
        moved = [
            Occasion(at=at, moved_from=away)
            for away in self._excluded_beside(day, step)
            if (at := self._first_moved(away, day, moment))
        ]
        return min(moved, key=lambda occasion: occasion.at, default=None)

    def _excluded_beside(self, day: date, step: timedelta) -> Iterator[date]:
        """The excluded dates that lie next to a working one without another between, nearest first."""
        near = (day + n * step for n in range(1, MOVED_DAYS_LIMIT + 1))
        return takewhile(self.calendar.is_excluded, near)

    def _first_moved(self, away: date, day: date, moment: datetime) -> datetime | None:
        """The first moment after `moment` on `day` at whose time of day the trigger names the date `away`."""
        clock: time | None = None
        local = moment.astimezone(self.zone).replace(tzinfo=None)
        if local.date() == day:
            clock = local.time().replace(fold=0)
        while (clock := self._named_on(away, clock)) is not None:
            at = _instant(datetime.combine(day, clock), self.zone)
            if self.trigger.end is not None and at > self.trigger.end:
                return None
            if at > moment:
                return at
            # The clock of `day` was put back: all up to the end of the first pass had its turn.
            before = datetime.combine(day, clock.replace(microsecond=0))
            if offsets(self.zone, before)[0] > offsets(self.zone, before)[1]:
                clock = (at_change(self.zone, before)[0] - MILLISECOND).time()
        return None

    def _named_on(self, away: date, after: time | None) -> time | None:
        """The first time of day on this date, after that one, at which the trigger fires."""
        found = []
        for asked in self._asked_for(datetime.combine(away, after or time()), after is None):
            since = asked if self.since is None else max(asked, self.since - MILLISECOND)
            named = self.trigger.next_after(since)
            if named is not None:
                local = named.astimezone(self.zone).replace(tzinfo=None, fold=0)
                if local.date() == away and (after is None or local.time() > after):
                    found.append(local.time())
        return min(found, default=None)

    def _asked_for(self, wall: datetime, counted: bool) -> Iterator[datetime]:
        """The moments to ask from for what comes after a wall time, or at it where it is `counted`."""
        before, after = offsets(self.zone, wall)
        if before < after:
            yield _instant(wall, self.zone) - MILLISECOND
            return
        for offset in dict.fromkeys((before, after)):
            instant = as_instant(wall - offset)
            yield instant - MILLISECOND if counted else instant

    def date_of(self, moment: datetime) -> date:
        """The date of a moment in the trigger's zone."""
        return moment.astimezone(self.zone).date()

    def start_of(self, day: date) -> datetime:
        """The first moment of a date."""
        return _instant(datetime.combine(day, time()), self.zone)

    def end_of(self, day: date) -> datetime:
        """The last moment of a date."""
        return self.start_of(day + DAY) - MILLISECOND


def _instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """The first instant at which the clock shows this time; the end of the gap where it never does."""
    before, after = offsets(zone, wall)
    if after > before:
        wall, before = at_change(zone, wall.replace(microsecond=0))[1], after
    return as_instant(wall - before)


def check_calendar_trigger(trigger: CalendarTrigger, now: datetime) -> CalendarTrigger:
    """The trigger when the calendar leaves it at least one fire; raises Invalid otherwise."""
    if trigger.next_after(now - MILLISECOND) is None:
        raise Invalid("calendar.leaves_nothing")
    return trigger
