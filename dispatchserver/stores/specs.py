"""Whom a task calls back and by which policies, as the JSON that a version row keeps, and back."""

import json
from collections.abc import Mapping
from datetime import timedelta
from functools import lru_cache
from typing import Any

from dispatchserver.domain.calendar import Shift
from dispatchserver.domain.concurrency import ALLOW, BusyRule, ConcurrencyKey, Overlap, OverlapRule
from dispatchserver.domain.jsontext import dumps
from dispatchserver.domain.misfirepolicy import (
    MISFIRE_GRACE,
    FireAll,
    FireOnce,
    Instruction,
    MisfirePolicy,
    QuartzMisfire,
    SkipMissed,
)
from dispatchserver.domain.moments import MILLISECOND
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
from dispatchserver.domain.route import USUAL, Route, RouteRule
from dispatchserver.domain.task import Policies
from dispatchserver.stores.authspecs import read_auth, read_headers, sending_doc
from dispatchserver.stores.retryspecs import read_retry, retry_doc
from dispatchserver.stores.triggerspecs import span, span_ms

SHORT = 1_024
RECENT_LIMIT = 256
_RECENT: dict[int, tuple[Policies, str]] = {}
# Looked up in a table, a member costs a tenth of what its class asks for it.
SHAPES = {str(shape): shape for shape in BodyShape}
REPLY_RULES = {str(rule): rule for rule in ReplyRule}


def recall_json(recall: Recall) -> str:
    doc: dict[str, object] = {"kind": recall.kind, "data": recall.data, "body": recall.body_shape}
    if recall.also:
        doc |= {"also": recall.also, "route": recall.route.rule, "by": recall.route.by}
    if isinstance(recall, HttpRecall):
        doc |= {"url": recall.url, "reply": recall.reply_rule}
        return dumps(doc | sending_doc(recall) if recall.auth or recall.headers else doc)
    doc |= {"host": recall.host, "port": recall.port, "framing": recall.framing, "ack": recall.ack}
    return dumps(doc)


def read_recall(text: str) -> Recall:
    """The recall of a version's text. Short ones are kept, for what recurs; a long one may hold data of 256 KiB."""
    return _read_short(text) if len(text) <= SHORT else _read_recall(text)


@lru_cache(maxsize=4_096)
def _read_short(text: str) -> Recall:
    return _read_recall(text)


def _read_recall(text: str) -> Recall:
    doc = json.loads(text)
    data, shape, route = doc["data"], SHAPES[doc["body"]], _read_route(doc)
    if doc["kind"] == RecallKind.HTTP:
        return HttpRecall(
            url=doc["url"],
            data=data,
            body_shape=shape,
            reply_rule=REPLY_RULES[doc["reply"]],
            also=tuple(doc.get("also", ())),
            route=route,
            auth=read_auth(doc.get("auth")),
            headers=read_headers(doc),
        )
    return SocketRecall(
        host=doc["host"],
        port=doc["port"],
        data=data,
        framing=Framing(doc["framing"]),
        ack=Ack(doc["ack"]),
        body_shape=shape,
        also=tuple((host, port) for host, port in doc.get("also", ())),
        route=route,
    )


def _read_route(doc: Mapping[str, Any]) -> Route:
    return Route(rule=RouteRule(doc["route"]), by=doc["by"]) if "route" in doc else USUAL


def policies_json(policies: Policies) -> str:
    """Looked up by which object they are: most tasks share theirs with others, and to hash what is nested so deep takes
    longer than all else about a task's row."""
    found = _RECENT.get(id(policies))
    if found is None or found[0] is not policies:
        if len(_RECENT) >= RECENT_LIMIT:
            _RECENT.clear()
        found = _RECENT[id(policies)] = policies, _policies_json(policies)
    return found[1]


@lru_cache(maxsize=1_024)
def _policies_json(policies: Policies) -> str:
    doc = {
        "connect": span_ms(policies.connect_timeout),
        "first_byte": span_ms(policies.first_byte_timeout),
        "total": span_ms(policies.total_timeout),
        "report": span_ms(policies.report_timeout),
        "retry": retry_doc(policies.retry),
        "overlap": _overlap_doc(policies.overlap),
        "key": _key_doc(policies.concurrency),
        "misfire": _misfire_doc(policies.misfire),
        "grace": _unless(policies.misfire_grace, MISFIRE_GRACE),
        "spread": span_ms(policies.spread),
        "jitter": span_ms(policies.jitter),
        "calendar": policies.calendar,
        "shift": policies.shift if policies.calendar else None,
    }
    return dumps({key: value for key, value in doc.items() if value is not None})


def _unless(value: timedelta, usual: timedelta) -> int | None:
    return None if value == usual else span_ms(value)


def _misfire_doc(policy: MisfirePolicy) -> dict[str, object] | None:
    match policy:
        case FireOnce():
            return None
        case SkipMissed():
            return {"policy": "skip"}
        case FireAll(limit=limit, spacing=spacing):
            return {"policy": "fire_all", "max": limit, "spacing": span_ms(spacing)}
        case QuartzMisfire(instruction):
            return {"policy": "quartz", "instruction": instruction}


def _read_misfire(doc: Mapping[str, Any] | None) -> MisfirePolicy:
    if doc is None:
        return FireOnce()
    if doc["policy"] == "skip":
        return SkipMissed()
    if doc["policy"] == "quartz":
        return QuartzMisfire(Instruction(doc["instruction"]))
    return FireAll(limit=doc["max"], spacing=doc["spacing"] * MILLISECOND)


def _overlap_doc(overlap: Overlap) -> dict[str, object] | None:
    return None if overlap == ALLOW else {"rule": overlap.rule, "waiting": overlap.waiting}


def _read_overlap(doc: Mapping[str, Any] | None) -> Overlap:
    return ALLOW if doc is None else Overlap(rule=OverlapRule(doc["rule"]), waiting=doc["waiting"])


def _key_doc(key: ConcurrencyKey | None) -> dict[str, object] | None:
    return None if key is None else {"name": key.name, "limit": key.limit, "busy": key.busy}


def _read_key(doc: Mapping[str, Any] | None) -> ConcurrencyKey | None:
    if doc is None:
        return None
    return ConcurrencyKey(name=doc["name"], limit=doc["limit"], busy=BusyRule(doc["busy"]))


def key_columns(policies: Policies) -> list[object]:
    """The concurrency key and its limit, by which those who share one are found."""
    key = policies.concurrency
    return [None, None] if key is None else [key.name, key.limit]


@lru_cache(maxsize=1_024)
def read_policies(text: str) -> Policies:
    doc = json.loads(text)
    return Policies(
        connect_timeout=span(doc.get("connect")),
        first_byte_timeout=span(doc.get("first_byte")),
        total_timeout=span(doc.get("total")),
        report_timeout=span(doc.get("report")),
        retry=read_retry(doc.get("retry")),
        overlap=_read_overlap(doc.get("overlap")),
        concurrency=_read_key(doc.get("key")),
        misfire=_read_misfire(doc.get("misfire")),
        misfire_grace=MISFIRE_GRACE if "grace" not in doc else doc["grace"] * MILLISECOND,
        spread=span(doc.get("spread")),
        jitter=span(doc.get("jitter")),
        calendar=doc.get("calendar"),
        shift=Shift(doc.get("shift", Shift.SKIP)),
    )
