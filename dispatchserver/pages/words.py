"""How moments, spans and states are put into words for one reader. Pure."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from dispatchserver.domain.fire import FireState, Reason
from dispatchserver.domain.moments import MILLISECOND, iso
from dispatchserver.domain.task import TaskState
from dispatchserver.messages import say
from dispatchserver.wording.spans import STEPS, say_span

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
UNITS = {
    "day": DAY,
    "hour": HOUR,
    "minute": MINUTE,
    "second": SECOND,
    "millisecond": MILLISECOND,
}
SUFFIXES = {"day": "d", "hour": "h", "minute": "m", "second": "s", "millisecond": "ms"}
OFFSET_AT = len("2026-11-22 09:00:00")

FIRE_LOOKS = {
    FireState.PENDING: ("idle", "clock"),
    FireState.RUNNING: ("run", "play"),
    FireState.WAITING: ("wait", "hourglass"),
    FireState.SUCCEEDED: ("ok", "check"),
    FireState.FAILED: ("bad", "cross"),
    FireState.SKIPPED: ("off", "skip"),
    FireState.CANCELLED: ("off", "stop"),
}
TASK_LOOKS = {
    TaskState.ACTIVE: ("ok", "play"),
    TaskState.PAUSED: ("wait", "pause"),
    TaskState.FINISHED: ("off", "stop"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A moment as a page shows it: for machines, in the zone's clock time, its offset, and from now."""

    iso: str
    text: str
    offset: str
    away: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Badge:
    """A state: never by colour alone, so an icon and a word as well."""

    tone: str
    icon: str
    word: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """Who looks: in which language, and when."""

    lang: str
    now: datetime

    def say(self, key: str, /, **params: object) -> str:
        """A message in the viewer's language."""
        return say(self.lang, key, **params)

    def moment(self, at: datetime, zone: ZoneInfo, *, precise: bool = False) -> Moment:
        """The moment in the zone's clock time, to the second or the millisecond."""
        text = at.astimezone(zone).isoformat(" ", "milliseconds" if precise else "seconds")
        cut = OFFSET_AT + (4 if precise else 0)
        return Moment(iso=iso(at), text=text[:cut], offset=text[cut:], away=self.away(at))

    def moment_if_any(self, at: datetime | None, zone: ZoneInfo) -> Moment | None:
        """As `moment`; None where there is none."""
        return None if at is None else self.moment(at, zone)

    def away(self, at: datetime) -> str:
        """How far from now: in 12 min, 3 min ago."""
        span = at - self.now
        if abs(span) < SECOND:
            return self.say("page.away.now")
        key = "page.away.after" if span > timedelta(0) else "page.away.before"
        return self.say(key, span=self._largest(abs(span)))

    def _largest(self, span: timedelta) -> str:
        for name, unit in STEPS:
            # 47 hours say more than one day
            if span >= (2 * unit if unit == DAY else unit):
                return self.say(f"page.span.{name}", n=span // unit)
        return self.say("page.span.ms", n=span // MILLISECOND)

    def span(self, span: timedelta) -> str:
        """A duration in at most two units: 3 min 5 s, 1.25 s, 80 ms."""
        return say_span(span, self.lang)

    def listed(self, words: Sequence[str]) -> str:
        """Several words as a list."""
        return self.say("words.join.comma").join(words)

    def fire_state(self, state: FireState) -> Badge:
        tone, icon = FIRE_LOOKS[state]
        return Badge(tone=tone, icon=icon, word=self.say(f"state.{state}"))

    def task_state(self, state: TaskState) -> Badge:
        tone, icon = TASK_LOOKS[state]
        return Badge(tone=tone, icon=icon, word=self.say(f"task_state.{state}"))

    def reason(self, reason: Reason | None) -> str:
        return "" if reason is None else self.say(f"reason.{reason}")


def in_units(interval: timedelta) -> tuple[str, int]:
    """The largest unit that divides the interval, and how many of it there are."""
    for name, unit in UNITS.items():
        if not interval % unit:
            return name, interval // unit
    return "millisecond", interval // MILLISECOND


def duration(span: timedelta | None) -> str:
    """A span as a field takes it: 1d, 90s, 250ms; empty for none."""
    if span is None:
        return ""
    unit, count = in_units(span)
    return f"{count}{SUFFIXES[unit]}" if count else "0s"


def visible(text: str, limit: int | None = None) -> str:
    """The text with control, direction and other unseen characters as escapes; cut at the limit."""
    shown = text if limit is None else text[:limit]
    seen = "".join(c if c in "\n\t" or not _unseen(c) else _escape(c) for c in shown)
    return seen if len(shown) == len(text) else seen + "…"


def one_line(text: str, limit: int) -> str:
    """The text on one line, cut at the limit."""
    return visible(" ".join(text.split()), limit)


def _unseen(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def _escape(char: str) -> str:
    code = ord(char)
    return (
        f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
    )
