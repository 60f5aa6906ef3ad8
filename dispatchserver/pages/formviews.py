"""What the task form shows: its values, choices, hints, and what is wrong with them. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from zoneinfo import available_timezones

from dispatchserver.domain.errors import Refused
from dispatchserver.engine.executor import Limits
from dispatchserver.pages.fields import CHOICES, KEPT
from dispatchserver.pages.words import Viewer

ORDER = """
version group name note trigger repeat interval unit count cron start end zone recall url reply_rule host
port framing ack body_shape data_kind data priority connect_timeout total_timeout report_timeout
""".split()  # noqa: SIM905  (a list of 27 one-word lines would hide the order that it shows)


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryLine:
    """One fault in the list on top of the form, with the field that it leads to."""

    field: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FormView:
    """A form as it is shown; a field that has no value is empty."""

    values: Mapping[str, str]
    faults: Mapping[str, str]
    summary: Sequence[SummaryLine]
    usual: Mapping[str, str]
    choices: Mapping[str, Sequence[str]]
    zones: Sequence[str]

    def value(self, name: str) -> str:
        return self.values.get(name, "")

    def fault(self, name: str) -> str:
        return self.faults.get(name, "")


def form_view(
    values: Mapping[str, str], refused: Refused | None, limits: Limits, viewer: Viewer
) -> FormView:
    """The form with these values; what was refused is said on top and at its field."""
    faults = sorted(refused.faults if refused else (), key=lambda fault: ORDER.index(fault.field))
    said = [(fault.field, viewer.say(fault.code, **fault.params)) for fault in faults]
    return FormView(
        values=values,
        faults=dict(reversed(said)),
        summary=[_line(field, problem, viewer) for field, problem in said],
        usual=_usual(limits, viewer),
        choices=_choices(values),
        zones=zones_to_choose(),
    )


def _choices(values: Mapping[str, str]) -> Mapping[str, Sequence[str]]:
    """What there is to choose; a when rule that the form cannot say may be kept."""
    if values.get("trigger") != KEPT:
        return CHOICES
    return CHOICES | {"trigger": (*CHOICES["trigger"], KEPT)}


def _line(field: str, problem: str, viewer: Viewer) -> SummaryLine:
    label = viewer.say(f"form.{field}.label")
    return SummaryLine(field=field, text=viewer.say("fault.line", field=label, problem=problem))


def _usual(limits: Limits, viewer: Viewer) -> dict[str, str]:
    spans = {
        "connect_timeout": limits.connect_timeout,
        "total_timeout": limits.total_timeout,
        "report_timeout": limits.report_timeout,
    }
    return {name: viewer.say("form.usual", span=viewer.span(span)) for name, span in spans.items()}


@cache
def zones_to_choose() -> tuple[str, ...]:
    """Zones to choose from: places and UTC, not the hundreds of old and abbreviated names."""
    return tuple(
        sorted(zone for zone in available_timezones() if "/" in zone and "Etc" not in zone)
    )
