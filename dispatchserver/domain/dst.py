"""What a schedule in wall time means on the days when clocks are changed: four rules to choose from."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from dispatchserver.domain.crondays import first_at
from dispatchserver.domain.cronsearch import LAST_YEAR, WallSchedule
from dispatchserver.domain.wallclock import (
    DAY,
    EPOCH,
    SECOND,
    as_instant,
    at_change,
    gaps_in,
    offset_at,
    offsets,
    shown,
    wall_at,
    whole_second,
)

SEARCHED_YEARS = 100
BEFORE_ALL = EPOCH - SECOND


class DstRule(StrEnum):
    """What becomes of wall times that a clock change leaves out (a gap) or shows twice (an overlap).

    `exactly_once`  A schedule with fixed hours fires once for each wall time it names: in the first
                    pass of an overlap, and at the first instant after a gap for all that it names
                    inside the gap (together one fire). A schedule whose hour field runs over the
                    whole day (`*`, `*/n`, `0/n`, `0-23`) is a rhythm and is treated as `literal`.
    `quartz`        What Quartz 2.3.2 does: never the first pass of an overlap, not even for a
                    schedule of every second; a time inside a gap is skipped, together with what the
                    push out of the gap jumps over. Where Quartz would search for ever, the month
                    is skipped.
    `skip`          A wall time inside a gap is skipped; in an overlap the first pass fires.
    `literal`       A wall time fires whenever the clock shows it: in both passes of an overlap, and
                    not at all inside a gap.
    """

    EXACTLY_ONCE = "exactly_once"
    QUARTZ = "quartz"
    SKIP = "skip"
    LITERAL = "literal"


def next_instant(
    schedule: WallSchedule, moment: datetime, zone: ZoneInfo, rule: DstRule
) -> datetime | None:
    """The first instant strictly after `moment` at which the schedule fires; None: not in a century."""
    if moment.tzinfo is None:
        raise ValueError("a moment has a time zone")
    if moment.year > LAST_YEAR:
        return None
    second = whole_second(moment).astimezone(UTC)
    if second < BEFORE_ALL:
        second = BEFORE_ALL
    if rule is DstRule.EXACTLY_ONCE and not schedule.follows_clock:
        return _first_pass(schedule, second, zone, make_up=True)
    if rule is DstRule.SKIP:
        return _first_pass(schedule, second, zone, make_up=False)
    if rule is DstRule.QUARTZ:
        return _as_quartz(schedule, second, zone)
    return _every_pass(schedule, second, zone)


def _first_pass(
    schedule: WallSchedule, second: datetime, zone: ZoneInfo, *, make_up: bool
) -> datetime | None:
    local = second.astimezone(zone)
    start = shown(second, local)
    wall: datetime | None = start + SECOND
    if local.fold:  # all of this overlap had its turn in the first pass
        wall, _ = at_change(zone, start)
    last_year = start.year + SEARCHED_YEARS
    while wall and (wall := schedule.at_or_after(wall, last_year)):
        before = zone.utcoffset(wall)
        assert before is not None, "a ZoneInfo knows the offset of every datetime"
        fire = as_instant(wall - before)
        if offset_at(zone, fire) == before:
            return fire
        _, wall = at_change(zone, wall)  # it lies in a gap
        if make_up:
            return as_instant(wall - offset_at(zone, fire))
    return None


def _every_pass(schedule: WallSchedule, second: datetime, zone: ZoneInfo) -> datetime | None:
    following = second + SECOND
    local = following.astimezone(zone)
    start = shown(following, local)
    last_year = start.year + SEARCHED_YEARS
    wall = schedule.at_or_after(start, last_year)
    if not local.fold and _is_overlap(zone, start):
        end_of_first, start_of_second = at_change(zone, start)
        if wall is None or wall >= end_of_first:
            wall = schedule.at_or_after(start_of_second, last_year)
    while wall:
        before, after = offsets(zone, wall)
        if before >= after:
            first = as_instant(wall - before)
            return first if first > second else as_instant(wall - after)
        wall = schedule.at_or_after(at_change(zone, wall)[1], last_year)
    return None


def _is_overlap(zone: ZoneInfo, wall: datetime) -> bool:
    before, after = offsets(zone, wall)
    return before > after


def _as_quartz(schedule: WallSchedule, second: datetime, zone: ZoneInfo) -> datetime | None:
    wall = wall_at(zone, second + SECOND)
    last_year = wall.year + SEARCHED_YEARS
    found = schedule.at_or_after(wall, last_year)
    if found and _meets_gap(wall, found, zone):
        found = _walk_as_quartz(schedule, wall, last_year, zone)
    if found is None:
        return None
    _, after = offsets(zone, found)
    return as_instant(found - after)


def _meets_gap(wall: datetime, until: datetime, zone: ZoneInfo) -> bool:
    return any(
        start <= until and wall < end
        for year in range(wall.year, until.year + 1)
        for start, end in gaps_in(zone, year)
    )


def _walk_as_quartz(
    schedule: WallSchedule, wall: datetime, last_year: int, zone: ZoneInfo
) -> datetime | None:
    """Searches in Quartz's own steps, finest field first: a step into a gap is pushed out of it.

    Every step goes forward, so the walk ends; Quartz itself goes back to a weekday (`LW`) for ever
    whose times all lie in a gap.
    """
    while True:
        wall = _to_second(schedule, wall, zone)
        if (minute := first_at(schedule.minutes, wall.minute)) != wall.minute:
            wall = _to_minute(schedule, wall, minute, zone)
            continue
        if (hour := first_at(schedule.hours, wall.hour)) != wall.hour:
            wall = _to_hour(schedule, wall, hour, zone)
            continue
        date = schedule.date_from(wall.year, wall.month, wall.day, last_year)
        if date is None:
            return None
        if date == (wall.year, wall.month, wall.day):
            return wall
        wall = _pushed(datetime(*date), zone)  # noqa: DTZ001 - wall time has no zone


def _to_second(schedule: WallSchedule, wall: datetime, zone: ZoneInfo) -> datetime:
    if (second := first_at(schedule.seconds, wall.second)) >= 0:
        return wall.replace(second=second)
    second = first_at(schedule.seconds, 0)
    return _pushed(wall.replace(second=second) + timedelta(minutes=1), zone)


def _to_minute(schedule: WallSchedule, wall: datetime, minute: int, zone: ZoneInfo) -> datetime:
    hour = wall.hour
    if minute < 0:
        minute, hour = first_at(schedule.minutes, 0), hour + 1
    return _at_hour(wall.replace(minute=minute, second=0), hour, zone)


def _to_hour(schedule: WallSchedule, wall: datetime, hour: int, zone: ZoneInfo) -> datetime:
    wall = wall.replace(minute=0, second=0)
    if hour < 0:
        wall, hour = wall + DAY, first_at(schedule.hours, 0)
    return _at_hour(wall, hour, zone)


def _at_hour(wall: datetime, hour: int, zone: ZoneInfo) -> datetime:
    landed = _pushed(wall + timedelta(hours=hour - wall.hour), zone)
    if landed.hour == hour or hour == 24:
        return landed
    # Quartz answers a push by asking for the hour after the one it wanted, on the day it landed.
    return _pushed(landed + timedelta(hours=hour + 1 - landed.hour), zone)


def _pushed(wall: datetime, zone: ZoneInfo) -> datetime:
    before, after = offsets(zone, wall)
    return wall if before >= after else wall + (after - before)
