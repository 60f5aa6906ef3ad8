"""What cost does with how much is stored: a few tasks, very many tasks, very many fires in the log, side by side in one run.

Each of the three is started, left alone, and sent the same stream; the log's pages are asked for one by one. The
databases take minutes to fill, and are used again where `--place` names a folder that is kept.
"""

import argparse
import asyncio
import hashlib
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bench.figures import middle, tell
from bench.processes import Child, child, folder, run, server
from bench.steady import stream
from bench.wire import Connection, add, fetch, first_callback, get, send_all

FEW = 1_000
OWNERS = 2_000
SETTLE_S = 3.0
FIRST_LIMIT_S = 60
ASKED = 9
LIMIT_MS = 50
SECRET = "bench"
SIGNED_IN = f"Cookie: dsid={SECRET}\r\n\r\n".encode()
BEAT = {"groupCode": "scale", "jobCode": "beat"}


async def main(place: Path, tasks: int, fires: int, rate: int, seconds: int, idle: float) -> None:
    """Fills, starts, streams, and looks at the pages."""
    databases = {"few": (FEW, 0), "tasks": (tasks, 0), "log": (OWNERS, fires)}
    paths = {name: place / f"{name}.{t}.{f}.db" for name, (t, f) in databases.items()}
    for name, path in paths.items():
        await _fill(path, *databases[name])
    settings = {"tasks": tasks, "fires": fires, "rate": rate, "seconds": seconds, "idle_s": idle}
    async with child("bench.sink") as sink:
        for name, path in paths.items():
            tell("scale.start", settings | {"stored": name}, await _start(path, sink, idle))
    tell("scale.stream", settings, await _streams(paths, rate, seconds))
    tell("scale.pages", settings, await _pages(paths["log"]))
    tell("scale.task_pages", settings, await _task_pages(paths["tasks"]))


async def _fill(path: Path, tasks: int, fires: int) -> None:
    if not _is_there(path):
        await run("bench.fill", f"--database={path}", f"--tasks={tasks}", f"--fires={fires}")


def _is_there(path: Path) -> bool:
    return path.exists()


def _mib(path: Path) -> int:
    return path.stat().st_size >> 20


async def _start(path: Path, sink: Child, idle: float) -> Mapping[str, object]:
    """From the start of the process to the first callback, of a task that is due by then; memory; what doing nothing
    costs. Started twice: the first time brings the database to this version, and the task into it."""
    beat = {"triggerType": "SimpleTrigger", **BEAT}
    often = {"interval": 1, "intervalType": "SECOND", "isForever": True}
    due = {"startDate": int(time.time() * 1000), "timeConfig": often}
    async with server(path) as serving:
        await send_all(serving.port, [add(beat | due, f"{sink.url}/", "x")], clients=1)
    await fetch(sink.port, "/take")
    began = time.time()
    async with server(path) as serving:
        ready = time.time() - began
        first, worked = await first_callback(sink.port, FIRST_LIMIT_S) - began, serving.cpu_ms()
        await _forget(serving)
        await asyncio.sleep(SETTLE_S)
        before = serving.cpu_seconds()
        await asyncio.sleep(idle)
        return {
            "ready_s": round(ready, 2),
            "first_fire_s": round(first, 2),
            "first_fire_cpu_ms": round(worked),
            "rss_mib": serving.rss_mib(),
            "idle_cpu_percent": round((serving.cpu_seconds() - before) / idle * 100, 2),
            "file_mib": _mib(path),
        }


async def _forget(serving: Child) -> None:
    path = f"/dispatchserver/delete.do?groupCode={BEAT['groupCode']}&jobCode={BEAT['jobCode']}"
    connection = await Connection.open(serving.port)
    request = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n"
    status, body = await connection.ask(request.encode())
    await connection.close()
    if status != 200 or b'"success":true' not in body.replace(b" ", b""):
        raise RuntimeError(f"not deleted: {status} {body.decode()}")


async def _streams(
    paths: Mapping[str, Path], rate: int, seconds: int, rounds: int = 5
) -> Mapping[str, object]:
    """In each round all servers have the stream at the same time, so that what else the machine does befalls all."""
    taken: list[Sequence[Mapping[str, Any]]] = []
    async with AsyncExitStack() as stack:
        pairs = []
        for path in paths.values():
            serving = await stack.enter_async_context(server(path))
            pairs.append((serving, await stack.enter_async_context(child("bench.sink"))))
        for number in range(rounds):
            group = f"scale{int(time.time())}.{number}"
            asked = (stream(*pair, rate, seconds, 0.1, group) for pair in pairs)
            taken.append(await asyncio.gather(*asked))
    told = {name: _middles([each[n] for each in taken]) for n, name in enumerate(paths)}
    few = [each[0] for each in taken]
    return told | {
        f"{name}_to_few": {
            "cpu": _ratio([each[n] for each in taken], few, lambda one: one["cpu_us_per_fire"]),
            "p99": _ratio([each[n] for each in taken], few, lambda one: one["late"]["p99_ms"]),
        }
        for n, name in enumerate(paths)
        if n
    }


def _middles(rounds: Sequence[Mapping[str, Any]]) -> Mapping[str, object]:
    return {
        "cpu_us_per_fire": middle([one["cpu_us_per_fire"] for one in rounds], 0),
        "p50_ms": middle([one["late"]["p50_ms"] for one in rounds]),
        "p99_ms": middle([one["late"]["p99_ms"] for one in rounds]),
        "rss_mib": middle([one["rss_mib"] for one in rounds]),
        "lost_twice_early": [sum(one[w] for one in rounds) for w in ("lost", "twice", "early")],
    }


def _ratio(
    ours: Sequence[Mapping[str, Any]],
    few: Sequence[Mapping[str, Any]],
    of: Callable[[Mapping[str, Any]], float],
) -> float:
    return middle([of(one) / of(other) for one, other in zip(ours, few, strict=True)], 2)


async def _pages(path: Path) -> Mapping[str, object]:
    """Milliseconds of each page of the log."""
    dead_one = "SELECT id, grp, name FROM fires WHERE state = 'failed' ORDER BY due_at DESC LIMIT 1"
    task = _one(path, dead_one)
    fire = _one(path, "SELECT id FROM fires ORDER BY rowid LIMIT 1")["id"]
    of_task = f"group={quote(task['grp'])}&name={quote(task['name'])}"
    day = datetime.now(UTC) - timedelta(days=3)
    since, until = day.isoformat()[:19] + "Z", (day + timedelta(hours=1)).isoformat()[:19] + "Z"
    cursor = (await _first_page(path))["next_cursor"]
    queries = {
        "newest": "",
        "next": f"cursor={cursor}",
        "group": f"group={quote(task['grp'])}",
        "no_such_group": "group=nobody",
        "task": of_task,
        "name": f"name={quote(task['name'])}",
        "range": f"since={since}&until={until}",
        "group_range": f"group={quote(task['grp'])}&since={since}&until={until}",
        **{f"state_{state}": f"state={state}" for state in STATES},
        "failed_of_group": f"state=failed&group={quote(task['grp'])}",
        "failed_not_replayed": "state=failed&replayed=false",
    }
    asked = {f"rest_{name}": f"/api/v1/fires?{query}" for name, query in queries.items()}
    asked |= {
        f"html_{name}": f"/fires?{query}".replace("since=", "from=").replace("until=", "to=")
        for name, query in queries.items()
        if "replayed" not in query and name not in ("range", "group_range")
    }
    asked |= {
        "html_range": f"/fires?from={since[:16]}&to={until[:16]}",
        "html_dead": "/dead-letters",
        "html_dead_of_group": f"/dead-letters?group={quote(task['grp'])}",
        "html_dead_ask": f"/dead-letters/replay?group={quote(task['grp'])}",
        "html_fire": f"/fire?id={fire}",
        "html_dead_fire": f"/fire?id={task['id']}",
        "html_task": f"/task?{of_task}",
        "html_why": f"/task?{of_task}&why={since[:16]}",
        "rest_why": f"/api/v1/tasks/{task['grp']}/{task['name']}/why?at={since}",
        **COMMON,
    }
    return await _times(path, asked)


STATES = ("pending", "running", "waiting", "succeeded", "failed", "skipped", "cancelled")
COMMON = {
    "metrics": "/metrics",
    "readyz": "/readyz",
    "html_tasks": "/tasks",
    "html_groups": "/groups",
    "rest_groups": "/api/v1/groups",
    "rest_tasks": "/api/v1/tasks",
}


async def _task_pages(path: Path) -> Mapping[str, object]:
    """The same of the pages of tasks."""
    asked = {
        "html_group": "/tasks?group=group7",
        "rest_group": "/api/v1/tasks?group=group7",
        "rest_paused": "/api/v1/tasks?state=paused",
        "rest_text": "/api/v1/tasks?q=task99999",
        "rest_task": "/api/v1/tasks/group7/task7",
    }
    return await _times(path, asked | COMMON)


async def _first_page(path: Path) -> Any:
    async with server(path) as serving:
        return await fetch(serving.port, "/api/v1/fires")


async def _times(path: Path, asked: Mapping[str, str]) -> Mapping[str, object]:
    _sign_in(path)
    async with server(path) as serving:
        connection = await Connection.open(serving.port)
        times = {name: await _time(serving, connection, one) for name, one in asked.items()}
        await connection.close()
    slow = {name: took for name, took in times.items() if took["ms"] >= LIMIT_MS}
    return {"pages": len(times), "above_limit": slow, "all": times}


async def _time(serving: Child, connection: Connection, path: str) -> Mapping[str, float]:
    """Of several requests the first, and the middle one of the others; and what all threads worked for one of these."""
    first = await _ask(connection, path)
    before = serving.cpu_ms()
    others = [await _ask(connection, path) for _ in range(ASKED)]
    worked = (serving.cpu_ms() - before) / ASKED
    return {"first_ms": round(first, 1), "ms": middle(others), "cpu_ms": round(worked, 1)}


async def _ask(connection: Connection, path: str) -> float:
    began = time.perf_counter()
    status, body = await connection.ask(get(path)[:-2] + SIGNED_IN)
    if status != 200:
        raise RuntimeError(f"{path}: {status} {body[:300].decode()}")
    return (time.perf_counter() - began) * 1000


def _sign_in(path: Path) -> None:
    """A session that nobody has to sign in for."""
    hashed, now = hashlib.sha256(SECRET.encode()).hexdigest(), int(time.time() * 1000)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        row = (hashed, "bench", "csrf", now, now)
        connection.execute("INSERT OR IGNORE INTO users VALUES ('bench', '', ?)", (now,))
        connection.execute("INSERT OR REPLACE INTO sessions VALUES (?, ?, ?, ?, ?)", row)


def _one(path: Path, select: str) -> sqlite3.Row:
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        row: sqlite3.Row = connection.execute(select).fetchone()
        return row


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=1_000_000)
    parser.add_argument("--fires", type=int, default=10_000_000)
    parser.add_argument("--rate", type=int, default=60, help="of each")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--idle", type=float, default=20, help="seconds to watch each do nothing")
    parser.add_argument("--place", type=Path, help="a folder whose databases are kept")
    given = parser.parse_args()
    amounts = (given.tasks, given.fires, given.rate, given.seconds, given.idle)
    if given.place is not None:
        asyncio.run(main(given.place, *amounts))
    else:
        with folder() as temporary:
            asyncio.run(main(Path(temporary), *amounts))
