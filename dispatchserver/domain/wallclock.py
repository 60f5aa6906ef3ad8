"""What the wall clock of a time zone shows when it is changed: gaps, overlaps, and where they lie.

A *gap* is the wall time that a clock put forward never shows; an *overlap* is the wall time that a
clock put back shows twice, in a first and a second pass. Wall times are datetimes without a zone.

These functions run for every fire, so they add and subtract where `datetime.replace`, ten times slower,
would read more plainly.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
WALL_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - wall time has no zone


def as_instant(utc: datetime) -> datetime:
    """The moment that a time without a zone means in UTC."""
    return EPOCH + (utc - WALL_EPOCH)


def shown(moment: datetime, local: datetime) -> datetime:
    """What the clock shows at a moment, which is given twice: in UTC and in the clock's zone."""
    offset = local.utcoffset()
    assert offset is not None, "a ZoneInfo knows the offset of every datetime"
    return WALL_EPOCH + (moment - EPOCH) + offset


def wall_at(zone: ZoneInfo, moment: datetime) -> datetime:
    """What the clock shows at a moment."""
    return shown(moment, moment.astimezone(zone))


def offset_at(zone: ZoneInfo, moment: datetime) -> timedelta:
    """How much the clock is ahead of UTC at a moment."""
    offset = moment.astimezone(zone).utcoffset()
    assert offset is not None, "a ZoneInfo knows the offset of every datetime"
    return offset


def whole_second(moment: datetime) -> datetime:
    """The second that a moment lies in."""
    fraction = moment.microsecond
    return moment - timedelta(microseconds=fraction) if fraction else moment


def offsets(zone: ZoneInfo, wall: datetime) -> tuple[timedelta, timedelta]:
    """The UTC offsets before and after the clock change this wall time lies in; else the same twice.

    A gap is where the second is the larger one, an overlap where it is the smaller one.
    """
    again = datetime(wall.year, wall.month, wall.day, wall.hour, wall.minute, wall.second, fold=1)  # noqa: DTZ001 - wall time has no zone
    before, after = zone.utcoffset(wall), zone.utcoffset(again)
    assert before is not None and after is not None, "a ZoneInfo knows the offset of every datetime"
    return before, after


def at_change(zone: ZoneInfo, wall: datetime) -> tuple[datetime, datetime]:
    """What the clock shows just before and just after the change whose gap or overlap holds `wall`."""
    before, after = offsets(zone, wall)
    change = _last_change(zone, wall - max(before, after), wall - min(before, after))
    return change + before, change + after


@lru_cache(maxsize=4096)
def gaps_in(zone: ZoneInfo, year: int) -> tuple[tuple[datetime, datetime], ...]:
    """The gaps of a year and of the days around it, where UTC and the wall may differ on the year:
    each as the first wall time left out, and the first one shown after it.
    """
    found = []
    # UTC, kept without its zone like all of this module
    day, end = datetime(year, 1, 1) - 2 * DAY, datetime(year + 1, 1, 3)  # noqa: DTZ001
    offset = offset_at(zone, as_instant(day))
    while day < end:
        earlier, before = day, offset
        day, offset = day + DAY, offset_at(zone, as_instant(day + DAY))
        if before < offset:
            change = _last_change(zone, earlier, day)
            found.append((change + before, change + offset))
    return tuple(found)


def _last_change(zone: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """The UTC second after `low` since which the offset at `high` holds; zoneinfo does not tell it."""
    offset = offset_at(zone, as_instant(high))
    while high - low > SECOND:
        middle = low + (high - low) // 2 // SECOND * SECOND
        if offset_at(zone, as_instant(middle)) == offset:
            high = middle
        else:
            low = middle
    return high
