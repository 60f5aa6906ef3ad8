"""A burst over plain sockets, each fire on a connection of its own, against a bare asyncio client that does the same."""

import argparse
import asyncio
import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from bench.burst import fire
from bench.figures import middle, tell
from bench.processes import Child, child, folder, run, server
from bench.wire import LINES, fetch


async def main(tasks: int, rounds: int, size: int, connections: int, slots: int) -> None:
    """Interleaves the two, and tells the medians."""
    raw: list[Mapping[str, float]] = []
    ours: list[Mapping[str, float]] = []
    with folder() as place:
        database = Path(place) / "sockets.db"
        async with (
            child("bench.sink") as sink,
            server(database, "--slots", str(slots), "--destination-slots", str(slots)) as serving,
        ):
            for number in range(rounds):
                raw.append(await _raw(sink, tasks, size, connections))
                url = f"{LINES}127.0.0.1:{sink.port}"
                ours.append(await fire(serving, sink, number, tasks, size, url))
    pairs = list(zip(ours, raw, strict=True))
    figures = {
        "fires_per_s": middle([one["per_s"] for one in ours], 0),
        "raw_per_s": middle([one["per_s"] for one in raw], 0),
        "ratio_to_raw": middle([o["per_s"] / r["per_s"] for o, r in pairs], 2),
        "cpu_us_per_fire": middle([one["cpu_us"] for one in ours], 0),
        "raw_cpu_us": middle([one["cpu_us"] for one in raw], 0),
        "cpu_ratio_to_raw": middle([r["cpu_us"] / o["cpu_us"] for o, r in pairs], 2),
        "early": sum(one["early"] for one in ours),
    }
    settings = {"tasks": tasks, "rounds": rounds, "raw_connections": connections, "slots": slots}
    tell("sockets", settings, figures)


async def _raw(sink: Child, count: int, size: int, connections: int) -> Mapping[str, float]:
    arguments = {"count": count, "size": size, "connections": connections, "port": sink.port}
    said = await run("bench.sockets", *(f"--{name}={value}" for name, value in arguments.items()))
    took = json.loads(said)
    await fetch(sink.port, "/take")
    return {"per_s": count / took["seconds"], "cpu_us": took["cpu_seconds"] / count * 1e6}


async def bare(count: int, size: int, connections: int, port: int) -> None:
    """The client: connects, sends a line, reads a line, closes; prints seconds and CPU seconds."""
    numbers = iter(range(count))
    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(_talk(numbers, size, port) for _ in range(connections)))
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    print(json.dumps({"seconds": took, "cpu_seconds": cpu}))


async def _talk(numbers: Iterator[int], size: int, port: int) -> None:
    for number in numbers:
        body = json.dumps({"data": "x" * size, "tasklogid": f"{number:032x}"}).encode()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(body + b"\n")
        await writer.drain()
        if not await reader.readline():
            raise RuntimeError("no reply")
        writer.close()
        await writer.wait_closed()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=int, default=200, help="bytes of data in a message")
    parser.add_argument("--connections", type=int, default=64, help="of the bare client")
    parser.add_argument("--slots", type=int, default=100)
    parser.add_argument("--port", type=int, help="be the bare client of this port")
    parser.add_argument("--count", type=int, help="its messages")
    given = parser.parse_args()
    if given.port is None:
        asyncio.run(main(given.tasks, given.rounds, given.size, given.connections, given.slots))
    else:
        asyncio.run(bare(given.count, given.size, given.connections, given.port))
