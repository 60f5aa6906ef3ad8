"""Fills the when part of the task form: a when rule into the fields that would make it again. Pure."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from dispatchserver.domain.crondays import bits
from dispatchserver.domain.daychoice import DayChoice, EveryDays, Monthly, Weekly
from dispatchserver.domain.dayinterval import DayIntervalTrigger
from dispatchserver.domain.fixeddelay import FixedDelayTrigger
from dispatchserver.domain.trigger import CronTrigger, SimpleTrigger
from dispatchserver.domain.triggers import Trigger
from dispatchserver.domain.uniontrigger import UnionTrigger
from dispatchserver.domain.windowtrigger import WindowTrigger
from dispatchserver.pages.choices import KEPT, MONTHDAYS, WEEKDAYS
from dispatchserver.pages.words import HOUR, MINUTE, in_units

Fields = dict[str, str]


def wall(moment: datetime | None, zone: ZoneInfo) -> str:
    """A moment as a date-and-time field takes it."""
    if moment is None:
        return ""
    precise = "milliseconds" if moment.microsecond else "seconds"
    return moment.astimezone(zone).replace(tzinfo=None).isoformat("T", precise)


def clock(at: time) -> str:
    """A time of day as a time field takes it."""
    return at.isoformat("seconds" if at.second else "minutes")


def in_form(trigger: Trigger) -> bool:
    """Whether the form can say this when rule; any other is kept as it is."""
    return not isinstance(trigger, UnionTrigger) or bool(cron_lines(trigger))


def cron_lines(union: UnionTrigger) -> Sequence[CronTrigger]:
    """The lines, where all are cron expressions that differ in nothing else; none otherwise."""
    lines = [line for line in union.lines if isinstance(line, CronTrigger)]
    alike = {(line.dialect, line.zone.key, line.dst, line.start, line.end) for line in lines}
    whole = all(len(line.expression.text.splitlines()) == 1 for line in lines)
    return lines if whole and len(lines) == len(union.lines) and len(alike) == 1 else ()


def bounds(trigger: Trigger) -> tuple[datetime | None, datetime | None]:
    """The start and the end, as their fields show them."""
    match trigger:
        case DayIntervalTrigger(end=end):
            return None, end
        case UnionTrigger():
            lines = cron_lines(trigger)
            return (lines[0].start, lines[0].end) if lines else (None, None)
        case _:
            return trigger.start, trigger.end


def trigger_fields(trigger: Trigger) -> Fields:
    """The fields that would make this rule again."""
    zone = trigger.zone
    if not in_form(trigger):
        return {"trigger": KEPT, "zone": zone.key}
    start, end = bounds(trigger)
    common = {"start": wall(start, zone), "end": wall(end, zone), "zone": zone.key}
    return common | {"trigger": trigger.kind} | _fields_of(trigger)


def _fields_of(trigger: Trigger) -> Fields:
    match trigger:
        case SimpleTrigger():
            return _simple_fields(trigger)
        case CronTrigger(expression=expression, dst=dst):
            return {"cron": expression.text, "dialect": trigger.dialect, "dst": dst}
        case WindowTrigger(days=days, dst=dst):
            return {"dst": dst} | _day_fields(days) | _time_fields(trigger)
        case DayIntervalTrigger(days=days, first_date=first, dst=dst):
            at = clock(trigger.at)
            return {"days": str(days), "at": at, "first_date": first.isoformat(), "dst": dst}
        case UnionTrigger():
            lines = cron_lines(trigger)
            texts = "\n".join(line.expression.text for line in lines)
            return {"lines": texts, "dialect": lines[0].dialect, "dst": lines[0].dst}
        case FixedDelayTrigger(delay=delay):
            return _span_fields("delay", delay)


def _simple_fields(trigger: SimpleTrigger) -> Fields:
    if trigger.interval is None:
        return {"repeat": "once"}
    unit, interval = in_units(trigger.interval)
    repeat = "forever" if trigger.count is None else "count"
    count = str(trigger.count or "")
    return {"repeat": repeat, "interval": str(interval), "unit": unit, "count": count}


def _day_fields(days: DayChoice) -> Fields:
    nth = {"nth": str(days.every)}
    match days:
        case EveryDays():
            return nth | {"nth_unit": "day"}
        case Weekly(_, mask):
            return nth | {"nth_unit": "week"} | _ticks("weekday", WEEKDAYS, mask)
        case Monthly(_, mask):
            return nth | {"nth_unit": "month"} | _ticks("monthday", MONTHDAYS, mask)


def _ticks(name: str, numbers: range, mask: int) -> Fields:
    ticked = set(bits(mask))
    return {f"{name}{number}": "1" if number in ticked else "" for number in numbers}


def _time_fields(trigger: WindowTrigger) -> Fields:
    if trigger.every is None or trigger.closes is None:
        return {"times": "once", "at": clock(trigger.opens)}
    unit, size = ("minute", MINUTE) if trigger.every % HOUR else ("hour", HOUR)
    return {
        "times": "span",
        "step": str(trigger.every // size),
        "step_unit": unit,
        "opens": clock(trigger.opens),
        "closes": clock(trigger.closes),
    }


def _span_fields(name: str, span: timedelta) -> Fields:
    unit, count = in_units(span)
    return {name: str(count), f"{name}_unit": unit}
