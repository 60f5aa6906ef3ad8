"""Two steady streams side by side, one through a server that keeps little: whether its file stops growing, and whether
deleting makes callbacks late, against the other, which keeps all."""

import argparse
import asyncio
import re
import time
from collections.abc import Mapping
from pathlib import Path

from bench.figures import lateness, tell
from bench.processes import Child, child, folder, server
from bench.wire import Connection, add, fetch, get, send_all

LITTLE = ("--keep-fires", "1m", "--keep-failed", "1m", "--keep-per-task", "40")
ALL = ("--keep-fires", "0", "--keep-failed", "0", "--keep-per-task", "0", "--keep-audit", "0")
LOOKS = 10
PRUNED = re.compile(rb'^dispatch_pruned_total\{stage="(\w+)"\} (\S+)', re.MULTILINE)


async def main(rate: int, minutes: float) -> None:
    """Tasks once a second each, and a look at the files ten times."""
    with folder() as place:
        little, everything = Path(place) / "little.db", Path(place) / "all.db"
        async with (
            child("bench.sink") as sink,
            child("bench.sink") as other_sink,
            server(little, *LITTLE) as one,
            server(everything, *ALL) as other,
        ):
            streams = (
                _stream(one, sink, little, rate, minutes * 60),
                _stream(other, other_sink, everything, rate, minutes * 60),
            )
            kept, grown = await asyncio.gather(*streams)
    settings = {"rate": rate, "minutes": minutes, "little": " ".join(LITTLE)}
    tell("bounded", settings, {"little": kept, "all": grown})


async def _stream(
    serving: Child, sink: Child, database: Path, rate: int, seconds: float
) -> Mapping[str, object]:
    start = int(time.time() * 1000) + 3_000
    often = {"interval": 1, "intervalType": "SECOND", "isForever": True}
    tasks = (_task(n, start + n * 1000 // rate) | {"timeConfig": often} for n in range(rate))
    await send_all(serving.port, (add(task, f"{sink.url}/", "x" * 200) for task in tasks), 16)
    sizes, late, parts = [], [], []
    before = serving.cpu_seconds()
    for _ in range(LOOKS):
        await asyncio.sleep(seconds / LOOKS)
        sizes.append(round(_size(database) / 2**20, 1))
        rows = await fetch(sink.port, "/take")
        parts.append([arrived - due for _, due, arrived in rows])
        late += parts[-1]
    return {
        "file_mib": sizes,
        "p99_ms": [lateness(part)["p99_ms"] for part in parts],
        "late": lateness(late),
        "fires": len(late),
        "pruned": await _pruned(serving.port),
        "cpu_us_per_fire": round((serving.cpu_seconds() - before) / len(late) * 1e6),
    }


def _size(database: Path) -> int:
    return database.stat().st_size


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
