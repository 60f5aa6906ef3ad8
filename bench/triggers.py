"""Cron against croniter, in one run: reading an expression and its first fire, every further fire, and memory.

Over the distinct expressions of the recorded vectors that croniter takes too. Ratios are told per expression
(how many times faster ours is), then their median, so that no slow expression outweighs the others.
"""

import argparse
import gc
import gzip
import json
import tracemalloc
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from time import perf_counter_ns
from types import ModuleType
from zoneinfo import ZoneInfo

from croniter import CroniterError, croniter

from bench.figures import middle, percentile, tell
from dispatchserver.domain import cron, crondays, walldays
from dispatchserver.domain.cron import CronExpression
from dispatchserver.domain.trigger import CronTrigger

VECTORS = Path(__file__).parent.parent / "tests" / "data" / "quartz_vectors.jsonl.gz"


@dataclass(frozen=True)
class Case:
    """One expression, where and from when (in UTC, and by the clock there) its fires are asked for; the first one."""

    text: str
    zone: ZoneInfo
    start: datetime
    local: datetime
    first: datetime


def main(steps: int, repeats: int) -> None:
    """Measures every expression both ways."""
    cases = [case for case in _cases() if _croniter_takes(case, steps)]
    first, warm, further = [], [], []
    for case in cases:
        theirs = _best(repeats, lambda case=case: _their_first(case))
        first.append(theirs / _best(repeats, lambda case=case: _our_first(case), _forget_texts))
        warm.append(theirs / _best(repeats, lambda case=case: _our_first(case)))
        further.append(_their_further(case, steps, repeats) / _our_further(case, steps, repeats))
    figures = {
        "expressions": len(cases),
        "croniter_first_fire_as_quartz": sum(
            _their_first(case).astimezone(UTC) == case.first for case in cases
        ),
        "parse_and_first_times_faster": _spread(first),
        "parse_and_first_seen_before_times_faster": _spread(warm),
        "each_further_times_faster": _spread(further),
        "bytes_per_trigger": _bytes_each(cases, _our_trigger),
        "bytes_per_croniter": _bytes_each(cases, _their_trigger),
    }
    settings = {"steps": steps, "repeats": repeats, "croniter": version("croniter")}
    tell("triggers", settings, figures)


def _cases() -> Iterator[Case]:
    """The distinct expressions that Quartz takes and that fire."""
    seen = set()
    for line in gzip.decompress(VECTORS.read_bytes()).splitlines():
        vector = json.loads(line)
        text = vector["expr"]
        if vector.get("loose") or not vector.get("fires") or text in seen:
            continue
        seen.add(text)
        start = datetime.fromisoformat(vector["start"])
        first = datetime.fromisoformat(vector["fires"][0])
        zone = ZoneInfo(vector["tz"])
        yield Case(text, zone, start, start.astimezone(zone), first)


def _croniter_takes(case: Case, steps: int) -> bool:
    try:
        them = _their_trigger(case)
        for _ in range(steps + 1):
            them.get_next(datetime)
    except (CroniterError, ValueError):
        return False
    trigger = _our_trigger(case)
    fire: datetime | None = case.start
    for _ in range(steps + 1):
        fire = fire and trigger.next_after(fire)
    return fire is not None


def _their_trigger(case: Case) -> croniter:
    return croniter(case.text, case.local, second_at_beginning=True)


def _our_trigger(case: Case) -> CronTrigger:
    return CronTrigger(expression=CronExpression.parse(case.text), zone=case.zone)


def _their_first(case: Case) -> datetime:
    return _their_trigger(case).get_next(datetime)


def _our_first(case: Case) -> datetime | None:
    return _our_trigger(case).next_after(case.start)


def _their_further(case: Case, steps: int, repeats: int) -> int:
    def walk() -> None:
        for _ in range(steps):
            them.get_next(datetime)

    best = None
    for _ in range(repeats):
        them = _their_trigger(case)
        them.get_next(datetime)
        took = _best(1, walk)
        best = took if best is None else min(best, took)
    return best or 0


def _our_further(case: Case, steps: int, repeats: int) -> int:
    trigger = _our_trigger(case)
    first = trigger.next_after(case.start)

    def walk() -> None:
        fire = first
        for _ in range(steps):
            fire = fire and trigger.next_after(fire)

    return _best(repeats, walk, _forget_all)


def _best(repeats: int, act: Callable[[], object], before: Callable[[], None] | None = None) -> int:
    """The shortest of some times, in nanoseconds."""
    times = []
    for _ in range(repeats):
        if before:
            before()
        began = perf_counter_ns()
        act()
        times.append(perf_counter_ns() - began)
    return min(times)


def _forget_texts() -> None:
    """As if no expression had been read before; what is known of months and zones stays."""
    _forget(cron)


def _forget_all() -> None:
    """As if no expression, month or day had been looked at before."""
    _forget(cron, crondays, walldays)


def _forget(*modules: ModuleType) -> None:
    for module in modules:
        for value in vars(module).values():
            if hasattr(value, "cache_clear"):
                value.cache_clear()


def _bytes_each(cases: Sequence[Case], make: Callable[[Case], object]) -> int:
    _forget_all()
    gc.collect()
    tracemalloc.start()
    kept = [make(case) for case in cases]
    _forget_all()
    gc.collect()
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return size // len(kept)


def _spread(ratios: Sequence[float]) -> Mapping[str, float]:
    return {
        "median": middle(ratios),
        "p05": round(percentile(ratios, 0.05), 1),
        "least": round(min(ratios), 1),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=20, help="further fires of each expression")
    parser.add_argument("--repeats", type=int, default=7, help="the best of so many times")
    given = parser.parse_args()
    main(given.steps, given.repeats)
