"""Real servers with hooks in them or a world of their own round them, tasks for them, and an account of what came of those."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from tests.processes import FINAL, Api, Arrival, Process, Server, Sink, listening, now, serve

HOOKED = "tests.faults.failpoints"
QUICKLY = {"retry": {"delays": ["100ms"] * 10}}


async def started(
    folder: Path, *flags: str, hooks: str = "", **environment: str
) -> tuple[Process, str]:
    """A server with these hooks, and its URL; empty where it ended before it was ready."""
    arguments = (hooks, *serve(*flags)) if hooks else serve(*flags)
    module = HOOKED if hooks else "dispatchserver"
    process = await Process.start(folder, *arguments, module=module, **environment)
    try:
        return process, (await process.line()).strip().rpartition(" ")[2]
    except BaseException:
        await process.kill()
        raise


@asynccontextmanager
async def up(
    folder: Path, *flags: str, hooks: str = "", **environment: str
) -> AsyncIterator[Server]:
    """A ready server; nothing of it outlives the block."""
    process, url = await started(folder, *flags, hooks=hooks, **environment)
    try:
        assert url.startswith("http://"), process.said()
        async with aiohttp.ClientSession(url) as session:
            yield Server(process, url, Api(session))
    finally:
        if process.child.returncode is None:
            await process.kill()


async def put(
    api: Api, name: str, url: str, trigger: dict[str, Any], **policies: Any
) -> dict[str, Any]:
    """Puts a task by REST; answers what was answered."""
    document = {
        "trigger": trigger,
        "recall": {"kind": "HTTP", "url": url, "data": {"task": name}},
        "policies": policies,
    }
    async with api.session.put(f"/api/v1/tasks/tests/{name}", json=document) as reply:
        told: dict[str, Any] = await reply.json()
        assert reply.status in (200, 201), told
        return told


def every(seconds: float, times: int | None = None, in_s: float = 0.0) -> dict[str, Any]:
    """A trigger that fires so often, or for ever, from a moment on."""
    start = (now() + timedelta(seconds=in_s)).isoformat()
    return {"kind": "simple", "start": start, "interval_s": seconds, "count": times}


def once(in_s: float = 0.0) -> dict[str, Any]:
    """A trigger that fires once."""
    return {"kind": "simple", "start": (now() + timedelta(seconds=in_s)).isoformat()}


@dataclass
class CountingSink(Sink):
    """Also knows how many callbacks were with it at once."""

    in_flight: int = 0
    most: int = 0

    async def take(self, request: web.Request) -> web.Response:
        self.in_flight += 1
        self.most = max(self.most, self.in_flight)
        try:
            return await super().take(request)
        finally:
            self.in_flight -= 1


@asynccontextmanager
async def counting_sink(hold: float = 0) -> AsyncIterator[CountingSink]:
    """One that listens while the block runs."""
    async with listening(CountingSink(hold)) as receiver:
        yield receiver


@dataclass
class Account:
    """What became of tasks that were to fire so often each; the lists name what should not be."""

    lost: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    doubled: int = 0

    @property
    def good(self) -> bool:
        return not self.lost and not self.wrong


async def account(api: Api, receiver: Sink, tasks: Mapping[str, int]) -> Account:
    """Waits until each task has had its fires, and judges them by what the receiver saw."""
    told = Account()
    for name, times in tasks.items():
        try:
            fires = await api.fires(name, *FINAL, count=times)
        except TimeoutError:
            fires = await api.all("/fires", name=name)
        if len(fires) != times:
            told.lost.append(f"{name}: {len(fires)} fires of {times}")
        for fire in fires:
            _judge_fire(fire, receiver.of(name), told)
    known = {name: {fire["id"] for fire in await api.all("/fires", name=name)} for name in tasks}
    told.wrong += [
        f"{arrival.name}: {arrival.fire} is not in the log"
        for arrival in receiver.arrivals
        if arrival.name in tasks and arrival.fire not in known[arrival.name]
    ]
    return told


def _judge_fire(fire: Mapping[str, Any], arrivals: list[Arrival], told: Account) -> None:
    mine = [arrival for arrival in arrivals if arrival.fire == fire["id"]]
    name = f"{fire['name']} due {fire['due_at']}"
    if fire["state"] != "succeeded" or not mine:
        told.lost.append(f"{name}: {fire['state']} ({fire['reason']}), received {len(mine)} times")
    told.doubled += max(0, len(mine) - 1)
    if any(later.attempt <= earlier.attempt for earlier, later in pairwise(mine)):
        told.wrong.append(f"{name}: attempts {[arrival.attempt for arrival in mine]}")
    if any(arrival.at < arrival.due - timedelta(milliseconds=2) for arrival in mine):
        told.wrong.append(f"{name}: early")


def metric(page: str, name: str) -> float:
    """The value of a line of /metrics."""
    return next(
        float(line.split()[-1]) for line in page.splitlines() if line.startswith(f"{name} ")
    )


async def metrics(api: Api) -> str:
    async with api.session.get("/metrics") as reply:
        return await reply.text()


def cpu_s(pid: int) -> float:
    """The processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def by_name(arrivals: list[Arrival]) -> dict[str, list[Arrival]]:
    found: dict[str, list[Arrival]] = defaultdict(list)
    for arrival in arrivals:
        found[arrival.name].append(arrival)
    return found


async def all_of(*works: Any, at_once: int = 3) -> list[Any]:
    """Their results, so many at a time."""
    places = asyncio.Semaphore(at_once)

    async def one(work: Any) -> Any:
        async with places:
            return await work

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(work)) for work in works]
    return [task.result() for task in tasks]
