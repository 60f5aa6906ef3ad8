"""Memory, start-up time and idle cost by the number of stored tasks."""

import argparse
import asyncio
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.figures import middle, tell
from bench.processes import folder, run, server
from bench.wire import fetch

SETTLE_S = 1.0


async def main(counts: Sequence[int], idle: float, rounds: int) -> None:
    """Fills a database for every count, and starts a server on it."""
    for count in counts:
        with folder() as place:
            database = Path(place) / "memory.db"
            if count:
                await run("bench.fill", f"--database={database}", f"--tasks={count}")
            starts = [await _start(database, idle) for _ in range(rounds)]
        figures = {key: middle([one[key] for one in starts], 3) for key in starts[0]}
        tell("memory", {"tasks": count, "idle_s": idle, "rounds": rounds}, figures)


async def _start(database: Path, idle: float) -> Mapping[str, float]:
    began = time.perf_counter()
    async with server(database) as serving:
        ready = await fetch(serving.port, "/readyz")
        took = time.perf_counter() - began
        if ready["status"] != "ready":
            raise RuntimeError(f"not ready: {ready}")
        await asyncio.sleep(SETTLE_S)
        before = serving.cpu_seconds()
        await asyncio.sleep(idle)
        return {
            "start_s": took,
            "rss_mib": serving.rss_mib(),
            "idle_cpu_percent": (serving.cpu_seconds() - before) / idle * 100,
        }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--counts", type=int, nargs="+", default=[0, 10_000, 100_000])
    parser.add_argument("--idle", type=float, default=5.0, help="seconds to watch it do nothing")
    parser.add_argument("--rounds", type=int, default=1)
    given = parser.parse_args()
    asyncio.run(main(given.counts, given.idle, given.rounds))
