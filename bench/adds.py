"""add.do with its durable acknowledgement, by number of clients, against the same handler storing nothing."""

import argparse
import asyncio
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.figures import middle, tell
from bench.processes import Child, child, folder, server
from bench.wire import add, send_all

YEAR_MS = 365 * 24 * 3600 * 1000


async def main(adds: int, rounds: int, clients: Sequence[int]) -> None:
    """Interleaves the two for every number of clients, and tells the medians."""
    with folder() as place:
        async with child("bench.nothing") as nothing, server(Path(place) / "adds.db") as serving:
            await _round(nothing, "warm", 200, 8)
            await _round(serving, "warm", 200, 8)
            for count in clients:
                pairs = [
                    (
                        await _round(nothing, f"{count}.{number}", adds, count),
                        await _round(serving, f"{count}.{number}", adds, count),
                    )
                    for number in range(rounds)
                ]
                _tell(adds, rounds, count, pairs)


def _tell(
    adds: int,
    rounds: int,
    clients: int,
    pairs: Sequence[tuple[Mapping[str, float], Mapping[str, float]]],
) -> None:
    figures = {
        "adds_per_s": middle([ours["per_s"] for _, ours in pairs], 0),
        "nothing_per_s": middle([base["per_s"] for base, _ in pairs], 0),
        "ratio_to_nothing": middle([ours["per_s"] / base["per_s"] for base, ours in pairs], 2),
        "cpu_us_per_add": middle([ours["cpu_us"] for _, ours in pairs], 0),
        "nothing_cpu_us": middle([base["cpu_us"] for base, _ in pairs], 0),
        "cpu_ratio": middle([base["cpu_us"] / ours["cpu_us"] for base, ours in pairs], 2),
    }
    tell("adds", {"clients": clients, "adds": adds, "rounds": rounds}, figures)


async def _round(served: Child, group: str, adds: int, clients: int) -> Mapping[str, float]:
    due_ms = int(time.time() * 1000) + YEAR_MS
    requests = [
        add(_task(group, n, due_ms), "http://127.0.0.1:9/", {"userid": f"U{n}", "note": "x" * 100})
        for n in range(adds)
    ]
    began, before = time.perf_counter(), served.cpu_seconds()
    await send_all(served.port, requests, clients)
    took = time.perf_counter() - began
    return {"per_s": adds / took, "cpu_us": (served.cpu_seconds() - before) / adds * 1e6}


def _task(group: str, number: int, due_ms: int) -> Mapping[str, object]:
    return {
        "triggerType": "SimpleTrigger",
        "groupCode": f"adds{group}",
        "jobCode": f"task{number}",
        "startDate": due_ms,
        "timeConfig": {"interval": 1, "intervalType": "HOUR", "isForever": True},
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--adds", type=int, default=1_000, help="of each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 64])
    given = parser.parse_args()
    asyncio.run(main(given.adds, given.rounds, given.clients))
