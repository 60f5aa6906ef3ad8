"""What an owner said of a task, as the JSON that a version row keeps, and back."""

import json
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from dispatchserver.domain.calendar import Shift
from dispatchserver.domain.cron import CronExpression, DstRule
from dispatchserver.domain.jsontext import dumps
from dispatchserver.domain.moments import MILLISECOND, from_ms, to_ms
from dispatchserver.domain.recall import (
    Ack,
    BodyShape,
    Framing,
    HttpRecall,
    Recall,
    RecallKind,
    ReplyRule,
    SocketRecall,
)
from dispatchserver.domain.task import Policies
from dispatchserver.domain.trigger import CronTrigger, SimpleTrigger, Trigger


def ms(moment: datetime | None) -> int | None:
    return None if moment is None else to_ms(moment)


def moment(value: int | None) -> datetime | None:
    return None if value is None else from_ms(value)


def _span_ms(span: timedelta | None) -> int | None:
    return None if span is None else span // MILLISECOND


def _span(value: int | None) -> timedelta | None:
    return None if value is None else value * MILLISECOND


def trigger_json(trigger: Trigger) -> str:
    doc: dict[str, object] = {
        "kind": trigger.kind,
        "zone": trigger.zone.key,
        "start": ms(trigger.start),
        "end": ms(trigger.end),
    }
    if isinstance(trigger, SimpleTrigger):
        return dumps(doc | {"interval": _span_ms(trigger.interval), "count": trigger.count})
    return dumps(doc | {"expression": trigger.expression.text, "dst": trigger.dst})


@lru_cache(maxsize=16_384)
def read_trigger(text: str) -> Trigger:
    """Parsed once per distinct text: a plan must not pay for parsing."""
    doc = json.loads(text)
    zone, start, end = ZoneInfo(doc["zone"]), moment(doc["start"]), moment(doc["end"])
    if doc["kind"] == CronTrigger.kind:
        return CronTrigger(
            expression=CronExpression.parse(doc["expression"]),
            zone=zone,
            dst=DstRule(doc["dst"]),
            start=start,
            end=end,
        )
    return SimpleTrigger(
        start=from_ms(doc["start"]),
        interval=_span(doc["interval"]),
        count=doc["count"],
        end=end,
        zone=zone,
    )


def recall_json(recall: Recall) -> str:
    doc: dict[str, object] = {"kind": recall.kind, "data": recall.data, "body": recall.body_shape}
    if isinstance(recall, HttpRecall):
        return dumps(doc | {"url": recall.url, "reply": recall.reply_rule})
    return dumps(
        doc
        | {"host": recall.host, "port": recall.port, "framing": recall.framing, "ack": recall.ack}
    )


def read_recall(text: str) -> Recall:
    doc = json.loads(text)
    data, shape = doc["data"], BodyShape(doc["body"])
    if doc["kind"] == RecallKind.HTTP:
        return HttpRecall(
            url=doc["url"], data=data, body_shape=shape, reply_rule=ReplyRule(doc["reply"])
        )
    return SocketRecall(
        host=doc["host"],
        port=doc["port"],
        data=data,
        framing=Framing(doc["framing"]),
        ack=Ack(doc["ack"]),
        body_shape=shape,
    )


def policies_json(policies: Policies) -> str:
    doc = {
        "connect": _span_ms(policies.connect_timeout),
        "total": _span_ms(policies.total_timeout),
        "report": _span_ms(policies.report_timeout),
        "calendar": policies.calendar,
        "shift": policies.shift if policies.calendar else None,
    }
    return dumps({key: value for key, value in doc.items() if value is not None})


@lru_cache(maxsize=1_024)
def read_policies(text: str) -> Policies:
    doc = json.loads(text)
    return Policies(
        connect_timeout=_span(doc.get("connect")),
        total_timeout=_span(doc.get("total")),
        report_timeout=_span(doc.get("report")),
        calendar=doc.get("calendar"),
        shift=Shift(doc.get("shift", Shift.SKIP)),
    )
