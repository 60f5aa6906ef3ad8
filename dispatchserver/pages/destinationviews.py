"""What people are shown of a destination. Pure."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from dispatchserver.documents.destinations import destination_settings_doc
from dispatchserver.domain.breaker import Circuit
from dispatchserver.domain.destination import Hindrance, LastFailure
from dispatchserver.domain.rate import Rate, rate_text
from dispatchserver.engine.limits import DestinationStatus
from dispatchserver.pages.queries import link
from dispatchserver.pages.words import Badge, Moment, Viewer, visible

FIELDS = ("name", "slots", "rate", "burst")
READY = "ready"
LOOKS = {
    READY: ("ok", "check"),
    Hindrance.PAUSED: ("wait", "pause"),
    Hindrance.RESTING: ("bad", "stop"),
    Hindrance.PROBING: ("wait", "hourglass"),
    Hindrance.FULL: ("run", "hourglass"),
    Hindrance.RATE: ("run", "clock"),
    Hindrance.SHARE: ("run", "hourglass"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationRow:
    """One destination: its state in a word and in a sentence, and what of its limits are its own."""

    name: str
    url: str
    state: Badge
    why: str
    calls: str
    rate: str
    own_slots: bool
    own_rate: bool
    waiting: int
    failure: str
    failed: Moment | None
    known: bool
    open: bool


def destination_row(status: DestinationStatus, zone: ZoneInfo, viewer: Viewer) -> DestinationRow:
    """One line of the list, and the head of a destination's own page."""
    standing, state = status.standing, _state(status)
    tone, icon = LOOKS[state]
    failure = standing.failure
    return DestinationRow(
        name=visible(status.name),
        url=link("/destination", name=status.name),
        state=Badge(tone=tone, icon=icon, word=viewer.say(f"page.destinations.state.{state}")),
        why=why_words(status, viewer),
        calls=f"{standing.in_flight} / {status.allowance.slots}",
        rate=_rate_words(status.allowance.rate, viewer),
        own_slots=status.spec.slots is not None,
        own_rate=status.spec.rate is not None,
        waiting=status.waiting,
        failure="" if failure is None else _failure_words(failure, viewer),
        failed=None if failure is None else viewer.moment(failure.at, zone),
        known=status.version > 0,
        open=standing.breaker.circuit is not Circuit.CLOSED,
    )


def why_words(status: DestinationStatus, viewer: Viewer) -> str:
    """Why nobody is sent there now, or that somebody would be."""
    breaker, allowance = status.standing.breaker, status.allowance
    until, state = breaker.rests_until, _state(status)
    if state is Hindrance.RESTING and (until is None or until <= viewer.now):
        return viewer.say("page.destinations.why.rested", failures=breaker.failures)
    return viewer.say(
        f"page.destinations.why.{state}",
        slots=allowance.slots,
        rate=_rate_words(allowance.rate, viewer),
        failures=breaker.failures,
        away="" if until is None else viewer.away(until),
    )


def _state(status: DestinationStatus) -> Hindrance | str:
    """An open circuit is told also when its rest is over and nothing has been sent there yet."""
    if status.standing.hindrance is None and status.standing.breaker.circuit is Circuit.OPEN:
        return Hindrance.RESTING
    return status.standing.hindrance or READY


def _rate_words(rate: Rate | None, viewer: Viewer) -> str:
    if rate is None:
        return ""
    text = rate_text(rate)
    if rate.burst == 1:
        return text
    return viewer.say("page.destinations.burst_of", rate=text, burst=rate.burst)


def _failure_words(failure: LastFailure, viewer: Viewer) -> str:
    status = "" if failure.status is None else f"HTTP {failure.status}"
    return viewer.reason(failure.reason) or status


def destination_fields(status: DestinationStatus) -> dict[str, str]:
    """What was set for it, as the form holds it."""
    said = destination_settings_doc(status.spec)
    fields = {name: str(said.get(name, "")) for name in FIELDS}
    return fields | {"name": status.name, "paused": "1" if status.spec.paused else ""}
