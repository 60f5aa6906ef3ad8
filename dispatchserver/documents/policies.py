"""The `policies` of a task, as `.do` forms and REST say them: what a task decides for itself. Pure."""

from datetime import timedelta
from functools import partial

from dispatchserver.documents.concurrency import key_doc, overlap_doc, read_key, read_overlap
from dispatchserver.documents.retries import read_retry, retry_doc
from dispatchserver.documents.spans import span_text
from dispatchserver.documents.triggers import Doc
from dispatchserver.domain.calendar import Shift
from dispatchserver.domain.calendarspec import check_calendar_name
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.fields import FieldReader, as_duration, as_integer, as_member, as_text
from dispatchserver.domain.jsontext import JsonValue
from dispatchserver.domain.misfirepolicy import (
    FIRE_ALL_LIMIT,
    FIRE_ONCE,
    MISFIRE_GRACE,
    OWN_POLICIES,
    FireAll,
    FireOnce,
    MisfirePolicy,
    QuartzMisfire,
    SkipMissed,
    check_fire_all,
    check_grace,
    check_misfire,
    find_instruction,
    misfire_names,
)
from dispatchserver.domain.spread import check_spread
from dispatchserver.domain.task import (
    LONGEST_REPORT,
    LONGEST_TIMEOUT,
    Policies,
    check_first_byte,
    check_timeout,
)
from dispatchserver.domain.triggers import Trigger


def read_policies(reader: FieldReader, trigger: Trigger | None) -> Policies:
    """The task's own policies; what it does not say is the server's. `trigger` is None where it is faulty."""
    inner = reader.inside_if_any("policies")
    if inner is None:
        return Policies()
    policies = Policies(
        connect_timeout=inner.take("connectTimeout", _timeout, None),
        first_byte_timeout=inner.take("firstByteTimeout", _timeout, None),
        total_timeout=inner.take("timeout", _timeout, None),
        report_timeout=inner.take("reportTimeout", lambda v: _timeout(v, LONGEST_REPORT), None),
        retry=read_retry(inner),
        overlap=read_overlap(inner),
        concurrency=read_key(inner),
        misfire=_read_misfire(inner, trigger),
        misfire_grace=inner.take(
            "misfireGrace", lambda value: check_grace(as_duration(value)), MISFIRE_GRACE
        ),
        spread=inner.take("spread", lambda value: check_spread(as_duration(value)), None),
        jitter=inner.take("jitter", lambda value: check_spread(as_duration(value)), None),
        calendar=read_calendar_name(inner),
        shift=read_shift(inner),
    )
    try:
        check_first_byte(policies)
    except Invalid as invalid:
        inner.refuse("firstByteTimeout", invalid.code, **invalid.params)
    return policies


def read_calendar_name(policies: FieldReader) -> str | None:
    """The name of the calendar that is laid over the trigger."""
    return policies.take("calendar", lambda value: check_calendar_name(as_text(value)), None)


def read_shift(policies: FieldReader) -> Shift:
    """What becomes of excluded occasions; of no meaning without a calendar."""
    if policies.has("shift") and not policies.has("calendar"):
        policies.refuse("shift", "calendar.shift_alone")
    return policies.take("shift", lambda value: as_member(value, Shift), Shift.SKIP)


def _timeout(value: JsonValue, longest: timedelta = LONGEST_TIMEOUT) -> timedelta:
    return check_timeout(as_duration(value), longest)


def _read_misfire(policies: FieldReader, trigger: Trigger | None) -> MisfirePolicy:
    """One name, or an object that says more of fire_all."""
    named = partial(_named, trigger=trigger)
    if not policies.holds_object("misfire"):
        return policies.take("misfire", named, FIRE_ONCE)
    rule = policies.inside("misfire")
    if rule is None:
        return FIRE_ONCE
    policy = rule.need(("policy",), named)
    most = rule.take("max", lambda value: check_fire_all(_count(value), timedelta(0)).limit, None)
    spacing = rule.take(
        "spacing", lambda value: check_fire_all(1, as_duration(value)).spacing, None
    )
    if not isinstance(policy, FireAll):
        for name in ("max", "spacing"):
            if rule.has(name):
                rule.refuse(name, "trigger.misfire_detail")
        return policy or FIRE_ONCE
    return FireAll(
        limit=most or policy.limit, spacing=policy.spacing if spacing is None else spacing
    )


def _named(value: JsonValue, trigger: Trigger | None) -> MisfirePolicy:
    """The policy of this name, in any case: one of ours, or one of Quartz's that this trigger can have."""
    name = as_text(value)
    own, instruction = OWN_POLICIES.get(name.strip().lower()), find_instruction(name)
    if own is not None:
        return own
    if instruction is None:
        allowed = misfire_names(None if trigger is None else trigger.kind)
        raise Invalid("field.choice", allowed=", ".join(allowed))
    policy = QuartzMisfire(instruction)
    if trigger is not None:
        check_misfire(policy, trigger)
    return policy


def _count(value: JsonValue) -> int:
    try:
        return as_integer(value)
    except Invalid as invalid:
        raise Invalid("trigger.misfire_limit", limit=FIRE_ALL_LIMIT) from invalid


def policies_doc(policies: Policies) -> Doc:
    """The policies as a document, as `read_policies` reads it; null is the server's own."""
    return {
        "connectTimeout": _span_or_none(policies.connect_timeout),
        "firstByteTimeout": _span_or_none(policies.first_byte_timeout),
        "timeout": _span_or_none(policies.total_timeout),
        "reportTimeout": _span_or_none(policies.report_timeout),
        "retry": retry_doc(policies.retry),
        "overlap": overlap_doc(policies.overlap),
        "concurrencyKey": key_doc(policies.concurrency),
        "misfire": _misfire_doc(policies.misfire),
        "misfireGrace": span_text(policies.misfire_grace),
        "spread": _span_or_none(policies.spread),
        "jitter": _span_or_none(policies.jitter),
        "calendar": policies.calendar,
        "shift": policies.shift if policies.calendar else None,
    }


def _misfire_doc(policy: MisfirePolicy) -> Doc:
    match policy:
        case FireOnce():
            return {"policy": "fire_once"}
        case SkipMissed():
            return {"policy": "skip"}
        case FireAll(limit=limit, spacing=spacing):
            return {"policy": "fire_all", "max": limit, "spacing": span_text(spacing)}
        case QuartzMisfire(instruction):
            return {"policy": instruction}


def _span_or_none(span: timedelta | None) -> str | None:
    return None if span is None else span_text(span)
