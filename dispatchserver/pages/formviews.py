"""What the task form shows: its values, choices, hints, and what is wrong with them. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from zoneinfo import available_timezones

from dispatchserver.domain.concurrency import ALLOW
from dispatchserver.domain.defaults import PRODUCTS
from dispatchserver.domain.errors import Fault, Refused
from dispatchserver.domain.misfirepolicy import MISFIRE_GRACE, FireAll
from dispatchserver.domain.retrypolicy import Backoff, Retry
from dispatchserver.domain.task import Policies, Task
from dispatchserver.engine.executor import Limits
from dispatchserver.pages.choices import BLANK, CHOICES, FAILURES, KEPT, MONTHDAYS, WEEKDAYS
from dispatchserver.pages.faults import say_line, say_problem
from dispatchserver.pages.policyfields import misfire_words
from dispatchserver.pages.retryfields import retry_words
from dispatchserver.pages.words import Viewer

ORDER = """
version group name note trigger repeat interval unit count after after_unit days nth nth_unit weekdays monthdays
times step step_unit opens closes at dialect cron lines delay delay_unit start first_date end zone calendar shift
dst recall url host port also route route_by reply_rule framing ack body_shape data_kind data auth auth_secret
auth_user auth_header headers priority misfire misfire_max misfire_spacing retry retry_delays retry_max retry_base
retry_factor retry_cap retry_on retry_age overlap overlap_max key_name key_limit key_busy connect_timeout
first_byte_timeout total_timeout report_timeout misfire_grace spread jitter
""".split()  # noqa: SIM905  (a list of 75 one-word lines would hide the order that it shows)
FOLDED = {
    "addresses": ("also", "route", "route_by"),
    "retries": (
        "retry",
        "retry_delays",
        "retry_max",
        "retry_base",
        "retry_factor",
        "retry_cap",
        "retry_on",
        "retry_age",
    ),
    "overlap": ("overlap", "overlap_max", "key_name", "key_limit", "key_busy"),
    "clock": ("dst",),
    "auth": ("auth", "auth_secret", "auth_user", "auth_header", "headers"),
    "limits": (
        "connect_timeout",
        "first_byte_timeout",
        "total_timeout",
        "report_timeout",
        "misfire_grace",
        "spread",
        "jitter",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryLine:
    """One fault in the list on top of the form, with the field that it leads to."""

    field: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FormView:
    """A form as it is shown; a field that has no value is empty. `kept` tells policies that are not of the form."""

    values: Mapping[str, str]
    faults: Mapping[str, Sequence[str]]
    summary: Sequence[SummaryLine]
    usual: Mapping[str, str]
    choices: Mapping[str, Sequence[str]]
    zones: Sequence[str]
    kept: Mapping[str, str]

    def value(self, name: str) -> str:
        return self.values.get(name, "")

    def faults_of(self, name: str) -> Sequence[str]:
        return self.faults.get(name, ())

    def opened(self, part: str) -> bool:
        """Whether a folded part has something to show: a fault, or a value that is not the usual one."""
        return any(
            self.faults_of(name) or self.value(name) not in ("", BLANK.get(name, ""))
            for name in FOLDED[part]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What the form is shown in: the task it edits (None: a new one), the server's limits, the calendars and
    secrets there are, and the policies that a new one begins with."""

    kept: Task | None
    limits: Limits
    calendars: Sequence[str] = ()
    secrets: Sequence[str] = ()
    began: Policies = PRODUCTS


def form_view(
    values: Mapping[str, str], refused: Refused | None, setting: Setting, viewer: Viewer
) -> FormView:
    """The form with these values; what was refused is said on top and at its field."""
    faults = sorted(refused.faults if refused else (), key=lambda fault: ORDER.index(fault.field))
    return FormView(
        values=values,
        faults=_by_field(faults, viewer),
        summary=[SummaryLine(field=f.field, text=say_line(f, viewer)) for f in faults],
        usual=_usual(setting.limits, viewer),
        choices=_choices(values, setting),
        zones=zones_to_choose(),
        kept=_kept_words(setting.kept.spec.policies if setting.kept else setting.began, viewer),
    )


def _kept_words(policies: Policies, viewer: Viewer) -> Mapping[str, str]:
    """The policies that may be kept as they are, in words."""
    return {
        "misfire": misfire_words(policies.misfire, viewer),
        "retry": retry_words(policies.retry, viewer),
    }


def _by_field(faults: Sequence[Fault], viewer: Viewer) -> Mapping[str, Sequence[str]]:
    found: dict[str, list[str]] = {}
    for fault in faults:
        found.setdefault(fault.field, []).append(say_problem(fault, viewer))
    return found


def _choices(values: Mapping[str, str], setting: Setting) -> Mapping[str, Sequence[str]]:
    """What there is to choose; what the form cannot say may be kept, and what was chosen stays there."""
    kept = {
        name: (*CHOICES[name], KEPT)
        for name in ("trigger", "misfire", "retry")
        if values.get(name) == KEPT
    }
    named = {
        "calendar": _with_chosen(setting.calendars, values.get("calendar", "")),
        "auth_secret": _with_chosen(setting.secrets, values.get("auth_secret", "")),
    }
    boxes = {
        "weekdays": tuple(map(str, WEEKDAYS)),
        "monthdays": tuple(map(str, (*MONTHDAYS[1:], MONTHDAYS[0]))),
        "retry_on": FAILURES,
    }
    return {**CHOICES, **kept, **boxes, **named}


def _with_chosen(names: Sequence[str], chosen: str) -> Sequence[str]:
    return names if chosen in ("", *names) else (*names, chosen)


def _usual(limits: Limits, viewer: Viewer) -> dict[str, str]:
    usual, pauses = FireAll(), Backoff()
    spans = {
        "connect_timeout": limits.connect_timeout,
        "first_byte_timeout": limits.first_byte_timeout or limits.total_timeout,
        "total_timeout": limits.total_timeout,
        "report_timeout": limits.report_timeout,
        "misfire_grace": MISFIRE_GRACE,
        "misfire_spacing": usual.spacing,
        "retry_base": pauses.base,
        "retry_cap": pauses.cap,
        "retry_age": Retry().max_age,
    }
    counts = {
        "misfire_max": usual.limit,
        "retry_max": pauses.most,
        "retry_factor": f"{pauses.factor:g}",
        "overlap_max": ALLOW.waiting,
        "key_limit": 1,
    }
    told = {name: viewer.span(span) for name, span in spans.items()} | counts
    return {name: viewer.say("form.usual", span=text) for name, text in told.items()}


@cache
def zones_to_choose() -> tuple[str, ...]:
    """Zones to choose from: places and UTC, not the hundreds of old and abbreviated names."""
    return tuple(
        sorted(zone for zone in available_timezones() if "/" in zone and "Etc" not in zone)
    )
