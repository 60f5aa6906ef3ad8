"""Triggers of add.do that think in days: WindowTrigger and DayIntervalTrigger. Pure."""

from datetime import timedelta
from enum import StrEnum

from dispatchserver.dialects.iuap.setting import (
    FIELD_OF,
    Setting,
    read_dst,
    read_end,
    read_start,
)
from dispatchserver.dialects.iuap.simplecron import scaled
from dispatchserver.documents.days import DayUnit, as_clock, as_numbers, choose_days
from dispatchserver.documents.reading import checked
from dispatchserver.domain.daychoice import DayChoice
from dispatchserver.domain.dayinterval import (
    DayIntervalTrigger,
    check_day_interval,
    first_date_from,
)
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.fields import FieldReader, as_integer, as_member
from dispatchserver.domain.windowtrigger import WindowTrigger, check_window


class WindowUnit(StrEnum):
    """What the interval inside a window is counted in."""

    MINUTE = "MINUTE"
    HOUR = "HOUR"


class DayMode(StrEnum):
    """What the days of a window trigger are counted in."""

    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"


def read_window(reader: FieldReader, setting: Setting) -> WindowTrigger | None:
    known = reader.fault_count
    start, end, dst = read_start(reader, setting), read_end(reader, setting), read_dst(reader)
    times = reader.inside("timeConfig")
    if times is None:
        return None
    days = _read_days(times)
    opens = times.need(("windowStart",), as_clock)
    closes = times.take("windowEnd", as_clock, None)
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
    return checked(reader, "timeConfig", lambda: check_window(trigger), FIELD_OF)


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
        return choose_days(DayUnit(mode.lower()), every, values)
    except Invalid as invalid:
        field = "frequency" if invalid.code == "trigger.window_frequency" else "values"
        times.refuse(field, invalid.code, **invalid.params)
        return None


def read_day_interval(reader: FieldReader, setting: Setting) -> DayIntervalTrigger | None:
    """Begins with the first such time from startDate on; without one, from now on."""
    known = reader.fault_count
    start, end, dst = read_start(reader, setting), read_end(reader, setting), read_dst(reader)
    times = reader.inside("timeConfig")
    if times is None:
        return None
    days = times.take("days", as_integer, 1)
    at = times.need(("time",), as_clock)
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
    return checked(reader, "timeConfig", lambda: check_day_interval(trigger), FIELD_OF)
