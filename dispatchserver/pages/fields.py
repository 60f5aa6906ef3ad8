"""Fills the task form: a task into the fields that would make it again. Pure."""

import json
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from dispatchserver.domain.jsontext import JsonValue
from dispatchserver.domain.recall import (
    Ack,
    BodyShape,
    Framing,
    HttpRecall,
    Recall,
    RecallKind,
    ReplyRule,
)
from dispatchserver.domain.task import Policies, Task
from dispatchserver.domain.trigger import CronDialect, CronTrigger, SimpleTrigger
from dispatchserver.domain.triggers import Trigger
from dispatchserver.pages.words import UNITS, in_units

KEPT = "kept"
CHOICES: dict[str, tuple[str, ...]] = {
    "trigger": ("simple", "cron"),
    "repeat": ("forever", "count", "once"),
    "unit": tuple(reversed(UNITS)),
    "recall": ("HTTP", "SOCKET"),
    "body_shape": tuple(BodyShape),
    "reply_rule": tuple(ReplyRule),
    "framing": tuple(Framing),
    "ack": tuple(Ack),
    "data_kind": ("json", "text"),
}
BLANK = {
    "priority": "0",
    "trigger": SimpleTrigger.kind,
    "repeat": "forever",
    "interval": "5",
    "unit": "minute",
    "recall": RecallKind.HTTP.value,
    "body_shape": BodyShape.NESTED.value,
    "reply_rule": ReplyRule.AUTO.value,
    "framing": Framing.LINE.value,
    "ack": Ack.AUTO.value,
    "data_kind": "json",
}


def wall(moment: datetime | None, zone: ZoneInfo) -> str:
    """A moment as a date-and-time field takes it."""
    if moment is None:
        return ""
    precise = "milliseconds" if moment.microsecond else "seconds"
    return moment.astimezone(zone).replace(tzinfo=None).isoformat("T", precise)


def blank_fields(group: str = "") -> dict[str, str]:
    """The fields of a new task's form; its zone is empty, which is the group's."""
    return BLANK | {"group": group}


def task_fields(task: Task) -> dict[str, str]:
    """The fields of a form that would make this very task again."""
    spec = task.spec
    fields = BLANK | {
        "group": task.key.group,
        "name": task.key.name,
        "note": spec.note,
        "priority": str(spec.priority),
        "zone": spec.trigger.zone.key,
        "start": wall(spec.trigger.start, spec.trigger.zone),
        "end": wall(spec.trigger.end, spec.trigger.zone),
        "version": task.revision,
    }
    fields |= _timeout_fields(spec.policies)
    return fields | _trigger_fields(spec.trigger) | _recall_fields(spec.recall)


def in_form(trigger: Trigger) -> bool:
    """Whether the form can say this when rule; any other is kept as it is."""
    if isinstance(trigger, CronTrigger):
        return trigger.dialect is CronDialect.QUARTZ
    return isinstance(trigger, SimpleTrigger)


def _timeout_fields(policies: Policies) -> dict[str, str]:
    return {
        "connect_timeout": _seconds(policies.connect_timeout),
        "total_timeout": _seconds(policies.total_timeout),
        "report_timeout": _seconds(policies.report_timeout),
    }


def _trigger_fields(trigger: Trigger) -> dict[str, str]:
    if not in_form(trigger):
        return {"trigger": KEPT}
    if isinstance(trigger, CronTrigger):
        return {"trigger": trigger.kind, "cron": trigger.expression.text}
    assert isinstance(trigger, SimpleTrigger), "the form has no other shape"
    if trigger.interval is None:
        return {"trigger": trigger.kind, "repeat": "once"}
    unit, interval = in_units(trigger.interval)
    repeat = "forever" if trigger.count is None else "count"
    return {
        "trigger": trigger.kind,
        "repeat": repeat,
        "interval": str(interval),
        "unit": unit,
        "count": str(trigger.count or ""),
    }


def _recall_fields(recall: Recall) -> dict[str, str]:
    fields = {"recall": recall.kind.value, "body_shape": recall.body_shape.value}
    fields |= _data_fields(recall.data)
    if isinstance(recall, HttpRecall):
        return fields | {"url": recall.url, "reply_rule": recall.reply_rule.value}
    socket = {"framing": recall.framing.value, "ack": recall.ack.value}
    return fields | socket | {"host": recall.host, "port": str(recall.port)}


def _data_fields(data: JsonValue) -> dict[str, str]:
    if data is None:
        return {"data_kind": "json", "data": ""}
    if isinstance(data, str):
        return {"data_kind": "text", "data": data}
    return {"data_kind": "json", "data": pretty(data)}


def pretty(data: JsonValue) -> str:
    """JSON text on several lines, for reading."""
    return json.dumps(data, ensure_ascii=False, indent=2)


def _seconds(span: timedelta | None) -> str:
    return "" if span is None else f"{span.total_seconds():.3f}".rstrip("0").rstrip(".") + "s"
