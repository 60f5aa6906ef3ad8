"""What the page of a task, or of a deleted one, shows of the question why it ran at a moment, or did not, as plain values. Pure."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from dispatchserver.domain.errors import Fault
from dispatchserver.domain.task import TaskKey
from dispatchserver.engine.whys import Told
from dispatchserver.pages.queries import link
from dispatchserver.pages.words import Viewer, visible
from dispatchserver.wording.whys import say_because


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyView:
    """The form as it stands, what is wrong with it, and the answer with the fire that proves it."""

    group: str
    name: str
    typed: str
    zone: str
    fault: Fault | None = None
    sentence: str = ""
    fire_url: str = ""


def ask_why(
    key: TaskKey, typed: str, fault: Fault | None, zone: ZoneInfo, viewer: Viewer
) -> WhyView:
    """The form; where nothing was typed, it begins with this very minute."""
    return WhyView(
        group=key.group,
        name=key.name,
        typed=typed or f"{viewer.now.astimezone(zone):%Y-%m-%dT%H:%M}",
        zone=zone.key,
        fault=fault,
    )


def tell_why(key: TaskKey, typed: str, told: Told, zone: ZoneInfo, viewer: Viewer) -> WhyView:
    """The form with its answer."""
    fire = told.because.fire
    return WhyView(
        group=key.group,
        name=key.name,
        typed=typed,
        zone=zone.key,
        sentence=visible(say_because(told.because, zone, viewer.lang)),
        fire_url="" if fire is None else link("/fire", id=fire.id),
    )
