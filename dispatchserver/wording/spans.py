"""Lengths of time as people say them."""

from datetime import timedelta

from dispatchserver.domain.moments import MILLISECOND
from dispatchserver.messages import say

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
STEPS = (
    ("d", timedelta(days=1)),
    ("h", timedelta(hours=1)),
    ("min", MINUTE),
    ("s", SECOND),
)


def say_span(span: timedelta, lang: str) -> str:
    """A length of time in at most two units: 3 min 5 s, 1.25 s, 80 ms."""
    if span < SECOND:
        return say(lang, "page.span.ms", n=span // MILLISECOND)
    if span < MINUTE:
        return say(lang, "page.span.s", n=f"{span / SECOND:.2f}".rstrip("0").rstrip("."))
    parts = []
    for name, unit in STEPS:
        count, span = divmod(span, unit)
        if count:
            parts.append(say(lang, f"page.span.{name}", n=count))
    return " ".join(parts[:2])
