"""What a schedule means, as the pages show it: words, next fires, how often, what may surprise. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from dispatchserver.domain.errors import Fault, Refused
from dispatchserver.domain.explaining import Explanation, explain
from dispatchserver.domain.moments import MILLISECOND
from dispatchserver.domain.triggers import Trigger
from dispatchserver.pages.words import Moment, Viewer
from dispatchserver.wording import say_description, say_notice, say_rate

UPCOMING = 5
REQUIRED = "fault.required"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """A schedule explained, or why it cannot be; all empty where nothing is typed yet."""

    words: str = ""
    fires: Sequence[Moment] = ()
    zone: str = ""
    rate: str = ""
    notices: Sequence[str] = ()
    faults: Sequence[str] = ()


def preview(trigger: Trigger, viewer: Viewer) -> Preview:
    """What this trigger would do if it were added now."""
    return explained(trigger.anchored(viewer.now), viewer)


def explained(trigger: Trigger, viewer: Viewer) -> Preview:
    """What this trigger does from now on."""
    explanation = explain(trigger, viewer.now - MILLISECOND, UPCOMING)
    return Preview(
        words=say_description(explanation.description, viewer.lang),
        fires=[viewer.moment(fire, trigger.zone) for fire in explanation.fires],
        zone=trigger.zone.key,
        rate=_rate(explanation, viewer),
        notices=[say_notice(notice, trigger.zone, viewer.lang) for notice in explanation.notices],
    )


def _rate(explanation: Explanation, viewer: Viewer) -> str:
    """How often; nothing where one fire or none is left, since that is seen."""
    return say_rate(explanation, viewer.lang) if len(explanation.fires) > 1 else ""


def unexplained(refused: Refused, viewer: Viewer) -> Preview:
    """Why the fields say no schedule; what is merely missing is no fault yet."""
    faults = [fault for fault in refused.faults if fault.code != REQUIRED]
    return Preview(faults=[_line(fault, viewer) for fault in faults])


def _line(fault: Fault, viewer: Viewer) -> str:
    label = viewer.say(f"form.{fault.field}.label")
    problem = viewer.say(fault.code, **fault.params)
    return viewer.say("fault.line", field=label, problem=problem)
