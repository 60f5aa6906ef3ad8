"""How many functions are called for one callback of a burst. Unlike its time, this is the same on every machine, however busy."""

import argparse
import asyncio
import json
import signal
import time
from collections import Counter
from pathlib import Path

from bench.burst import begin
from bench.figures import tell
from bench.processes import Child, child, folder
from bench.wire import fetch, quiet

LIMIT_S = 30
Counts = dict[str, dict[str, int]]


async def main(tasks: int, most: int) -> None:
    """Counts in the threads of the loop and of the writer."""
    with folder() as place:
        told = Path(place) / "calls.json"
        where = ("--port", "0", "--database-url", f"sqlite:///{place}/calls.db")
        async with (
            child("bench.sink") as sink,
            child(
                "bench.counting", str(told), "serve", *where, "--log-level", "warning"
            ) as serving,
        ):
            due = await begin(serving, 0, tasks, 200, f"{sink.url}/")
            await _counted(serving, told)
            await asyncio.sleep(due - time.time() + 0.5)
            await quiet(serving.port)
            counts = await _counted(serving, told)
            if len(await fetch(sink.port, "/take")) != tasks:
                raise RuntimeError("not every task called back once")
    figures = {
        "loop": _each(counts["MainThread"], tasks),
        "writer": _each(counts["store-writer"], tasks),
    }
    tell("calls", {"tasks": tasks}, figures)
    for thread in ("MainThread", "store-writer"):
        for name, count in Counter(counts[thread]).most_common(most):
            print(f"{count / tasks:8.2f} {thread} {name}")


async def _counted(serving: Child, told: Path) -> Counts:
    """What it has counted since the last time it was asked."""
    serving.process.send_signal(signal.SIGUSR1)
    async with asyncio.timeout(LIMIT_S):
        while (found := _taken(told)) is None:  # noqa: ASYNC110  (another process sets no event)
            await asyncio.sleep(0.05)
    return found


def _taken(told: Path) -> Counts | None:
    if not told.exists():
        return None
    found: Counts = json.loads(told.read_text("utf-8"))
    told.unlink()
    return found


def _each(counts: dict[str, int], tasks: int) -> dict[str, float]:
    """Of functions in Python, and of those that are built in."""
    built_in = sum(count for name, count in counts.items() if name.startswith("C:"))
    whole = sum(counts.values())
    return {
        "python": round((whole - built_in) / tasks, 1),
        "built_in": round(built_in / tasks, 1),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=2_000)
    parser.add_argument("--most", type=int, default=0, help="list so many functions, too")
    given = parser.parse_args()
    asyncio.run(main(given.tasks, given.most))
