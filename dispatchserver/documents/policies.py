"""The `policies` of a task, as `.do` forms and REST say them: what a task decides for itself. Pure."""

from datetime import timedelta
from enum import StrEnum

from dispatchserver.domain.calendar import Shift
from dispatchserver.domain.calendarspec import check_calendar_name
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.fields import FieldReader, as_duration, as_integer, as_member, as_text
from dispatchserver.domain.jsontext import JsonValue
from dispatchserver.domain.misfirepolicy import (
    FIRE_ALL_LIMIT,
    MISFIRE_GRACE,
    FireAll,
    FireOnce,
    MisfirePolicy,
    SkipMissed,
    check_fire_all,
    check_grace,
)
from dispatchserver.domain.spread import check_spread
from dispatchserver.domain.task import LONGEST_REPORT, LONGEST_TIMEOUT, Policies, check_timeout


class MisfireWord(StrEnum):
    """The dialect's names of what becomes of missed occasions."""

    FIRE_ONCE = "fire_once"
    SKIP = "skip"
    FIRE_ALL = "fire_all"


def read_policies(reader: FieldReader) -> Policies:
    """The task's own policies; what it does not say is the server's."""
    inner = reader.inside_if_any("policies")
    if inner is None:
        return Policies()
    return Policies(
        connect_timeout=inner.take("connectTimeout", _timeout, None),
        total_timeout=inner.take("timeout", _timeout, None),
        report_timeout=inner.take("reportTimeout", lambda v: _timeout(v, LONGEST_REPORT), None),
        misfire=_read_misfire(inner),
        misfire_grace=inner.take(
            "misfireGrace", lambda value: check_grace(as_duration(value)), MISFIRE_GRACE
        ),
        spread=inner.take("spread", lambda value: check_spread(as_duration(value)), None),
        jitter=inner.take("jitter", lambda value: check_spread(as_duration(value)), None),
        calendar=inner.take("calendar", lambda v: check_calendar_name(as_text(v)), None),
        shift=_read_shift(inner),
    )


def _read_shift(policies: FieldReader) -> Shift:
    """What becomes of excluded occasions; of no meaning without a calendar."""
    if policies.has("shift") and not policies.has("calendar"):
        policies.refuse("shift", "calendar.shift_alone")
    return policies.take("shift", lambda value: as_member(value, Shift), Shift.SKIP)


def _timeout(value: JsonValue, longest: timedelta = LONGEST_TIMEOUT) -> timedelta:
    return check_timeout(as_duration(value), longest)


def _read_misfire(policies: FieldReader) -> MisfirePolicy:
    """One word, or an object that says more of fire_all."""
    if not policies.holds_object("misfire"):
        word = policies.take("misfire", _word, MisfireWord.FIRE_ONCE)
        return _policy(word, FireAll())
    rule = policies.inside("misfire")
    if rule is None:
        return FireOnce()
    word = rule.need(("policy",), _word) or MisfireWord.FIRE_ONCE
    most = rule.take("max", lambda value: check_fire_all(_count(value), timedelta(0)).limit, None)
    spacing = rule.take(
        "spacing", lambda value: check_fire_all(1, as_duration(value)).spacing, None
    )
    if word is not MisfireWord.FIRE_ALL:
        for name in ("max", "spacing"):
            if rule.has(name):
                rule.refuse(name, "trigger.misfire_detail")
    usual = FireAll()
    return _policy(
        word,
        FireAll(limit=most or usual.limit, spacing=usual.spacing if spacing is None else spacing),
    )


def _policy(word: MisfireWord, all_of_them: FireAll) -> MisfirePolicy:
    match word:
        case MisfireWord.FIRE_ONCE:
            return FireOnce()
        case MisfireWord.SKIP:
            return SkipMissed()
        case MisfireWord.FIRE_ALL:
            return all_of_them


def _word(value: JsonValue) -> MisfireWord:
    return as_member(value, MisfireWord)


def _count(value: JsonValue) -> int:
    try:
        return as_integer(value)
    except Invalid as invalid:
        raise Invalid("trigger.misfire_limit", limit=FIRE_ALL_LIMIT) from invalid
