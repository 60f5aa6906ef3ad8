"""One real server, a street of healthy neighbours that it calls every second, and whoever misbehaves among them.

What a receiver or a caller does to the server must cost nobody else anything: `watch` holds that, before and after.
"""

import asyncio
import json
import math
import os
import re
import ssl
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from tests.faults.card import is_long
from tests.processes import (
    FINAL,
    Api,
    Process,
    Sink,
    each_second,
    http,
    ms,
    now,
    nth_loopback,
    one_shot,
    server,
    sink,
    until,
)
from tests.recalls.manners import talking

MB = 1024 * 1024
NEIGHBOURS = 10
CALLERS = 4  # so many connections of ours at once
SPARE_FILES = 4
BUSY = os.getloadavg()[0] > (os.cpu_count() or 1)
# Beside other work on few cores no figure of time means much: a machine may stand still for seconds.
LATE_S = (2.0 if BUSY else 0.5) if is_long() else 5.0
PROBE_S = 0.1
NO_RETRY = {"retry": {"max": 0}}


@dataclass(frozen=True)
class Vitals:
    """What a process holds: memory in bytes, now and at most since `forget_peak`; open files."""

    rss: int
    peak: int
    files: int


def vitals(pid: int) -> Vitals:
    status = Path(f"/proc/{pid}/status").read_text()
    rss, peak = (re.search(rf"{name}:\s+(\d+) kB", status) for name in ("VmRSS", "VmHWM"))
    assert rss and peak, "it has ended"
    return Vitals(int(rss[1]) * 1024, int(peak[1]) * 1024, len(os.listdir(f"/proc/{pid}/fd")))


def forget_peak(pid: int) -> None:
    """The most memory in use counts from now on."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


@dataclass
class Peer:
    """A receiver with bad manners, on every loopback address: what it heard, and how often it was connected to."""

    port: int = 0
    heard: list[Any] = field(default_factory=list)
    connects: int = 0

    def url(self, n: int = 0, path: str = "x", scheme: str = "http") -> str:
        """Of the n-th address: a destination of its own, so that no circuit opens."""
        return f"{scheme}://{nth_loopback(n)}:{self.port}/{path}"


@asynccontextmanager
async def peer(talk: Any, tls: ssl.SSLContext | None = None, **options: Any) -> AsyncIterator[Peer]:
    """A receiver that talks so, while the block runs; see tests/recalls/manners.py."""
    here = Peer()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        here.connects += 1
        await talk(reader, writer, here.heard)

    async with talking(take, "0.0.0.0", backlog=2_000, ssl=tls, **options) as port:
        here.port = port
        yield here


@dataclass
class Seen:
    """What `watch` saw: how late the neighbours were called and how long the doors took at worst, in seconds."""

    before: Vitals
    grown: int = 0
    peak: int = 0
    files: int = 0
    late: float = 0
    slowest: float = 0
    stall: float = 0  # how late we ourselves were at worst, which this machine owes to others

    def __str__(self) -> str:
        grown, peak = (f"{max(0, size) / MB:+.1f} MB" for size in (self.grown, self.peak))
        return f"{grown} (at most {peak}), {self.files:+d} files; neighbours {self.late * 1000:.0f} ms late, doors {self.slowest * 1000:.0f} ms"


@dataclass
class Street:
    """The server and its neighbours."""

    process: Process
    api: Api
    url: str
    neighbour: Sink
    asked: int = 0
    files: int = sys.maxsize  # the fewest that the server ever had open

    @property
    def vitals(self) -> Vitals:
        return vitals(self.process.child.pid)

    async def settle_in(self) -> None:
        """The neighbours, a tenth of a second apart."""
        for n in range(NEIGHBOURS):
            start = ms(now()) + n * 1000 // NEIGHBOURS
            task = each_second(f"neighbour{n}") | {"startDate": start, "groupCode": "neighbours"}
            reply = await self.api.add(task, http(self.neighbour.url))
            assert reply["success"] is True, reply
        await until(self._all_called)

    async def _all_called(self) -> bool:
        return len({arrival.name for arrival in self.neighbour.arrivals}) == NEIGHBOURS

    async def call(
        self, recalls: Sequence[dict[str, Any]], **policies: Any
    ) -> list[dict[str, Any]]:
        """Adds a task for each of these recalls, due now; answers the histories of their fires, once all have ended."""
        group = await self.ask(recalls, **policies)
        fires = await self.ended(group, len(recalls))
        return list(await asyncio.gather(*(self.api.get(f"/fires/{fire['id']}") for fire in fires)))

    async def ask(self, recalls: Sequence[dict[str, Any]], in_s: float = 0, **policies: Any) -> str:
        """Adds the tasks in a group of their own; answers its name."""
        self.asked += 1
        group, said = f"g{self.asked}", NO_RETRY | policies

        async def add(n: int, recall: dict[str, Any]) -> None:
            task = one_shot(f"t{n}", in_s, groupCode=group, policies=said)
            reply = await self.api.add(task, recall)
            assert reply["success"] is True, reply

        await asyncio.gather(*(add(n, recall) for n, recall in enumerate(recalls)))
        return group

    async def ended(self, group: str, count: int) -> list[dict[str, Any]]:
        """A group's fires, once so many have ended."""

        async def look() -> list[dict[str, Any]]:
            await asyncio.sleep(0.05)
            fires = await self.fires(group)
            over = len(fires) >= count and all(fire["state"] in FINAL for fire in fires)
            return fires if over else []

        fires = await until(look)
        return list(await asyncio.gather(*(self.api.get(f"/fires/{fire['id']}") for fire in fires)))

    async def fires(self, group: str) -> list[dict[str, Any]]:
        return await self.api.all("/fires", group=group)

    async def free(self) -> None:
        """Waits until no slot is taken: that of a neighbour is so for a moment only."""

        async def look() -> bool:
            async with self.api.session.get("/metrics") as reply:
                return "dispatch_in_flight 0.0" in await reply.text()

        await until(look)

    @asynccontextmanager
    async def watch(self, grown_mb: float = 5, peak_mb: float = 15) -> AsyncIterator[Seen]:
        """What happens in the block takes no slot for ever, no file, so much memory at most, and nobody else's time."""
        forget_peak(self.process.child.pid)
        since, seen = len(self.neighbour.arrivals), Seen(self.vitals)
        self.files = min(self.files, seen.before.files)
        probing = asyncio.create_task(self._probe(seen))
        try:
            yield seen
            await self.flat(seen)
            await self._called_since(since)
        finally:
            probing.cancel()
        (failed,) = await asyncio.gather(probing, return_exceptions=True)
        assert isinstance(failed, asyncio.CancelledError), failed
        late = [(one.at - one.due).total_seconds() for one in self.neighbour.arrivals[since:]]
        seen.late = percentile(late)
        spare = 2 * seen.stall
        assert seen.late < LATE_S + spare, f"neighbours were late: {sorted(late)[-10:]}"
        assert seen.slowest < 2 * LATE_S + spare, f"the doors took {seen.slowest:.2f} s"
        assert seen.grown < grown_mb * MB and seen.peak < peak_mb * MB, str(seen)

    async def flat(self, seen: Seen) -> None:
        """Waits until no slot is taken, and the files are as many as before: connections are kept for some seconds."""
        await self.free()
        before = seen.before

        async def look() -> bool:
            after = self.vitals
            seen.grown, seen.peak = after.rss - before.rss, after.peak - before.rss
            seen.files = after.files - self.files
            return seen.files <= SPARE_FILES

        try:
            await until(look)
        except TimeoutError:
            raise AssertionError(f"files stay open: {seen}") from None

    async def _called_since(self, since: int) -> None:
        """Some of the neighbours at least: else nothing could be said of how late they were."""

        async def look() -> bool:
            return len(self.neighbour.arrivals) >= since + NEIGHBOURS // 2

        await until(look)

    async def _probe(self, seen: Seen) -> None:
        clock = asyncio.get_running_loop().time
        async with aiohttp.ClientSession(
            self.url
        ) as session:  # a connection that nobody else waits for
            while True:
                began = clock()
                async with session.get("/readyz") as reply:
                    assert reply.status == 200, await reply.text()
                answered = clock()
                seen.slowest = max(seen.slowest, answered - began)
                await asyncio.sleep(PROBE_S)
                seen.stall = max(seen.stall, clock() - answered - PROBE_S)


def percentile(values: Sequence[float], part: float = 0.99) -> float:
    """The smallest value that this part of them does not exceed; 0 of none."""
    return sorted(values)[math.ceil(len(values) * part) - 1] if values else 0.0


@asynccontextmanager
async def street(
    folder: Path, *flags: str, module: str = "dispatchserver", **environment: str
) -> AsyncIterator[Street]:
    """A server whose neighbours have been called; nothing of it outlives the block."""
    flags = ("--drain-timeout", "0", *flags)
    # none of ours is kept: it would count among the server's files at one look, and have ended by the next
    connector = aiohttp.TCPConnector(limit=CALLERS, force_close=True)
    async with (
        sink() as neighbour,
        server(folder, *flags, module=module, **environment) as running,
        aiohttp.ClientSession(running.url, connector=connector) as session,
    ):
        here = Street(running.process, Api(session), running.url, neighbour)
        await here.settle_in()
        yield here
        assert here.process.child.returncode is None, here.process.said()


def recall_of(recall: Any) -> dict[str, Any]:
    """A recallConfig of the domain's recall."""
    if recall.kind == "HTTP":
        return http(recall.url, recall.data)
    option = {
        "host": recall.host,
        "port": recall.port,
        "framing": recall.framing,
        "ack": recall.ack,
    }
    return {"recallType": "SOCKET", "option": json.loads(json.dumps(option)), "data": recall.data}
