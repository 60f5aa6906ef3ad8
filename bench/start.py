"""How long a start takes: from the process's spawn to its first callback, of a task that is due by then.

With an empty database and with very many stored tasks, in turns with the yardstick: a Python that imports the three
packages that no such server could do without, and ends.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.figures import middle, tell
from bench.processes import Child, child, folder, run, server
from bench.wire import add, fetch, first_callback, send_all

BARE = "import aiohttp, jinja2, aiosqlite"
BEAT = {"triggerType": "SimpleTrigger", "groupCode": "start", "jobCode": "beat"}
OFTEN = {"interval": 1, "intervalType": "SECOND", "isForever": True}
OVERDUE_S = 1.2  # longer than from one beat to the next: whenever a server starts, one is due
LIMIT_S = 60


async def main(tasks: Sequence[int], starts: int) -> None:
    """Tells the medians, a line for each number of stored tasks."""
    with folder() as place:
        async with child("bench.sink") as sink:
            for count in tasks:
                path = Path(place) / f"{count}.db"
                await _prepare(path, count, sink)
                rounds = [(await _bare(), await _start(path, sink)) for _ in range(starts)]
                _tell(count, starts, rounds)


async def _prepare(path: Path, tasks: int, sink: Child) -> None:
    """The stored tasks, and the one that is due whenever a server starts. That start warms the files up, too."""
    if tasks:
        await run("bench.fill", f"--database={path}", f"--tasks={tasks}")
    beat = BEAT | {"startDate": int(time.time() * 1000), "timeConfig": OFTEN}
    async with server(path) as serving:
        await send_all(serving.port, [add(beat, f"{sink.url}/", "x")], clients=1)


async def _bare() -> float:
    began = time.time()
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", BARE)
    if await process.wait():
        raise RuntimeError(f"{BARE}: ended with {process.returncode}")
    return time.time() - began


async def _start(path: Path, sink: Child) -> Mapping[str, float]:
    await asyncio.sleep(OVERDUE_S)
    await fetch(sink.port, "/take")
    began = time.time()
    async with server(path) as serving:
        await fetch(serving.port, "/readyz")
        ready = time.time() - began
        return {
            "first_fire_s": await first_callback(sink.port, LIMIT_S) - began,
            "ready_s": ready,
            "cpu_ms": serving.cpu_ms(),
        }


def _tell(tasks: int, starts: int, rounds: Sequence[tuple[float, Mapping[str, float]]]) -> None:
    figures = {
        "first_fire_s": middle([one["first_fire_s"] for _, one in rounds], 2),
        "ready_s": middle([one["ready_s"] for _, one in rounds], 2),
        "cpu_ms": middle([one["cpu_ms"] for _, one in rounds], 0),
        "bare_s": middle([bare for bare, _ in rounds], 2),
        "ratio_to_bare": middle([one["first_fire_s"] / bare for bare, one in rounds], 1),
    }
    tell("start", {"tasks": tasks, "starts": starts, "bare": BARE}, figures)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, nargs="+", default=[0, 100_000])
    parser.add_argument("--starts", type=int, default=7)
    given = parser.parse_args()
    asyncio.run(main(given.tasks, given.starts))
