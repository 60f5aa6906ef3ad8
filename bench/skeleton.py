"""The least that could be called a durable callback here: what a burst costs a process that does nothing else, against a raw client and
a whole server in turns.

The skeleton claims a hundred fires in one row, sends what is ready to be sent on connections of its own without any limit, and writes each
fire once, when it has ended: with all columns and indexes that a fire, its attempt and its task have, and `synchronous=FULL`. It knows no
time limit, slot, policy, retry, address to be refused, signature, metric or page, and of a crash no more than which hundred were on their way.
What a server costs more than this is what it does more, and how; what this costs, no server with such rows and such threads can undercut.
How much of it the rows are: the same once more with its rows, but without the indexes of fires and attempts, and with claims alone.
"""

import argparse
import asyncio
import hashlib
import json
import queue
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import cast

import httptools

from bench.burst import fire, raw_posts, task
from bench.figures import middle, tell
from bench.processes import Child, child, folder, run, server
from bench.wire import add, fetch, send_all

CLAIMED_AT_ONCE = 100
GATHERED_S = 0.005
PORTIONS = (64, 32, 16, 8, 4, 2, 1)
FAR_MS = 3_600_000
HEADERS = 12
NODE = "0123456789abcdef" * 2
STORED = ("indexed", "bare", "claims")
INDEXES = "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN ('fires', 'attempts')"
PUT_FIRES = (
    "INSERT INTO fires (id, namespace, task_id, grp, name, version, kind, priority, due_at, run_at, state, attempts,"
    " claimed_at, finished_at, result) VALUES {}"
)
PUT_ATTEMPTS = (
    "INSERT INTO attempts (fire_id, number, node, started_at, ended_at, delivery, detail, status, excerpt, truncated,"
    " connect_ms, first_byte_ms, verdict, result, address) VALUES {}"
)
CLAIM = "INSERT INTO claimed (ids) VALUES (?)"
STEP = """
UPDATE tasks SET next_fire_at = NULL, state = 'finished', succeeded = succeeded + 1, last_fire_id = s.fire,
    last_state = 'succeeded', last_finished_at = s.at
FROM (SELECT column1 AS id, column2 AS fire, column3 AS at FROM (VALUES {})) s WHERE tasks.id = s.id
"""

Row = tuple[object, ...]
Ended = tuple[Row, Row, Row]
"""The rows of a fire, of its attempt, and of its task's step."""


@dataclass(frozen=True, slots=True)
class Task:
    """What a callback says of its task."""

    id: str
    namespace: str
    group: str
    name: str
    version: int
    due_ms: int


async def main(tasks: int, rounds: int, size: int, connections: int) -> None:
    """Interleaves the raw client, the server and the skeletons, and tells the medians."""
    client: list[Mapping[str, float]] = []
    whole: list[Mapping[str, float]] = []
    skeletons: dict[str, list[Mapping[str, float]]] = {rows: [] for rows in STORED}
    with folder() as place:
        async with child("bench.sink") as sink, server(Path(place) / "whole.db") as serving:
            for number in range(rounds):
                client.append(await raw_posts(sink, tasks, size, connections))
                whole.append(await fire(serving, sink, number, tasks, size, f"{sink.url}/"))
                for rows, took in skeletons.items():
                    database = Path(place) / f"{rows}{number}.db"
                    await _fill(database, tasks, f"{sink.url}/", size)
                    took.append(await _skeleton(database, sink, tasks, size, connections, rows))
    figures = {
        **{
            f"{rows}_{figure}": middle(told, places)
            for rows, took in skeletons.items()
            for figure, told, places in (
                ("cpu_us", [one["cpu_us"] for one in took], 0),
                ("ratio_to_raw", _ratios(took, client), 2),
            )
        },
        "server_cpu_us": middle([one["cpu_us"] for one in whole], 0),
        "server_ratio_to_raw": middle(_ratios(whole, client), 2),
        "raw_cpu_us": middle([one["cpu_us"] for one in client], 0),
    }
    tell("skeleton", {"tasks": tasks, "rounds": rounds, "connections": connections}, figures)


def _ratios(
    some: Sequence[Mapping[str, float]], others: Sequence[Mapping[str, float]]
) -> list[float]:
    return [one["per_s"] / other["per_s"] for one, other in zip(some, others, strict=True)]


async def _fill(database: Path, tasks: int, url: str, size: int) -> None:
    """A database in which a server was told of the tasks, none of which was due while it was up."""
    due_ms = int(time.time() * 1000) + FAR_MS
    async with server(database) as serving:
        adds = (add(task("skeleton", n, due_ms), url, "x" * size) for n in range(tasks))
        await send_all(serving.port, adds, clients=32)


async def _skeleton(
    database: Path, sink: Child, tasks: int, size: int, connections: int, rows: str
) -> Mapping[str, float]:
    arguments = {
        "database": database,
        "url": sink.url,
        "size": size,
        "connections": connections,
        "rows": rows,
    }
    said = await run("bench.skeleton", *(f"--{name}={value}" for name, value in arguments.items()))
    received = {fire for fire, _, _ in await fetch(sink.port, "/take")}
    with sqlite3.connect(database) as connection:
        told = "SELECT f.id FROM fires f JOIN attempts ON fire_id = f.id JOIN tasks t ON last_fire_id = f.id WHERE succeeded"
        stored = {fire for (fire,) in connection.execute(told)}
    if len(received) != tasks or (stored != received and rows != "claims"):
        raise RuntimeError(f"{len(received)} callbacks and {len(stored)} rows for {tasks} tasks")
    took: Mapping[str, float] = json.loads(said)
    return {"per_s": tasks / took["seconds"], "cpu_us": took["cpu_seconds"] / tasks * 1e6}


class Ledger:
    """Writes, in a thread of its own, what gathers while the last transaction is under way."""

    def __init__(
        self, connection: sqlite3.Connection, loop: asyncio.AbstractEventLoop, rows: str
    ) -> None:
        self._connection = connection
        self._loop = loop
        self._rows = rows
        self._asked: queue.SimpleQueue[tuple[str, asyncio.Future[None]] | list[Ended] | None] = (
            queue.SimpleQueue()
        )
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    async def claim(self, tasks: Sequence[Task]) -> None:
        """Returns when it is on the disk that these are on their way."""
        written: asyncio.Future[None] = self._loop.create_future()
        self._asked.put((",".join([task.id for task in tasks]), written))
        await written

    def end(self, ended: list[Ended]) -> None:
        self._asked.put(ended)

    def close(self) -> None:
        """Returns when all is on the disk."""
        self._asked.put(None)
        self._thread.join()

    def _work(self) -> None:
        goes_on = True
        while goes_on:
            asked = [self._asked.get()]
            while not self._asked.empty():
                asked.append(self._asked.get())
            goes_on = None not in asked
            self._write(
                [one for one in asked if isinstance(one, tuple)],
                [*chain.from_iterable(one for one in asked if isinstance(one, list))],
            )

    def _write(self, claims: list[tuple[str, asyncio.Future[None]]], ended: list[Ended]) -> None:
        say = self._connection.execute
        say("BEGIN IMMEDIATE")
        for ids, _ in claims:
            say(CLAIM, (ids,))
        for portion in _portions(ended) if self._rows != "claims" else ():
            fires, attempts, steps = zip(*portion, strict=True)
            say(PUT_FIRES.format(_places(fires)), _flat(fires))
            say(PUT_ATTEMPTS.format(_places(attempts)), _flat(attempts))
            say(STEP.format(_places(steps)), _flat(steps))
        say("COMMIT")
        for _, written in claims:
            self._loop.call_soon_threadsafe(written.set_result, None)


def _portions(ended: Sequence[Ended]) -> Iterator[Sequence[Ended]]:
    """In few different sizes, so that few texts are prepared."""
    at = 0
    for size in PORTIONS:
        while len(ended) - at >= size:
            yield ended[at : at + size]
            at += size


def _places(rows: Sequence[Row]) -> str:
    return ",".join([f"({','.join('?' * len(rows[0]))})"] * len(rows))


def _flat(rows: Sequence[Row]) -> list[object]:
    return [*chain.from_iterable(rows)]


class Street:
    """All that is on its way, and the connections that are free."""

    def __init__(self, ledger: Ledger, url: str, size: int, count: int) -> None:
        host, _, self.port = url.removeprefix("http://").partition(":")
        self._ledger = ledger
        self._loop = asyncio.get_running_loop()
        self._url = f"{url}/"
        self._data = "x" * size
        self._left = count
        lines = [f"POST / HTTP/1.1\r\nhost: {host}:{self.port}", "content-type: application/json"]
        lines += [f"x-dispatch-some-header-{number}: %s" for number in range(HEADERS)]
        self._head = "\r\n".join([*lines, "content-length: %d", "", ""])
        self._gathered: list[Ended] = []
        self.free: list[Caller] = []
        self.ready: list[Task] = []
        self.over: asyncio.Future[None] = self._loop.create_future()

    def send(self) -> None:
        """Sends what is ready as long as a connection is free."""
        while self.free and self.ready:
            task = self.ready.pop()
            # in the order of the tasks' making, as the server's own: what is written together lies together
            fire = task.id[:14] + hashlib.sha256(task.id.encode()).hexdigest()[:18]
            body = json.dumps({"data": self._data, "tasklogid": fire}).encode()
            values = (fire, task.id, task.group, task.name, task.due_ms, *("x" * (HEADERS - 5)))
            request = (self._head % (*values, len(body))).encode() + body
            self.free.pop().call(request, task, fire)

    def settle(self, task: Task, fire: str, began: int, status: int, text: str) -> None:
        """Judges a reply by its body, and has the end written."""
        if json.loads(text)["success"] != "true":
            raise RuntimeError(text)
        now = _now_ms()
        key = (task.namespace, task.id, task.group, task.name, task.version)
        times = (task.due_ms, task.due_ms, "succeeded", 1, began, now, "ok")
        seen = ("answered", "", status, text, 0, 0, now - began, "success", "ok", self._url)
        told = (fire, *key, "scheduled", 0, *times), (fire, 1, NODE, began, now, *seen)
        if not self._gathered:
            self._loop.call_later(GATHERED_S, self._hand_over)
        self._gathered.append((*told, (task.id, fire, now)))
        self._left -= 1
        if not self._left:
            self._hand_over()
            self.over.set_result(None)

    def _hand_over(self) -> None:
        if self._gathered:
            self._ledger.end(self._gathered)
            self._gathered = []


class Caller(asyncio.Protocol):
    """One connection, one exchange at a time."""

    def __init__(self, street: Street) -> None:
        self._street = street

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._street.free.append(self)

    def call(self, request: bytes, task: Task, fire: str) -> None:
        self._task, self._fire, self._began = task, fire, _now_ms()
        self._parser = httptools.HttpResponseParser(self)
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self._text = body.decode()

    def on_message_complete(self) -> None:
        street, status = self._street, self._parser.get_status_code()
        street.settle(self._task, self._fire, self._began, status, self._text)
        street.free.append(self)
        street.send()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


async def burst(database: Path, url: str, size: int, connections: int, rows: str) -> None:
    """All tasks of a database as if they were due; prints seconds and CPU seconds."""
    loop = asyncio.get_running_loop()
    connection = sqlite3.connect(
        database, isolation_level=None, check_same_thread=False, cached_statements=512
    )
    for said in ("journal_mode = WAL", "synchronous = FULL", "temp_store = MEMORY"):
        connection.execute(f"PRAGMA {said}")
    for (index,) in connection.execute(INDEXES).fetchall() if rows != "indexed" else ():
        connection.execute(f"DROP INDEX {index}")
    connection.execute("CREATE TABLE claimed (number INTEGER PRIMARY KEY, ids TEXT)")
    began, cpu = time.perf_counter(), time.process_time()
    found = connection.execute(
        "SELECT id, namespace, grp, name, version, next_fire_at FROM tasks WHERE state = 'active'"
    )
    tasks = [Task(*row) for row in found.fetchall()]
    ledger = Ledger(connection, loop, rows)
    street = Street(ledger, url, size, len(tasks))
    for _ in range(connections):
        await loop.create_connection(lambda: Caller(street), "127.0.0.1", int(street.port))
    for at in range(0, len(tasks), CLAIMED_AT_ONCE):
        some = tasks[at : at + CLAIMED_AT_ONCE]
        await ledger.claim(some)
        street.ready += some
        street.send()
    await street.over
    seconds = time.perf_counter() - began
    ledger.close()
    print(json.dumps({"seconds": seconds, "cpu_seconds": time.process_time() - cpu}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=4_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=int, default=200, help="bytes of data in a body")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--database", type=Path, help="only be the skeleton of this one's tasks")
    parser.add_argument("--url", help="where that sends")
    parser.add_argument("--rows", choices=STORED, default=STORED[0], help="what it writes of each")
    given = parser.parse_args()
    if given.database is None:
        asyncio.run(main(given.tasks, given.rounds, given.size, given.connections))
    else:
        from dispatchserver.eventloop import new_event_loop

        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(burst(given.database, given.url, given.size, given.connections, given.rows))
