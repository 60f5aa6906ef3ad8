"""The `overlap` and `concurrencyKey` of a task's policies as JSON: one word, or an object that says more. Pure."""

from dispatchserver.documents.triggers import Doc
from dispatchserver.domain.concurrency import (
    ALLOW,
    BusyRule,
    ConcurrencyKey,
    Overlap,
    OverlapRule,
    check_holders,
    check_key_name,
    check_waiting,
)
from dispatchserver.domain.fields import FieldReader, as_integer, as_member, as_text
from dispatchserver.domain.jsontext import JsonValue


def read_overlap(policies: FieldReader) -> Overlap:
    """`"skip"`, or `{"policy": "queue_all", "max": 50}`."""
    if not policies.holds_object("overlap"):
        return Overlap(rule=policies.take("overlap", _rule, ALLOW.rule))
    rule = policies.inside("overlap")
    if rule is None:
        return ALLOW
    word = rule.need(("policy",), _rule) or ALLOW.rule
    if rule.has("max") and word is not OverlapRule.QUEUE_ALL:
        rule.refuse("max", "concurrency.max_alone")
    most = rule.take("max", lambda value: check_waiting(as_integer(value)), ALLOW.waiting)
    rule.refuse_unread()
    return Overlap(rule=word, waiting=most)


def _rule(value: JsonValue) -> OverlapRule:
    return as_member(value, OverlapRule)


def read_key(policies: FieldReader) -> ConcurrencyKey | None:
    """`"database"`, which is a mutex, or `{"key": "database", "limit": 3, "onBusy": "skip"}`."""
    if not policies.holds_object("concurrencyKey"):
        name = policies.take("concurrencyKey", _name, None)
        return None if name is None else ConcurrencyKey(name=name)
    key = policies.inside("concurrencyKey")
    if key is None:
        return None
    name = key.need(("key",), _name)
    limit = key.take("limit", lambda value: check_holders(as_integer(value)), 1)
    busy = key.take("onBusy", lambda value: as_member(value, BusyRule), BusyRule.QUEUE)
    key.refuse_unread()
    return None if name is None else ConcurrencyKey(name=name, limit=limit, busy=busy)


def _name(value: JsonValue) -> str:
    return check_key_name(as_text(value))


def overlap_doc(overlap: Overlap) -> Doc:
    """The rule as it is read."""
    doc: Doc = {"policy": overlap.rule}
    return doc | {"max": overlap.waiting} if overlap.rule is OverlapRule.QUEUE_ALL else doc


def key_doc(key: ConcurrencyKey | None) -> Doc | None:
    """The key as it is read."""
    return None if key is None else {"key": key.name, "limit": key.limit, "onBusy": key.busy}
