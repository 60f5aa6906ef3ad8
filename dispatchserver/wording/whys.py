"""Why a task fired or did not, in one sentence."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from dispatchserver.domain.why import Because, Param
from dispatchserver.messages import say
from dispatchserver.wording.spans import say_span


def say_because(because: Because, zone: ZoneInfo, lang: str) -> str:
    """The answer in words, its moments by the clock of this zone."""
    params = {name: _shown(name, value, zone, lang) for name, value in because.params.items()}
    return say(lang, f"why.{because.code}", **params, by=_by(because, zone, lang))


def _by(because: Because, zone: ZoneInfo, lang: str) -> str:
    """By whose hand, when and how; empty where nobody did anything."""
    change = because.change
    if change is None:
        return ""
    at = _moment(change.at.replace(microsecond=0), zone)
    return say(lang, "why.by", who=change.who, at=at, door=change.door)


def _shown(name: str, value: Param, zone: ZoneInfo, lang: str) -> object:
    match value:
        case datetime():
            return _moment(value, zone)
        case timedelta():
            return say_span(value, lang)
        case _:
            return say(lang, f"reason.{value}") if name == "reason" else value


def _moment(at: datetime, zone: ZoneInfo) -> str:
    precise = "milliseconds" if at.microsecond else "seconds"
    return at.astimezone(zone).isoformat(" ", precise)
