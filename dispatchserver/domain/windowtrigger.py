"""Fires every n minutes or hours inside a window of the day, or once a day, on chosen days between two moments."""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import ClassVar
from zoneinfo import ZoneInfo

from dispatchserver.domain.daychoice import DayChoice
from dispatchserver.domain.dst import DstRule
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.moments import MILLISECOND
from dispatchserver.domain.walldays import DayTimes, next_instant_on, seconds_of
from dispatchserver.domain.wallgrid import DAY_SECONDS, WallGrid, look_back

SHORTEST_STEP = timedelta(minutes=1)
LONGEST_STEP = timedelta(hours=24)

_CLOCK = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9]))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowTrigger:
    """Fires on the grid `opens`, `opens` + `every` … up to `closes` (both counted) of each chosen day.

    The grid hangs on the window, not on `start`; `start` and `end` only cut it, and both count. Without
    `closes` and `every` it fires once a day, at `opens`. Days, weeks and months are counted from the
    date of `start`. A window that closes before it opens runs over midnight and belongs to the day it
    opens on (also for `start`: the window open at that moment is the first one).

    Under `exactly_once`, a grid that goes round the clock without a break is a rhythm: it fires in both
    passes of an overlap and makes nothing up for a gap. Any other names times of day: the first pass of
    an overlap fires, and what a gap leaves out fires once at its end.
    """

    days: DayChoice
    opens: time
    closes: time | None = None
    every: timedelta | None = None
    start: datetime
    end: datetime | None = None
    zone: ZoneInfo
    dst: DstRule = DstRule.EXACTLY_ONCE
    kind: ClassVar[str] = "window"

    def next_after(self, moment: datetime) -> datetime | None:
        """The first fire strictly after `moment`, or None when there is none left."""
        moment = max(moment, self.start - MILLISECOND)
        if self.end is not None and moment >= self.end:
            return None
        first = self._first_date()
        fire = next_instant_on(
            lambda day: self.days.from_date(day, first), self.times, moment, self.zone, self.dst
        )
        return None if fire is None or (self.end is not None and fire > self.end) else fire

    def look_back(self, moment: datetime) -> datetime:
        """Where to look for the newest fire up to `moment`: at it, or near it if a clock was changed."""
        moment = moment if self.end is None else min(moment, self.end)
        return look_back(self.grid, moment, self.zone)

    @property
    def grid(self) -> WallGrid:
        """The same wall times, to be looked at backwards."""
        return WallGrid(partial(self.days.days_of, first=self._first_date()), self.times)

    def anchored(self, now: datetime) -> "WindowTrigger":
        """Unchanged: the grid hangs on the window, so there is no first fire to move."""
        return self

    @property
    def times(self) -> DayTimes:
        """The grid as seconds after the midnight of the day it belongs to."""
        opens = seconds_of(self.opens)
        if self.closes is None or self.every is None:
            return DayTimes(first=opens, last=opens)
        closes = seconds_of(self.closes)
        last = closes if closes >= opens else closes + DAY_SECONDS
        return DayTimes(first=opens, last=last, step=int(self.every.total_seconds()))

    def _first_date(self) -> date:
        local = self.start.astimezone(self.zone)
        inside = self.times.last - DAY_SECONDS >= seconds_of(local.time())
        return local.date() - timedelta(days=1) if inside else local.date()


def check_window(trigger: WindowTrigger) -> WindowTrigger:
    """The trigger when it keeps every rule and fires at least once; raises Invalid otherwise."""
    if (trigger.closes is None) != (trigger.every is None):
        raise Invalid("trigger.window_shape")
    if trigger.every is not None:
        _check_step(trigger.every)
    if trigger.closes == trigger.opens:
        raise Invalid("trigger.window_closed", at=f"{trigger.opens:%H:%M}")
    if trigger.end is not None and trigger.end < trigger.start:
        raise Invalid("trigger.window_ends_early")
    if trigger.next_after(trigger.start - MILLISECOND) is None:
        raise Invalid("trigger.window_empty")
    return trigger


def _check_step(every: timedelta) -> None:
    if not SHORTEST_STEP <= every <= LONGEST_STEP or every % SHORTEST_STEP:
        raise Invalid("trigger.window_step", longest_minutes=LONGEST_STEP // SHORTEST_STEP)


def read_clock(text: str) -> time:
    """A time of day, HH:mm or HH:mm:ss; raises Invalid. 24:00 is none: write 00:00, or 23:59."""
    match = _CLOCK.fullmatch(text.strip())
    if match is None:
        raise Invalid("trigger.clock")
    return time(int(match[1]), int(match[2]), int(match[3] or 0))
