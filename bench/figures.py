"""Small arithmetic on what was measured, and the line that tells it."""

import json
import os
from collections.abc import Mapping, Sequence
from statistics import median


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of all is not above."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def lateness(values: Sequence[float]) -> Mapping[str, float]:
    """Milliseconds late: the middle, the 99th of a hundred, the worst, and the earliest."""
    return {
        "p50_ms": round(percentile(values, 0.5) * 1000, 1),
        "p99_ms": round(percentile(values, 0.99) * 1000, 1),
        "max_ms": round(max(values) * 1000, 1),
        "min_ms": round(min(values) * 1000, 1),
    }


def middle(values: Sequence[float], digits: int = 1) -> float:
    """The median, rounded."""
    return round(median(values), digits)


def tell(name: str, settings: Mapping[str, object], figures: Mapping[str, object]) -> None:
    """One measurement as one line."""
    load = round(os.getloadavg()[0], 1)
    print(json.dumps({"bench": name, "settings": settings, "load": load, **figures}), flush=True)
