"""The `triggerType` of add.do and what goes with it: when a task fires. Pure.

Simple and cron triggers are the original's; the other shapes are ours, in the same style.
"""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum

from dispatchserver.dialects.iuap.daytriggers import read_day_interval, read_window
from dispatchserver.dialects.iuap.setting import FIELD_OF, Habits, Setting, read_end, read_start
from dispatchserver.dialects.iuap.simplecron import read_cron, read_simple
from dispatchserver.documents.reading import checked, read_zone
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.fields import FieldReader, as_duration, as_member
from dispatchserver.domain.fixeddelay import FixedDelayTrigger, check_delay, check_fixed_delay
from dispatchserver.domain.trigger import CronTrigger, SimpleTrigger, check_end
from dispatchserver.domain.triggers import Trigger, first_fire, matches_nothing
from dispatchserver.domain.uniontrigger import LINES_LIMIT, Line, UnionTrigger, check_union


class TriggerType(StrEnum):
    """The dialect's names of the trigger shapes."""

    SIMPLE = "SimpleTrigger"
    CRON = "CronTrigger"
    WINDOW = "WindowTrigger"
    DAYS = "DayIntervalTrigger"
    DELAY = "FixedDelayTrigger"
    UNION = "UnionTrigger"


def read_trigger(reader: FieldReader, now: datetime, habits: Habits) -> Trigger | None:
    """The trigger that the fields describe; None where they are faulty (and then booked)."""
    setting = Setting(now=now, zone=reader.take("timeZone", read_zone, habits.zone), habits=habits)
    kind = reader.need(("triggerType",), lambda value: as_member(value, TriggerType))
    if kind is None:
        return None
    if kind is TriggerType.UNION:
        return _read_union(reader, setting)
    trigger: Trigger | None
    if kind is TriggerType.DELAY:
        trigger = _read_delay(reader, setting)
    else:
        trigger = LINE_READERS[kind](reader, setting)
    if trigger is not None:
        _check_span(trigger, reader, now)
    return trigger


def _check_span(trigger: Trigger, reader: FieldReader, now: datetime) -> None:
    """Books an end that is not after the start, or else a trigger that has no fire left."""
    try:
        if isinstance(trigger, SimpleTrigger | CronTrigger):
            check_end(trigger.start, trigger.end)
        first_fire(trigger.anchored(now), now)
    except Invalid as invalid:
        if matches_nothing(trigger, now):
            reader.refuse("cronExpress", "trigger.never_matches")
        else:
            reader.refuse("endDate", invalid.code, **invalid.params)


def _read_union(reader: FieldReader, setting: Setting) -> UnionTrigger | None:
    """Every line is a trigger of its own; it takes the time zone of the task where it names none."""
    for name in ("startDate", "endDate", "timeConfig", "cronExpress"):
        if reader.has(name):
            reader.refuse(name, "trigger.union_outside")
    lines = [_read_line(line, setting) for line in reader.each("lines", LINES_LIMIT)]
    if not lines or None in lines:
        return None
    return checked(
        reader, "lines", lambda: check_union(tuple(line for line in lines if line)), FIELD_OF
    )


def _read_line(reader: FieldReader, setting: Setting) -> Line | None:
    zone = reader.take("timeZone", read_zone, setting.zone)
    kind = reader.need(("triggerType",), lambda value: as_member(value, TriggerType))
    if kind in (TriggerType.UNION, TriggerType.DELAY):
        reader.refuse("triggerType", "trigger.union_line", allowed=", ".join(LINE_READERS))
    if kind not in LINE_READERS:
        return None
    own = Setting(now=setting.now, zone=zone, habits=setting.habits)
    line = LINE_READERS[kind](reader, own)
    if line is not None:
        _check_span(line, reader, setting.now)
    return line


def _read_delay(reader: FieldReader, setting: Setting) -> FixedDelayTrigger | None:
    known = reader.fault_count
    start, end = read_start(reader, setting), read_end(reader, setting)
    times = reader.inside("timeConfig")
    delay = times.need(("delay",), lambda value: check_delay(as_duration(value))) if times else None
    if delay is None or reader.fault_count > known:
        return None
    trigger = FixedDelayTrigger(delay=delay, first=start or setting.now, end=end, zone=setting.zone)
    return checked(reader, "endDate", lambda: check_fixed_delay(trigger), FIELD_OF)


LINE_READERS: dict[TriggerType, Callable[[FieldReader, Setting], Line | None]] = {
    TriggerType.SIMPLE: read_simple,
    TriggerType.CRON: read_cron,
    TriggerType.WINDOW: read_window,
    TriggerType.DAYS: read_day_interval,
}
