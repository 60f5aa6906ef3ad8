"""Many one-shot tasks due at one instant: how fast, how late, at which cost, against a raw client beside it."""

import argparse
import asyncio
import json
import time
from collections.abc import Mapping
from pathlib import Path

from bench.figures import lateness, middle, tell
from bench.processes import Child, child, folder, run, server
from bench.wire import add, fetch, quiet, send_all

ADDS_PER_S = 250  # a low guess, so that adding has ended before the instant
HEADROOM_S = 3.0
PLAN_AHEAD_S = 1.5
ENVELOPE = len('{"data":"","tasklogid":""}') + 32
LIMIT_S = 120


async def main(tasks: int, rounds: int, size: int, connections: int, slots: int) -> None:
    """Interleaves raw and ours, and tells the medians."""
    raw: list[Mapping[str, float]] = []
    ours: list[Mapping[str, float]] = []
    with folder() as place:
        database = Path(place) / "burst.db"
        async with (
            child("bench.sink") as sink,
            server(database, "--slots", str(slots)) as serving,
        ):
            for number in range(rounds):
                raw.append(await raw_posts(sink, tasks, size, connections))
                ours.append(await fire(serving, sink, number, tasks, size, f"{sink.url}/"))
    pairs = zip(ours, raw, strict=True)
    figures = {
        "fires_per_s": middle([one["per_s"] for one in ours], 0),
        "raw_posts_per_s": middle([one["per_s"] for one in raw], 0),
        "ratio_to_raw": middle([o["per_s"] / r["per_s"] for o, r in pairs], 2),
        "cpu_us_per_fire": middle([one["cpu_us"] for one in ours], 0),
        "raw_cpu_us_per_post": middle([one["cpu_us"] for one in raw], 0),
        "late": {key: middle([one[key] for one in ours]) for key in ("p50_ms", "p99_ms", "max_ms")},
        "early": sum(one["early"] for one in ours),
        "every_id_once": True,
        "all_settled_after_s": middle([one["settled_s"] for one in ours], 2),
    }
    settings = {
        "tasks": tasks,
        "rounds": rounds,
        "body_bytes": size + ENVELOPE,
        "raw_connections": connections,
        "slots": slots,
    }
    tell("burst", settings, figures)


async def raw_posts(sink: Child, count: int, size: int, connections: int) -> Mapping[str, float]:
    """So many posts by the client that does nothing else."""
    said = await run(
        "bench.rawclient",
        f"--url={sink.url}/",
        f"--count={count}",
        f"--size={size}",
        f"--connections={connections}",
    )
    took = json.loads(said)
    await fetch(sink.port, "/take")
    return {"per_s": count / took["seconds"], "cpu_us": took["cpu_seconds"] / count * 1e6}


async def fire(
    serving: Child, sink: Child, number: int, tasks: int, size: int, url: str
) -> Mapping[str, float]:
    """Adds the tasks, lets them all be due at one instant, and looks at what came and when."""
    due = await begin(serving, number, tasks, size, url)
    before = serving.cpu_seconds()
    await asyncio.sleep(due - time.time() + 0.5)
    await quiet(serving.port, LIMIT_S)
    settled = time.time() - due
    cpu_us = (serving.cpu_seconds() - before) / tasks * 1e6
    rows = await fetch(sink.port, "/take")
    ids = [fire for fire, _, _ in rows]
    if len(ids) != tasks or len(set(ids)) != tasks:
        raise RuntimeError(f"{len(ids)} callbacks with {len(set(ids))} ids for {tasks} fires")
    late = [arrived - due for _, _, arrived in rows]
    return {
        "per_s": tasks / max(late),
        "cpu_us": cpu_us,
        "settled_s": settled,
        "early": sum(value < 0 for value in late),
        **lateness(late),
    }


async def begin(serving: Child, number: int, tasks: int, size: int, url: str) -> float:
    """Adds the tasks of a burst; returns the moment at which they are all due."""
    due_ms = int((time.time() + tasks / ADDS_PER_S + HEADROOM_S) * 1000)
    requests = (add(task(f"burst{number}", n, due_ms), url, "x" * size) for n in range(tasks))
    await send_all(serving.port, requests, clients=32)
    due = due_ms / 1000
    if time.time() > due - PLAN_AHEAD_S:
        raise RuntimeError("adding took longer than thought: the burst would not be one")
    return due


def task(group: str, number: int, due_ms: int) -> Mapping[str, object]:
    """A one-shot of this moment, as `add.do` takes it."""
    return {
        "triggerType": "SimpleTrigger",
        "groupCode": group,
        "jobCode": f"task{number}",
        "startDate": due_ms,
        "timeConfig": None,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=int, default=200, help="bytes of data in a body")
    parser.add_argument("--connections", type=int, default=64, help="of the raw client")
    parser.add_argument("--slots", type=int, default=2_000)
    given = parser.parse_args()
    asyncio.run(main(given.tasks, given.rounds, given.size, given.connections, given.slots))
