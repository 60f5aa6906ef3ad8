"""When rules as JSON documents. Pure."""

from datetime import datetime, timedelta

from dispatchserver.domain.crondays import bits
from dispatchserver.domain.daychoice import DayChoice, EveryDays, Monthly, Weekly
from dispatchserver.domain.dayinterval import DayIntervalTrigger
from dispatchserver.domain.fixeddelay import FixedDelayTrigger
from dispatchserver.domain.jsontext import JsonValue
from dispatchserver.domain.moments import iso
from dispatchserver.domain.trigger import CronTrigger, SimpleTrigger
from dispatchserver.domain.triggers import Trigger
from dispatchserver.domain.uniontrigger import UnionTrigger
from dispatchserver.domain.windowtrigger import WindowTrigger

Doc = dict[str, JsonValue]


def trigger_doc(trigger: Trigger) -> Doc:
    """The when rule as a document: all that was said of it, and nothing that merely follows from that."""
    doc: Doc = {
        "kind": trigger.kind,
        "zone": trigger.zone.key,
        "start": iso_or_none(trigger.start),
        "end": iso_or_none(trigger.end),
    }
    match trigger:
        case SimpleTrigger(interval=interval, count=count):
            return doc | {"interval_s": seconds_or_none(interval), "count": count}
        case CronTrigger(expression=expression, dst=dst):
            return doc | {"expression": expression.text, "dst": dst, "dialect": trigger.dialect}
        case WindowTrigger():
            return doc | _window_doc(trigger)
        case DayIntervalTrigger(days=days, dst=dst):
            at: Doc = {"at": trigger.at.isoformat(), "first_date": trigger.first_date.isoformat()}
            return doc | {"start": None, "days": days, "dst": dst} | at
        case UnionTrigger(lines=lines):
            return doc | {"end": None, "lines": [trigger_doc(line) for line in lines]}
        case FixedDelayTrigger(delay=delay):
            return doc | {"delay_s": seconds_or_none(delay)}


def _window_doc(trigger: WindowTrigger) -> Doc:
    return {
        "days": _days_doc(trigger.days),
        "opens": trigger.opens.isoformat(),
        "closes": None if trigger.closes is None else trigger.closes.isoformat(),
        "every_s": seconds_or_none(trigger.every),
        "dst": trigger.dst,
    }


def _days_doc(days: DayChoice) -> Doc:
    match days:
        case EveryDays(every):
            return {"unit": "day", "every": every}
        case Weekly(every, weekdays):
            return {"unit": "week", "every": every, "weekdays": list(bits(weekdays))}
        case Monthly(every, numbers):
            return {"unit": "month", "every": every, "days": list(bits(numbers))}


def iso_or_none(moment: datetime | None) -> str | None:
    return None if moment is None else iso(moment)


def seconds_or_none(span: timedelta | None) -> float | None:
    return None if span is None else span.total_seconds()
