"""Importing many tasks as lines of JSON: into an empty server, and the same lines once more, which change nothing."""

import argparse
import asyncio
import json
import os
import random
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.figures import tell
from bench.processes import Child, folder, server

BLOCK = 64 * 1024
WATCH_S = 0.5
Doc = dict[str, object]


async def main(tasks: int, kinds: list[str]) -> None:
    """Imports files of each kind, twice each."""
    for kind in kinds:
        with folder() as place:
            file = Path(place) / "tasks.ndjson"
            write(file, tasks, kind)
            async with server(Path(place) / "imports.db") as serving:
                for round_ in ("new", "again"):
                    figures = await _import(serving, file, tasks)
                    size = round(file.stat().st_size / tasks)
                    settings = {"tasks": tasks, "kind": kind, "round": round_, "bytes_a_line": size}
                    tell("imports", settings, figures)


def write(file: Path, tasks: int, kind: str) -> None:
    """A file of so many lines, a hundred groups in their order."""
    make, size = KINDS[kind], max(1, tasks // 100)
    chance = random.Random(7)
    with file.open("w", encoding="utf-8") as out:
        for number in range(tasks):
            doc: Doc = {"group": f"group-{number // size:03}", "name": f"task-{number:08}"}
            out.write(json.dumps(doc | make(number, chance)) + "\n")


def _cron(number: int, chance: random.Random) -> Doc:
    """A nightly job of many shops: one of 1,440 moments, one of eight receivers, data of its own."""
    minute = chance.randrange(1_440)
    expression = f"0 {minute % 60} {minute // 60} * * ?"
    return {
        "trigger": {"kind": "cron", "expression": expression, "zone": "Asia/Shanghai"},
        "recall": _recall(number),
    }


def _once(number: int, chance: random.Random) -> Doc:
    """A reminder at a moment of its own."""
    return {"trigger": {"kind": "simple", "start": _later(chance)}, "recall": _recall(number)}


def _later(chance: random.Random) -> str:
    start = datetime(2040, 1, 1, tzinfo=UTC) + timedelta(seconds=chance.randrange(10**8))
    return start.isoformat().replace("+00:00", "Z")


def _mixed(number: int, chance: random.Random) -> Doc:
    return (_cron, _every, _once)[number % 3](number, chance)


def _every(number: int, chance: random.Random) -> Doc:
    """A poll: every one to sixty minutes, with a priority and policies of its own."""
    interval = 60 * chance.randrange(1, 61)
    return {
        "trigger": {"kind": "simple", "start": _later(chance), "interval_s": interval},
        "recall": _recall(number),
        "priority": number % 3,
        "policies": {"timeout": "30s", "misfire": "skip", "retry": {"max": 3, "base": "2s"}},
    }


def _recall(number: int) -> Doc:
    data = {"order": f"SO-{number:09}", "shop": number % 977, "note": "x" * 40}
    return {"kind": "HTTP", "url": f"http://10.0.0.{number % 8}:8080/callback", "data": data}


KINDS: Mapping[str, Callable[[int, random.Random], Doc]] = {
    "mixed": _mixed,
    "cron": _cron,
    "once": _once,
}


async def _import(serving: Child, file: Path, tasks: int) -> Mapping[str, object]:
    before, began = serving.cpu_seconds(), time.perf_counter()
    peaks = [serving.rss_mib()]
    watching = asyncio.ensure_future(_watch(serving, peaks))
    reply = await _post(serving.port, file)
    took = time.perf_counter() - began
    watching.cancel()
    if reply["lines"] != tasks or reply["refused"]:
        raise RuntimeError(str(reply)[:500])
    return {
        "seconds": round(took, 2),
        "tasks_per_s": round(tasks / took),
        "us_per_task": round(took / tasks * 1e6, 1),
        "cpu_us_per_task": round((serving.cpu_seconds() - before) / tasks * 1e6, 1),
        "rss_mib_before": peaks[0],
        "rss_mib_most": max(peaks),
        "unchanged": reply["unchanged"],
    }


async def _watch(serving: Child, peaks: list[float]) -> None:
    while True:
        await asyncio.sleep(WATCH_S)
        peaks.append(serving.rss_mib())


async def _post(port: int, file: Path) -> Mapping[str, int]:
    """Sends the file and reads the reply."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with file.open("rb") as lines:
        head = (
            "POST /api/v1/tasks:import HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
            f"Content-Type: application/x-ndjson\r\nContent-Length: {os.fstat(lines.fileno()).st_size}\r\n\r\n"
        )
        writer.write(head.encode())
        while block := lines.read(BLOCK):
            writer.write(block)
            await writer.drain()
    _, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    found: Mapping[str, int] = json.loads(body)
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--kinds", nargs="+", choices=sorted(KINDS), default=["mixed"])
    given = parser.parse_args()
    asyncio.run(main(given.tasks, given.kinds))
