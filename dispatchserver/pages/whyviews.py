"""What a task's page shows of the question why it ran at a moment, or did not, as plain values. Pure."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from dispatchserver.domain.errors import Fault
from dispatchserver.engine.whys import Told
from dispatchserver.pages.queries import link
from dispatchserver.pages.words import Viewer, visible
from dispatchserver.wording.whys import say_because


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyView:
    """The form as it stands, what is wrong with it, and the answer with the fire that proves it."""

    typed: str
    zone: str
    fault: Fault | None = None
    sentence: str = ""
    fire_url: str = ""


def ask_why(typed: str, fault: Fault | None, zone: ZoneInfo, viewer: Viewer) -> WhyView:
    """The form; where nothing was typed, it begins with this very minute."""
    return WhyView(
        typed=typed or f"{viewer.now.astimezone(zone):%Y-%m-%dT%H:%M}", zone=zone.key, fault=fault
    )


def tell_why(told: Told, typed: str, zone: ZoneInfo, viewer: Viewer) -> WhyView:
    """The form with its answer."""
    fire = told.because.fire
    return WhyView(
        typed=typed,
        zone=zone.key,
        sentence=visible(say_because(told.because, zone, viewer.lang)),
        fire_url="" if fire is None else link("/fire", id=fire.id),
    )
