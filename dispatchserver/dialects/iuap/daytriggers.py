"""Triggers of add.do that think in days: WindowTrigger and DayIntervalTrigger. Pure."""

from collections.abc import Sequence
from datetime import time, timedelta
from enum import StrEnum

from dispatchserver.dialects.iuap.setting import Setting, checked, read_dst, read_end, read_start
from dispatchserver.dialects.iuap.simplecron import scaled
from dispatchserver.domain.daychoice import DayChoice, every_days, monthly, weekly
from dispatchserver.domain.dayinterval import (
    DayIntervalTrigger,
    check_day_interval,
    first_date_from,
)
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.fields import FieldReader, as_integer, as_list, as_member, as_text
from dispatchserver.domain.jsontext import JsonValue
from dispatchserver.domain.windowtrigger import WindowTrigger, check_window, read_clock

VALUES_LIMIT = 62


class WindowUnit(StrEnum):
    """What the interval inside a window is counted in."""

    MINUTE = "MINUTE"
    HOUR = "HOUR"


class DayMode(StrEnum):
    """What the days of a window trigger are counted in."""

    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"


def read_clock_text(value: JsonValue) -> time:
    """A time of day."""
    return read_clock(as_text(value))


def read_window(reader: FieldReader, setting: Setting) -> WindowTrigger | None:
    known = reader.fault_count
    start, end, dst = read_start(reader, setting), read_end(reader, setting), read_dst(reader)
    times = reader.inside("timeConfig")
    if times is None:
        return None
    days = _read_days(times)
    opens = times.need(("windowStart",), read_clock_text)
    closes = times.take("windowEnd", read_clock_text, None)
    every = _read_step(times)
    if days is None or opens is None or reader.fault_count > known:
        return None
    trigger = WindowTrigger(
        days=days,
        opens=opens,
        closes=closes,
        every=every,
        start=start or setting.now,
        end=end,
        zone=setting.zone,
        dst=dst,
    )
    return checked(reader, "timeConfig", lambda: check_window(trigger))


def _read_step(times: FieldReader) -> timedelta | None:
    """The interval inside the window, in minutes unless it says hours."""
    unit = times.take("intervalType", lambda v: as_member(v, WindowUnit), WindowUnit.MINUTE)
    size = timedelta(hours=1) if unit is WindowUnit.HOUR else timedelta(minutes=1)
    return times.take("interval", lambda value: scaled(as_integer(value), size), None)


def _read_days(times: FieldReader) -> DayChoice | None:
    mode = times.take("mode", lambda value: as_member(value, DayMode), DayMode.DAY)
    every = times.take("frequency", as_integer, 1)
    values = times.take("values", as_numbers, ())
    if mode is DayMode.DAY and values:
        times.refuse("values", "trigger.window_values")
    try:
        return choose_days(mode, every, values)
    except Invalid as invalid:
        field = "frequency" if invalid.code == "trigger.window_frequency" else "values"
        times.refuse(field, invalid.code, **invalid.params)
        return None


def choose_days(mode: DayMode, every: int, values: Sequence[int]) -> DayChoice:
    """The days of a window; raises Invalid."""
    match mode:
        case DayMode.DAY:
            return every_days(every)
        case DayMode.WEEK:
            return weekly(every, values)
        case DayMode.MONTH:
            return monthly(every, values)


def as_numbers(value: JsonValue) -> tuple[int, ...]:
    """A list of whole numbers, which may be empty; one number stands for itself, and "1,3" for both."""
    if value == []:
        return ()
    if isinstance(value, str) and not value.lstrip().startswith("["):
        return tuple(as_integer(part) for part in value.split(",")[:VALUES_LIMIT])
    if isinstance(value, int):
        return (as_integer(value),)
    return tuple(as_integer(part) for part in as_list(value, VALUES_LIMIT))


def read_day_interval(reader: FieldReader, setting: Setting) -> DayIntervalTrigger | None:
    """Begins with the first such time from startDate on; without one, from now on."""
    known = reader.fault_count
    start, end, dst = read_start(reader, setting), read_end(reader, setting), read_dst(reader)
    times = reader.inside("timeConfig")
    if times is None:
        return None
    days = times.take("days", as_integer, 1)
    at = times.need(("time",), read_clock_text)
    if at is None or reader.fault_count > known:
        return None
    trigger = DayIntervalTrigger(
        days=days,
        at=at,
        first_date=first_date_from(start or setting.now, at, setting.zone),
        end=end,
        zone=setting.zone,
        dst=dst,
    )
    return checked(reader, "timeConfig", lambda: check_day_interval(trigger))
