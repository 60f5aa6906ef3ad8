"""A steady stream through a server that keeps little: whether its file stops growing, and its fires stay in time."""

import argparse
import asyncio
import re
import time
from collections.abc import Mapping
from pathlib import Path

from bench.figures import lateness, tell
from bench.processes import Child, child, folder, server
from bench.wire import Connection, add, fetch, get, send_all

KEPT = ("--keep-fires", "1m", "--keep-failed", "1m", "--keep-per-task", "100")
LOOKS = 10
PRUNED = re.compile(rb'^dispatch_pruned_total\{stage="(\w+)"\} (\S+)', re.MULTILINE)


async def main(rate: int, minutes: float) -> None:
    """Tasks once a second each, and a look at the file ten times."""
    with folder() as place:
        database = Path(place) / "bounded.db"
        async with child("bench.sink") as sink, server(database, *KEPT) as serving:
            figures = await _measure(serving, sink, database, rate, minutes * 60)
    tell("bounded", {"rate": rate, "minutes": minutes, "kept": " ".join(KEPT)}, figures)


async def _measure(
    serving: Child, sink: Child, database: Path, rate: int, seconds: float
) -> Mapping[str, object]:
    start = int(time.time() * 1000) + 3_000
    often = {"interval": 1, "intervalType": "SECOND", "isForever": True}
    tasks = (_task(n, start + n * 1000 // rate) | {"timeConfig": often} for n in range(rate))
    await send_all(serving.port, (add(task, f"{sink.url}/", "x" * 200) for task in tasks), 16)
    sizes, late, halves = [], [], []
    before = serving.cpu_seconds()
    for _ in range(LOOKS):
        await asyncio.sleep(seconds / LOOKS)
        sizes.append(round(database.stat().st_size / 2**20, 1))  # noqa: ASYNC240  (the file is local)
        rows = await fetch(sink.port, "/take")
        halves.append(lateness([arrived - due for _, due, arrived in rows])["p99_ms"])
        late += [arrived - due for _, due, arrived in rows]
    return {
        "file_mib": sizes,
        "p99_ms": halves,
        "late": lateness(late),
        "fires": len(late),
        "pruned": await _pruned(serving.port),
        "cpu_us_per_fire": round((serving.cpu_seconds() - before) / len(late) * 1e6),
    }


def _task(number: int, start_ms: int) -> Mapping[str, object]:
    named = {"groupCode": "bounded", "jobCode": f"task{number}", "startDate": start_ms}
    return {"triggerType": "SimpleTrigger"} | named


async def _pruned(port: int) -> Mapping[str, int]:
    connection = await Connection.open(port)
    _, body = await connection.ask(get("/metrics"))
    await connection.close()
    return {stage.decode(): int(float(rows)) for stage, rows in PRUNED.findall(body)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=100)
    parser.add_argument("--minutes", type=float, default=8)
    given = parser.parse_args()
    asyncio.run(main(given.rate, given.minutes))
