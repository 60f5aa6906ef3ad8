"""A steady stream: so many tasks once a second each, at random phases: how late, at which cost, none lost."""

import argparse
import asyncio
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.figures import lateness, tell
from bench.processes import Child, child, folder, server
from bench.wire import add, fetch, quiet, send_all

ADDS_PER_S = 250  # a low guess, so that adding has ended before the start
HEADROOM_S = 3.0


async def main(rate: int, seconds: int, cron_share: float, slots: int) -> None:
    """Adds `rate` tasks that fire `seconds` times each, and looks at every callback."""
    with folder() as place:
        async with (
            child("bench.sink") as sink,
            server(Path(place) / "steady.db", "--slots", str(slots)) as serving,
        ):
            figures = await stream(serving, sink, rate, seconds, cron_share)
    settings = {"rate": rate, "seconds": seconds, "cron_share": cron_share, "slots": slots}
    tell("steady", settings, figures)


async def stream(
    serving: Child,
    sink: Child,
    rate: int,
    seconds: int,
    cron_share: float,
    group: str = "steady",
) -> Mapping[str, Any]:
    """One stream through a server; its tasks are of a group that it has none of yet."""
    start = await begin(serving, sink, rate, seconds, cron_share, group)
    before = serving.cpu_seconds()
    await asyncio.sleep(start + seconds + 1 - time.time())
    await quiet(serving.port)
    cpu = serving.cpu_seconds() - before
    expected = rate * seconds
    return {
        **came(await fetch(sink.port, "/take"), expected),
        "cpu_us_per_fire": round(cpu / expected * 1e6),
        "cpu_share_of_one_core": round(cpu / (seconds + 1), 2),
        "rss_mib": serving.rss_mib(),
    }


async def begin(
    serving: Child, sink: Child, rate: int, seconds: int, cron_share: float, group: str
) -> int:
    """Adds the tasks of a stream; returns the second that it begins at."""
    start = int(time.time() + rate / ADDS_PER_S + HEADROOM_S)
    tasks = [_task(group, n, start, seconds, n < rate * cron_share) for n in range(rate)]
    requests = (add(task, f"{sink.url}/", "x" * 200) for task in tasks)
    await send_all(serving.port, requests, clients=16)
    if time.time() > start - 1:
        raise RuntimeError("adding took longer than thought: the stream would have begun")
    return start


def came(rows: Sequence[tuple[str, float, float]], expected: int) -> Mapping[str, Any]:
    """What of a stream came, and how late."""
    late = [arrived - due for _, due, arrived in rows]
    seen = Counter(fire for fire, _, _ in rows)
    return {
        "expected": expected,
        "lost": expected - len(seen),
        "twice": sum(count - 1 for count in seen.values()),
        "early": sum(value < 0 for value in late),
        "late": lateness(late),
    }


def _task(group: str, number: int, start: int, seconds: int, as_cron: bool) -> Mapping[str, object]:
    """Simple ones each at their own phase; cron knows only whole seconds."""
    named = {"groupCode": group, "jobCode": f"task{number}"}
    if as_cron:
        last = (start + seconds - 1) * 1000
        cron = {"triggerType": "CronTrigger", "cronExpress": "* * * * * ?"}
        return named | cron | {"startDate": start * 1000, "endDate": last}
    phase = random.randrange(1000)
    times = {"interval": 1, "intervalType": "SECOND", "repeatCount": seconds}
    simple = {"triggerType": "SimpleTrigger", "startDate": start * 1000 + phase}
    return named | simple | {"timeConfig": times}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=200, help="tasks, and so fires a second")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--cron-share", type=float, default=0.1)
    parser.add_argument("--slots", type=int, default=2_000)
    given = parser.parse_args()
    asyncio.run(main(given.rate, given.seconds, given.cron_share, given.slots))
