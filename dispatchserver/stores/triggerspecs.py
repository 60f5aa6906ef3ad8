"""When a task fires, as the JSON that a version row keeps, and back."""

import json
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from dispatchserver.domain.daychoice import DayChoice, EveryDays, Monthly, Weekly
from dispatchserver.domain.dayinterval import DayIntervalTrigger
from dispatchserver.domain.dst import DstRule
from dispatchserver.domain.fixeddelay import FixedDelayTrigger
from dispatchserver.domain.jsontext import dumps
from dispatchserver.domain.moments import EPOCH, MILLISECOND, from_ms
from dispatchserver.domain.trigger import CronDialect, CronTrigger, SimpleTrigger, parse_cron
from dispatchserver.domain.triggers import Trigger
from dispatchserver.domain.uniontrigger import UnionTrigger
from dispatchserver.domain.windowtrigger import WindowTrigger

Doc = dict[str, object]
Read = Mapping[str, Any]


def ms(moment: datetime | None) -> int | None:
    return None if moment is None else (moment - EPOCH) // MILLISECOND


def moment(value: int | None) -> datetime | None:
    return None if value is None else EPOCH + value * MILLISECOND


def span_ms(span: timedelta | None) -> int | None:
    return None if span is None else span // MILLISECOND


def span(value: int | None) -> timedelta | None:
    return None if value is None else value * MILLISECOND


@lru_cache(maxsize=4_096)
def trigger_json(trigger: Trigger) -> str:
    return dumps(_doc(trigger))


@lru_cache(maxsize=16_384)
def read_trigger(text: str) -> Trigger:
    """Parsed once per distinct text: a plan must not pay for parsing."""
    return _read(json.loads(text))


@lru_cache(maxsize=4_096)
def read_delay(text: str) -> timedelta | None:
    """The delay of a trigger that has one. What else it says is not read: a fire once planned needs none of it."""
    doc = json.loads(text)
    return span(doc["delay"]) if doc["kind"] == FixedDelayTrigger.kind else None


def _doc(trigger: Trigger) -> Doc:
    if isinstance(trigger, UnionTrigger):
        return {"kind": trigger.kind, "lines": [_doc(line) for line in trigger.lines]}
    doc: Doc = {"kind": trigger.kind, "zone": trigger.zone.key, "end": ms(trigger.end)}
    match trigger:
        case SimpleTrigger(start=start, interval=interval, count=count):
            return doc | {"start": ms(start), "interval": span_ms(interval), "count": count}
        case CronTrigger():
            return doc | _cron_doc(trigger)
        case WindowTrigger():
            return doc | _window_doc(trigger)
        case DayIntervalTrigger(days=days, first_date=first):
            at = {"at": trigger.at.isoformat(), "first_date": first.isoformat()}
            return doc | {"days": days, "dst": trigger.dst, **at}
        case FixedDelayTrigger(delay=delay, first=first):
            return doc | {"delay": span_ms(delay), "first": ms(first)}


def _cron_doc(trigger: CronTrigger) -> Doc:
    doc: Doc = {
        "expression": trigger.expression.text,
        "dst": trigger.dst,
        "start": ms(trigger.start),
    }
    return doc if trigger.dialect is CronDialect.QUARTZ else doc | {"dialect": trigger.dialect}


def _window_doc(trigger: WindowTrigger) -> Doc:
    return {
        "start": ms(trigger.start),
        "days": _days_doc(trigger.days),
        "opens": trigger.opens.isoformat(),
        "closes": None if trigger.closes is None else trigger.closes.isoformat(),
        "every": span_ms(trigger.every),
        "dst": trigger.dst,
    }


def _days_doc(days: DayChoice) -> Doc:
    match days:
        case EveryDays(every):
            return {"unit": "day", "every": every}
        case Weekly(every, weekdays):
            return {"unit": "week", "every": every, "mask": weekdays}
        case Monthly(every, numbers):
            return {"unit": "month", "every": every, "mask": numbers}


def _read(doc: Read) -> Trigger:
    return READERS[doc["kind"]](doc)


def _read_simple(doc: Read) -> SimpleTrigger:
    return SimpleTrigger(
        start=from_ms(doc["start"]),
        interval=span(doc["interval"]),
        count=doc["count"],
        end=moment(doc["end"]),
        zone=ZoneInfo(doc["zone"]),
    )


def _read_cron(doc: Read) -> CronTrigger:
    return CronTrigger(
        expression=parse_cron(doc["expression"], CronDialect(doc.get("dialect", "quartz"))),
        zone=ZoneInfo(doc["zone"]),
        dst=DstRule(doc["dst"]),
        start=moment(doc["start"]),
        end=moment(doc["end"]),
    )


def _read_window(doc: Read) -> WindowTrigger:
    closes = doc["closes"]
    return WindowTrigger(
        days=_read_days(doc["days"]),
        opens=time.fromisoformat(doc["opens"]),
        closes=None if closes is None else time.fromisoformat(closes),
        every=span(doc["every"]),
        start=from_ms(doc["start"]),
        end=moment(doc["end"]),
        zone=ZoneInfo(doc["zone"]),
        dst=DstRule(doc["dst"]),
    )


def _read_days(doc: Read) -> DayChoice:
    if doc["unit"] == "day":
        return EveryDays(doc["every"])
    chosen = Weekly if doc["unit"] == "week" else Monthly
    return chosen(doc["every"], doc["mask"])


def _read_day_interval(doc: Read) -> DayIntervalTrigger:
    return DayIntervalTrigger(
        days=doc["days"],
        at=time.fromisoformat(doc["at"]),
        first_date=date.fromisoformat(doc["first_date"]),
        end=moment(doc["end"]),
        zone=ZoneInfo(doc["zone"]),
        dst=DstRule(doc["dst"]),
    )


def _read_union(doc: Read) -> UnionTrigger:
    lines = [_read(line) for line in doc["lines"]]
    return UnionTrigger(
        lines=tuple(
            line for line in lines if not isinstance(line, UnionTrigger | FixedDelayTrigger)
        )
    )


def _read_delay(doc: Read) -> FixedDelayTrigger:
    return FixedDelayTrigger(
        delay=doc["delay"] * MILLISECOND,
        first=from_ms(doc["first"]),
        end=moment(doc["end"]),
        zone=ZoneInfo(doc["zone"]),
    )


READERS: Mapping[str, Callable[[Read], Trigger]] = {
    SimpleTrigger.kind: _read_simple,
    CronTrigger.kind: _read_cron,
    WindowTrigger.kind: _read_window,
    DayIntervalTrigger.kind: _read_day_interval,
    UnionTrigger.kind: _read_union,
    FixedDelayTrigger.kind: _read_delay,
}
