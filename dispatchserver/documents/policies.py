"""The `policies` of a task, as `.do` forms and REST say them, and those that a group or the server says. Pure."""

from datetime import timedelta
from functools import partial

from dispatchserver.documents.concurrency import key_doc, overlap_doc, read_key, read_overlap
from dispatchserver.documents.retries import read_retry, retry_doc
from dispatchserver.documents.spans import span_text
from dispatchserver.documents.triggers import Doc
from dispatchserver.domain.calendar import Shift
from dispatchserver.domain.calendarspec import check_calendar_name
from dispatchserver.domain.defaults import NO_DEFAULTS, NO_LAYERS, Layers, PolicyDefaults
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

KEYS = {
    "connectTimeout": "connect_timeout",
    "firstByteTimeout": "first_byte_timeout",
    "timeout": "total_timeout",
    "reportTimeout": "report_timeout",
    "retry": "retry",
    "overlap": "overlap",
    "concurrencyKey": "concurrency",
    "misfire": "misfire",
    "misfireGrace": "misfire_grace",
    "spread": "spread",
    "jitter": "jitter",
    "calendar": "calendar",
    "shift": "shift",
}
"""What doors call the attributes of Policies; each key is a layer of its own."""


def read_policies(
    reader: FieldReader, trigger: Trigger | None, usual: Layers = NO_LAYERS
) -> Policies:
    """The task's policies: its own, and the usual ones for keys that it leaves out; null is the product's own.

    `trigger` is None where it is faulty. A default that does not fit it is booked with whose it is.
    """
    inner = reader.inside_if_any("policies")
    own = NO_DEFAULTS if inner is None else _read_said(inner, trigger, usual.policies.calendar)
    policies = usual.fill(own)
    if inner is not None and inner.has("firstByteTimeout"):
        _check_first_byte(policies, inner, "firstByteTimeout")
    else:
        _check_first_byte(policies, reader, "policies.firstByteTimeout")
    if trigger is not None:
        for misfit in usual.misfits(policies, own.said, trigger):
            reader.refuse(f"policies.{misfit.name}", misfit.code, **misfit.params)
    return policies


def read_policy_defaults(reader: FieldReader) -> PolicyDefaults:
    """What a group or the server says for its tasks, every fault booked; null is the product's own default."""
    policies = reader.inside_if_any("policies")
    if policies is None:
        return NO_DEFAULTS
    found = _read_said(policies, None, None)
    _check_first_byte(found.policies, policies, "firstByteTimeout")
    policies.refuse_unread()
    return found


def policy_defaults_doc(defaults: PolicyDefaults) -> Doc:
    """The defaults as they are read: only keys of which something is said."""
    doc = policies_doc(defaults.policies)
    return {key: doc[key] for key, name in KEYS.items() if name in defaults.said}


def _check_first_byte(policies: Policies, reader: FieldReader, name: str) -> None:
    try:
        check_first_byte(policies)
    except Invalid as invalid:
        reader.refuse(name, invalid.code, **invalid.params)


def _read_said(
    policies: FieldReader, trigger: Trigger | None, usual_calendar: str | None
) -> PolicyDefaults:
    said = frozenset(name for key, name in KEYS.items() if policies.says(key))
    return PolicyDefaults(said=said, policies=_read_all(policies, trigger, usual_calendar))


def _read_all(inner: FieldReader, trigger: Trigger | None, usual_calendar: str | None) -> Policies:
    return Policies(
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
        shift=read_shift(inner, usual_calendar),
    )


def read_calendar_name(policies: FieldReader) -> str | None:
    """The name of the calendar that is laid over the trigger."""
    return policies.take("calendar", lambda value: check_calendar_name(as_text(value)), None)


def read_shift(policies: FieldReader, usual_calendar: str | None = None) -> Shift:
    """What becomes of excluded occasions; of no meaning without a calendar, here or by default."""
    under = None if policies.says("calendar") else usual_calendar
    if policies.has("shift") and not policies.has("calendar") and under is None:
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
