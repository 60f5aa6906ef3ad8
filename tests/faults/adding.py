"""A server on a disk of ours, with applications that add tasks to it, and what they were answered."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from tests.processes import Api, Process, Server, http, one_shot

NOWHERE = http("http://127.0.0.1:9")
FAR_S = 3600


class NotUp(Exception):
    """A server that ended instead of starting."""

    def __init__(self, code: int, said: str) -> None:
        super().__init__(f"exit {code}: {said}")
        self.code = code


@asynccontextmanager
async def up(
    folder: Path, database: Path, *flags: str, module: tuple[str, ...] = (), **environment: str
) -> AsyncIterator[Server]:
    """A ready server; `module` starts another one than ours, with its arguments before ours."""
    name, *before = module or ("dispatchserver",)
    url = f"sqlite:///{database}"
    flags = ("serve", "--port", "0", "--database-url", url, "--drain-timeout", "1", *flags)
    running = await Process.start(folder, *before, *flags, module=name, **environment)
    try:
        where = (await running.line()).strip().rpartition(" ")[2]
        if not where.startswith("http://"):
            raise NotUp(await running.ended(), running.said())
        async with aiohttp.ClientSession(where) as session:
            yield Server(running, where, Api(session))
    finally:
        if running.child.returncode is None:
            await running.kill()


@dataclass
class Adding:
    """Adds tasks, one after the other, and writes down what became of each."""

    api: Api
    prefix: str
    in_s: float = FAR_S
    recall: dict[str, Any] = field(default_factory=lambda: NOWHERE)
    asked: list[str] = field(default_factory=list)
    stored: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    slowest_s: float = 0

    async def run(self, pause_s: float = 0) -> None:
        """Until it is called off, or the server is gone."""
        with suppress(aiohttp.ClientError):
            while True:
                await self.add()
                await asyncio.sleep(pause_s)

    async def add(self) -> dict[str, Any]:
        """One task; what the server answered."""
        name = f"{self.prefix}{len(self.asked)}"
        self.asked.append(name)
        began = time.monotonic()
        reply = await self.api.add(one_shot(name, self.in_s), self.recall)
        self.slowest_s = max(self.slowest_s, time.monotonic() - began)
        (self.stored if reply["success"] else self.refused).append(name)
        return reply


@asynccontextmanager
async def adders(
    api: Api, prefix: str, count: int = 8, pause_s: float = 0, **more: Any
) -> AsyncIterator[list[Adding]]:
    """Applications at work while the block runs."""
    working = [Adding(api, f"{prefix}-{n}-", **more) for n in range(count)]
    tasks = [asyncio.create_task(one.run(pause_s)) for one in working]
    try:
        yield working
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def stored(working: Iterable[Adding]) -> set[str]:
    """What was acknowledged."""
    return {name for one in working for name in one.stored}


def asked(working: Iterable[Adding]) -> set[str]:
    """What may be there."""
    return {name for one in working for name in one.asked}


def refused(working: Iterable[Adding]) -> set[str]:
    """What was told not to be stored."""
    return {name for one in working for name in one.refused}


async def names(api: Api) -> set[str]:
    """The tasks that a server has."""
    return {task["name"] for task in await api.all("/tasks")}


def is_sound(database: Path) -> bool:
    """Whether every page of it is right."""
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


async def metric(api: Api, name: str) -> float:
    """One figure of /metrics."""
    async with api.session.get("/metrics") as reply:
        lines = (await reply.text()).splitlines()
    (value,) = [line.split()[-1] for line in lines if line.split(" ")[0] == name]
    return float(value)


async def ready(api: Api) -> tuple[int, str]:
    """What /readyz says."""
    async with api.session.get("/readyz") as reply:
        return reply.status, await reply.text()
