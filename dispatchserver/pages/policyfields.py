"""The policies of a task in its form: filled into fields, read back, and told in words. Pure."""

from dataclasses import replace
from datetime import timedelta

from dispatchserver.domain.calendar import Shift
from dispatchserver.domain.calendarspec import check_calendar_name
from dispatchserver.domain.fields import as_duration
from dispatchserver.domain.misfirepolicy import (
    FIRE_ALL_LIMIT,
    MISFIRE_GRACE,
    FireAll,
    FireOnce,
    MisfirePolicy,
    QuartzMisfire,
    SkipMissed,
    check_fire_all,
    check_grace,
)
from dispatchserver.domain.spread import check_spread
from dispatchserver.domain.task import (
    LONGEST_REPORT,
    LONGEST_TIMEOUT,
    Policies,
    check_first_byte,
    check_timeout,
)
from dispatchserver.pages.choices import KEPT
from dispatchserver.pages.formreader import FormReader, in_range
from dispatchserver.pages.overlapfields import key_fields, overlap_fields, read_key, read_overlap
from dispatchserver.pages.retryfields import read_retry, retry_fields
from dispatchserver.pages.words import Viewer, duration

TIMEOUTS = {
    "connect_timeout": LONGEST_TIMEOUT,
    "first_byte_timeout": LONGEST_TIMEOUT,
    "total_timeout": LONGEST_TIMEOUT,
    "report_timeout": LONGEST_REPORT,
}


def policy_fields(policies: Policies) -> dict[str, str]:
    """The fields that would make these policies again; what is usual is left empty."""
    grace = policies.misfire_grace
    fields = {
        "connect_timeout": duration(policies.connect_timeout),
        "first_byte_timeout": duration(policies.first_byte_timeout),
        "total_timeout": duration(policies.total_timeout),
        "report_timeout": duration(policies.report_timeout),
        "misfire_grace": "" if grace == MISFIRE_GRACE else duration(grace),
        "spread": duration(policies.spread),
        "jitter": duration(policies.jitter),
        "calendar": policies.calendar or "",
        "shift": policies.shift,
    }
    shared = overlap_fields(policies.overlap) | key_fields(policies.concurrency)
    return fields | _misfire_fields(policies.misfire) | retry_fields(policies.retry) | shared


def _misfire_fields(policy: MisfirePolicy) -> dict[str, str]:
    """Quartz's instructions are not offered here, and are kept as they are."""
    match policy:
        case FireOnce():
            return {"misfire": "fire_once"}
        case SkipMissed():
            return {"misfire": "skip"}
        case FireAll(limit=limit, spacing=spacing):
            details = {"misfire_max": str(limit), "misfire_spacing": duration(spacing)}
            return {"misfire": "fire_all"} | details
        case QuartzMisfire():
            return {"misfire": KEPT}


def read_calendar(form: FormReader) -> tuple[str | None, Shift]:
    """The calendar chosen (None: none), and what becomes of the occasions that it excludes."""
    if form.text("trigger") == "delay":
        return None, Shift.SKIP
    name = form.take("calendar", check_calendar_name, None)
    return name, form.choice("shift", Shift.SKIP) if name else Shift.SKIP


def read_policies(form: FormReader, kept: Policies | None) -> Policies:
    """What the form says, and of `kept` what it does not ask for."""
    calendar, shift = read_calendar(form)
    policies = replace(
        kept or Policies(),
        connect_timeout=_timeout(form, "connect_timeout"),
        first_byte_timeout=_timeout(form, "first_byte_timeout"),
        total_timeout=_timeout(form, "total_timeout"),
        report_timeout=_timeout(form, "report_timeout"),
        retry=read_retry(form, kept.retry if kept else None),
        overlap=read_overlap(form),
        concurrency=read_key(form),
        misfire=_misfire(form, kept),
        misfire_grace=form.take(
            "misfire_grace", lambda text: check_grace(as_duration(text)), MISFIRE_GRACE
        ),
        spread=form.take("spread", _window, None),
        jitter=form.take("jitter", _window, None),
        calendar=calendar,
        shift=shift,
    )
    with form.faults.at("first_byte_timeout", form.text("first_byte_timeout")):
        check_first_byte(policies)
    return policies


def _window(text: str) -> timedelta:
    return check_spread(as_duration(text))


def _timeout(form: FormReader, name: str) -> timedelta | None:
    longest = TIMEOUTS[name]
    return form.take(name, lambda text: check_timeout(as_duration(text), longest), None)


def _misfire(form: FormReader, kept: Policies | None) -> MisfirePolicy:
    if kept and form.text("misfire") == KEPT:
        return kept.misfire
    match form.word("misfire"):
        case "skip":
            return SkipMissed()
        case "fire_all":
            usual = FireAll()
            limit = form.take("misfire_max", in_range(1, FIRE_ALL_LIMIT), usual.limit)
            spacing = form.take("misfire_spacing", _spacing, usual.spacing)
            return FireAll(limit=limit, spacing=spacing)
        case _:
            return FireOnce()


def _spacing(text: str) -> timedelta:
    return check_fire_all(1, as_duration(text)).spacing


def misfire_words(policy: MisfirePolicy, viewer: Viewer) -> str:
    """What becomes of missed occasions."""
    match policy:
        case FireOnce() | SkipMissed():
            return viewer.say(f"form.misfire.{_misfire_fields(policy)['misfire']}")
        case FireAll(limit=limit, spacing=spacing):
            return viewer.say("page.misfire.fire_all", limit=limit, spacing=viewer.span(spacing))
        case QuartzMisfire(instruction=instruction):
            return viewer.say(f"quartz.{instruction}")
