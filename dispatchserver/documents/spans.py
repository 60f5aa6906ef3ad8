"""Lengths of time as documents say them. Pure."""

from datetime import timedelta

from dispatchserver.domain.moments import MILLISECOND

UNITS = {
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
    "ms": MILLISECOND,
}
NOTHING = timedelta(0)


def span_text(span: timedelta) -> str:
    """A length of time as people write it, in whole numbers: "1h", "90s", "300ms"."""
    unit = next((unit for unit, size in UNITS.items() if span % size == NOTHING), "ms")
    return f"{span // UNITS[unit]}{unit}" if span else "0s"
