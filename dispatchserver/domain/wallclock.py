"""What the wall clock of a time zone shows when it is changed: gaps, overlaps, and where they lie.

A *gap* is the wall time that a clock put forward never shows; an *overlap* is the wall time that a
clock put back shows twice, in a first and a second pass. Wall times are datetimes without a zone.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


def offsets(zone: ZoneInfo, wall: datetime) -> tuple[timedelta, timedelta]:
    """The UTC offsets before and after the clock change this wall time lies in; else the same twice.

    A gap is where the second is the larger one, an overlap where it is the smaller one.
    """
    aware = wall.replace(tzinfo=zone)
    before, after = aware.utcoffset(), aware.replace(fold=1).utcoffset()
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
    offset = _offset_at(zone, day)
    while day < end:
        earlier, before = day, offset
        day, offset = day + DAY, _offset_at(zone, day + DAY)
        if before < offset:
            change = _last_change(zone, earlier, day)
            found.append((change + before, change + offset))
    return tuple(found)


def _last_change(zone: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """The UTC second after `low` since which the offset at `high` holds; zoneinfo does not tell it."""
    offset = _offset_at(zone, high)
    while high - low > SECOND:
        middle = low + (high - low) // 2 // SECOND * SECOND
        if _offset_at(zone, middle) == offset:
            high = middle
        else:
            low = middle
    return high


def _offset_at(zone: ZoneInfo, utc: datetime) -> timedelta:
    offset = utc.replace(tzinfo=UTC).astimezone(zone).utcoffset()
    assert offset is not None, "a ZoneInfo knows the offset of every datetime"
    return offset
