"""SimpleTrigger and CronTrigger of add.do: the original's own. Pure."""

from datetime import timedelta
from enum import StrEnum

from dispatchserver.dialects.iuap.setting import (
    RepeatCount,
    Setting,
    read_dst,
    read_end,
    read_start,
)
from dispatchserver.documents.readtriggers import read_expression
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.fields import (
    FieldReader,
    as_boolean,
    as_duration,
    as_integer,
    as_member,
)
from dispatchserver.domain.fixeddelay import check_delay
from dispatchserver.domain.jsontext import JsonValue
from dispatchserver.domain.trigger import (
    COUNT_LIMIT,
    CronTrigger,
    SimpleTrigger,
    check_interval,
)


class IntervalType(StrEnum):
    """The dialect's units; NULL means that there is no interval, so the task fires once."""

    NULL = "NULL"
    MILLISECOND = "MILLISECOND"
    SECOND = "SECOND"
    MINUTE = "MINUTE"
    HOUR = "HOUR"


UNITS = {
    IntervalType.MILLISECOND: timedelta(milliseconds=1),
    IntervalType.SECOND: timedelta(seconds=1),
    IntervalType.MINUTE: timedelta(minutes=1),
    IntervalType.HOUR: timedelta(hours=1),
}


def read_cron(reader: FieldReader, setting: Setting) -> CronTrigger | None:
    expression = read_expression(reader, "cronExpress", "cronDialect")
    dst, start, end = read_dst(reader), read_start(reader, setting), read_end(reader, setting)
    if expression is None:
        return None
    return CronTrigger(expression=expression, zone=setting.zone, dst=dst, start=start, end=end)


def read_simple(reader: FieldReader, setting: Setting) -> SimpleTrigger:
    start, end = read_start(reader, setting), read_end(reader, setting)
    delay = reader.take("delay", lambda value: check_delay(as_duration(value)), None)
    if delay is not None and reader.has("startDate"):
        reader.refuse("delay", "field.either", one="startDate", other="delay")
    if delay is not None:
        start = setting.now + delay
    times = reader.inside_if_any("timeConfig")
    counts = setting.habits.repeat_count
    interval, count = _read_times(times, counts) if times else (None, 1)
    return SimpleTrigger(
        start=start or setting.now, interval=interval, count=count, end=end, zone=setting.zone
    )


def _read_times(reader: FieldReader, counts: RepeatCount) -> tuple[timedelta | None, int | None]:
    """Interval and number of fires (None: for ever) of a timeConfig."""
    unit = reader.take("intervalType", lambda v: as_member(v, IntervalType), IntervalType.NULL)
    forever = reader.take("isForever", as_boolean, False)
    repeats = reader.take("repeatCount", lambda value: _check_repeats(value, counts), None)
    if unit is IntervalType.NULL and forever:
        reader.refuse("intervalType", "trigger.forever_without_interval")
    if unit is IntervalType.NULL:
        return None, 1
    count = _count(repeats, counts, forever)
    if count == 1:
        reader.take("interval", as_integer, None)
        return None, 1
    interval = reader.need(
        ("interval",), lambda v: check_interval(scaled(as_integer(v), UNITS[unit]))
    )
    return interval, count


def scaled(number: int, unit: timedelta) -> timedelta:
    """So many of these units; more than can be is as long as can be."""
    try:
        return number * unit
    except OverflowError:
        return timedelta.max


def _check_repeats(value: JsonValue, counts: RepeatCount) -> int:
    repeats = as_integer(value)
    least = -1 if counts is RepeatCount.EXTRA else 0
    if not least <= repeats <= COUNT_LIMIT:
        raise Invalid("trigger.repeat_count", least=least, most=COUNT_LIMIT)
    return repeats


def _count(repeats: int | None, counts: RepeatCount, forever: bool) -> int | None:
    if forever or repeats == -1:
        return None
    if counts is RepeatCount.EXTRA:
        return (repeats or 0) + 1
    return max(repeats or 1, 1)
