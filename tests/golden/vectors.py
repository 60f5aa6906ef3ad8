"""The vectors that the real Quartz 2.3.2 printed, and Quartz's own numbers as our triggers."""

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from dispatchserver.domain.cron import CronExpression, DstRule
from dispatchserver.domain.moments import MILLISECOND, iso
from dispatchserver.domain.trigger import CronTrigger, SimpleTrigger

DATA = Path(__file__).parent.parent / "data"
UTC_ZONE = ZoneInfo("UTC")
Vector = Mapping[str, Any]


@cache
def _all() -> Mapping[str, Sequence[Vector]]:
    by_kind: dict[str, list[Vector]] = {}
    for file in sorted(DATA.glob("quartz_*.jsonl.gz")):
        for line in gzip.decompress(file.read_bytes()).splitlines():
            vector = json.loads(line)
            by_kind.setdefault(vector["kind"], []).append(vector)
    return by_kind


def vectors(kind: str) -> Sequence[Vector]:
    return _all()[kind]


def explained_examples() -> Sequence[Vector]:
    lines = (DATA / "quartz_dst_examples.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def instant_if_any(text: str | None) -> datetime | None:
    return instant(text) if text else None


def shown(moment: datetime | None) -> str | None:
    return None if moment is None else iso(moment)


def trigger_of(vector: Vector) -> SimpleTrigger | CronTrigger:
    return simple(vector) if vector.get("trigger") != "cron" else cron(vector)


def simple(vector: Vector) -> SimpleTrigger:
    """Quartz repeats n times after the first fire, -1 for ever."""
    repeats = vector["repeat_count"]
    return SimpleTrigger(
        start=instant(vector["start"]),
        interval=vector["interval_ms"] * MILLISECOND or None,
        count=None if repeats == -1 else repeats + 1,
        end=instant_if_any(vector["end"]),
        zone=UTC_ZONE,
    )


def cron(vector: Vector) -> CronTrigger:
    """Quartz cuts the start to whole seconds."""
    return CronTrigger(
        expression=CronExpression.parse(vector["expr"]),
        zone=ZoneInfo(vector["tz"]),
        dst=DstRule.QUARTZ,
        start=instant(vector["start"]).replace(microsecond=0),
        end=instant_if_any(vector.get("end")),
    )


def fires(trigger: SimpleTrigger | CronTrigger, fire: datetime | None) -> Iterator[datetime]:
    """`fire`, and all that follow it."""
    while fire:
        yield fire
        fire = trigger.next_after(fire)


def difference(ours: Iterator[datetime], vector: Vector) -> str | None:
    """What is not as Quartz lists it; None when nothing is."""
    for expected in vector["fires"]:
        if (got := next(ours, None)) != instant(expected):
            return f"{shown(got)} instead of {expected}"
    return _difference_at_stop(vector["stop"], next(ours, None))


def _difference_at_stop(stop: str, further: datetime | None) -> str | None:
    agrees = {
        "more": further is not None,
        "null": further is None,
        "cut2100": further is not None and further.year >= 2100,
        "hang": True,  # coming back at all is right
    }
    return None if agrees[stop] else f"stop {stop}, but then {further}"
