"""Fairness to receivers through a real server: who hangs holds up nobody else, and nobody is asked too much."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from dispatchserver.domain.breaker import REST, TROUBLE_LIMIT
from dispatchserver.domain.destination import Allowance
from dispatchserver.domain.egresspolicy import EgressPolicy
from dispatchserver.domain.recall import HttpRecall
from dispatchserver.recalls.http import HttpTarget
from tests.builders import once
from tests.clocks import ManualClock
from tests.engine.works import Works
from tests.houses import sqlite_house
from tests.processes import Server, http, many_files, ms, now, nth_loopback, one_shot, server, until

HANGING, HEALTHY = 1_000, 10
BUSY = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
REPLY = b'HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\n{"success":"true"}'


@dataclass
class Mouth:
    """A raw receiver on every loopback address at once. It reads the head of a request, and then answers as it is told.

    `calls` are the paths in the order in which they came; `most` is how many were open at once.
    """

    port: int = 0
    calls: list[str] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    silent: asyncio.Event = field(default_factory=asyncio.Event)
    open: int = 0
    most: int = 0
    reply: bytes = REPLY

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                await self._answer(head, reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            return  # the caller has hung up
        finally:
            writer.close()

    async def _answer(
        self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        lines = head.decode("latin-1").split("\r\n")
        length = next(line for line in lines if line.lower().startswith("content-length:"))
        await reader.readexactly(int(length.partition(":")[2]))
        self.calls.append(lines[0].split()[1])
        self.times.append(asyncio.get_running_loop().time())
        self.open += 1
        self.most = max(self.most, self.open)
        try:
            if not self.silent.is_set():
                writer.write(self.reply)
                await writer.drain()
            else:
                await reader.read()
        finally:
            self.open -= 1

    def at(self, n: int, path: str = "") -> str:
        """The n-th of many addresses, each a destination of its own."""
        return f"http://{nth_loopback(n)}:{self.port}/{path}"

    async def called(self, count: int) -> list[str]:
        """Waits for so many calls; answers them all."""

        async def look() -> list[str]:
            return self.calls if len(self.calls) >= count else []

        return list(await until(look))


@asynccontextmanager
async def mouth(*, silent: bool = False) -> AsyncIterator[Mouth]:
    """A mouth that listens while the block runs."""
    told = Mouth()
    if silent:
        told.silent.set()
    tasks: set[asyncio.Task[None]] = set()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        await told.take(reader, writer)

    listening = await asyncio.start_server(take, "0.0.0.0", 0, backlog=2_000)
    told.port = listening.sockets[0].getsockname()[1]
    try:
        yield told
    finally:
        listening.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture(autouse=True)
def _many_files() -> Iterator[None]:
    with many_files():
        yield


async def add_all(running: Server, tasks: list[tuple[dict[str, Any], str]]) -> None:
    """Adds many at once: this many at a time, as a busy application does."""
    gate = asyncio.Semaphore(50)

    async def add(task: dict[str, Any], url: str) -> None:
        async with gate:
            reply = await running.api.add(task, http(url))
            assert reply["success"] is True, reply

    await asyncio.gather(*(add(task, url) for task, url in tasks))


async def limit(running: Server, name: str, **limits: Any) -> dict[str, Any]:
    async with running.api.session.put(f"/api/v1/destinations/{name}", json=limits) as reply:
        assert reply.status == 200, await reply.text()
        return await reply.json()


async def standing(running: Server, name: str) -> dict[str, Any]:
    return await running.api.get(f"/destinations/{name}")


async def test_a_thousand_hanging_receivers_hold_up_no_healthy_one(tmp_path: Path) -> None:
    async with (
        mouth(silent=True) as hanging,
        mouth() as healthy,
        server(tmp_path, "--drain-timeout", "0") as running,
    ):
        hangs = [
            (one_shot(f"hangs{n}", priority=9), hanging.at(n, f"hangs{n}")) for n in range(HANGING)
        ]
        await add_all(running, hangs)
        await hanging.called(HANGING)
        assert len(set(hanging.calls)) == hanging.open == HANGING
        well = [(one_shot(f"well{n}"), healthy.at(n, f"well{n}")) for n in range(HEALTHY)]
        await add_all(running, well)
        assert set(await healthy.called(HEALTHY)) == {f"/well{n}" for n in range(HEALTHY)}
        for n in range(HEALTHY):
            await running.api.fires(f"well{n}", "succeeded")
        assert hanging.open == HANGING
        page = await running.api.get("/destinations")
        assert sum(each["in_flight"] for each in page["items"]) == HANGING


async def test_hanging_receivers_that_want_all_slots_leave_some_to_healthy_ones(
    tmp_path: Path,
) -> None:
    async with (
        mouth(silent=True) as hanging,
        mouth() as healthy,
        server(
            tmp_path, "--drain-timeout", "0", "--total-timeout", "300", "--slots", "500"
        ) as running,
    ):
        hangs = [
            (one_shot(f"hangs{n}", priority=9), hanging.at(n % 100, f"hangs{n}"))
            for n in range(600)
        ]
        await add_all(running, hangs)
        await hanging.called(400)
        well = [(one_shot(f"well{n}"), healthy.at(n, f"well{n}")) for n in range(HEALTHY)]
        await add_all(running, well)
        await healthy.called(HEALTHY)
        assert hanging.open == hanging.most
        assert 400 <= hanging.most < 500


async def test_one_hanging_receiver_of_a_thousand_tasks_gets_what_it_may_and_no_more(
    tmp_path: Path,
) -> None:
    async with (
        mouth(silent=True) as hanging,
        mouth() as healthy,
        server(tmp_path, "--drain-timeout", "0") as running,
    ):
        hangs = [
            (one_shot(f"hangs{n}", priority=9), hanging.at(0, f"hangs{n}")) for n in range(HANGING)
        ]
        await add_all(running, hangs)
        await hanging.called(64)
        well = [(one_shot(f"well{n}"), healthy.at(n, f"well{n}")) for n in range(HEALTHY)]
        await add_all(running, well)
        await healthy.called(HEALTHY)
        shown = await standing(running, f"127.1.0.1:{hanging.port}")
        assert (shown["in_flight"], shown["waiting"], shown["hindrance"]) == (64, 936, "full")
        assert (hanging.open, hanging.most) == (64, 64)


@pytest.mark.parametrize("slots", [1, 3])
async def test_what_waits_for_a_receiver_goes_by_priority(tmp_path: Path, slots: int) -> None:
    async with mouth() as receiver, server(tmp_path) as running:
        name = f"127.1.0.1:{receiver.port}"
        await limit(running, name, slots=slots, paused=True)
        start = ms(now())
        order = [(n * 7) % 30 for n in range(30)]
        tasks = [
            (one_shot(f"t{n}", priority=n) | {"startDate": start}, receiver.at(0, str(n)))
            for n in order
        ]
        await add_all(running, tasks)

        async def all_wait() -> bool:
            return (await standing(running, name))["waiting"] == len(order)

        await until(all_wait)
        await limit(running, name, slots=slots)
        called = [int(path[1:]) for path in await receiver.called(len(order))]
        assert receiver.most <= slots
        for place, priority in enumerate(called):
            # those in flight together may overtake each other on their way
            assert abs((len(order) - 1 - place) - priority) < slots, called


async def test_a_rate_stays_a_rate(tmp_path: Path) -> None:
    async with mouth() as receiver, server(tmp_path) as running:
        await limit(running, f"127.1.0.1:{receiver.port}", rate="20/s", burst=5)
        begun = asyncio.get_running_loop().time()
        await add_all(running, [(one_shot(f"t{n}"), receiver.at(0, str(n))) for n in range(60)])
        await receiver.called(60)
    for earlier, at in enumerate(receiver.times):
        # a call may be late for many reasons, but never early; the clocks of the two processes tick in milliseconds
        assert at - begun >= (earlier + 1 - 5) / 20 - 0.05, receiver.times


async def test_a_receiver_whose_circuit_was_closed_by_hand_is_called_at_once(
    tmp_path: Path,
) -> None:
    async with mouth() as receiver, server(tmp_path) as running:
        name = f"127.1.0.1:{receiver.port}"
        receiver.reply = BUSY
        await limit(running, name, slots=1)
        await add_all(running, [(one_shot(f"t{n}"), receiver.at(0, str(n))) for n in range(25)])

        async def opened() -> bool:
            shown = await standing(running, name)
            return (shown["breaker"]["state"], shown["waiting"]) == ("open", 5)

        await until(opened)
        shown = await standing(running, name)
        assert (shown["breaker"]["failures"], shown["last_failure"]["status"]) == (20, 503)
        assert len(receiver.calls) == 20
        receiver.reply = REPLY
        async with running.api.session.post(f"/api/v1/destinations/{name}/reset") as reply:
            assert (await reply.json())["breaker"]["state"] == "closed"
        await receiver.called(25)
        await running.api.settled()
        shown = await standing(running, name)
        assert (shown["breaker"]["failures"], shown["waiting"]) == (0, 0)


@pytest.fixture
async def works(tmp_path: Path) -> AsyncIterator[Works]:
    """An engine that calls over real sockets, by a clock that is moved by hand."""
    target = HttpTarget(EgressPolicy(loopback=True))
    async with sqlite_house(tmp_path) as house:
        works = Works(house, ManualClock())
        works.receiver = target
        works.hire(50)
        yield works
        await target.close()


async def test_a_circuit_opens_probes_and_closes_again(works: Works) -> None:
    async with mouth() as receiver:
        receiver.reply = BUSY
        for n in range(TROUBLE_LIMIT + 5):
            await works.add(f"t{n:02}", once(), recall=HttpRecall(url=receiver.at(0, str(n))))
        works.engine.destinations.allow(
            f"127.1.0.1:{receiver.port}", Allowance(slots=5), works.clock.now()
        )
        await works.turns(TROUBLE_LIMIT // 5 + 2, 0)
        assert len(receiver.calls) == TROUBLE_LIMIT
        await works.turn(REST.total_seconds())  # the probe meets trouble again
        await works.turns(3, 0)
        assert len(receiver.calls) == TROUBLE_LIMIT + 1
        receiver.reply = REPLY
        await works.turn(REST.total_seconds() - 1)
        assert len(receiver.calls) == TROUBLE_LIMIT + 1
        await works.turn(1)
        assert len(receiver.calls) == TROUBLE_LIMIT + 2
        await works.turn()
        assert len(receiver.calls) == TROUBLE_LIMIT + 5
        states = Counter(str(fire.state) for fire in await works.house.fires())
        assert states == {"failed": TROUBLE_LIMIT + 1, "succeeded": 4}


async def test_what_was_set_holds_over_a_restart(tmp_path: Path) -> None:
    async with mouth() as receiver:
        name = f"127.1.0.1:{receiver.port}"
        async with server(tmp_path) as running:
            await limit(running, name, paused=True, slots=7)
            await add_all(running, [(one_shot("waits"), receiver.at(0))])
        async with server(tmp_path) as again:

            async def waits() -> bool:
                return (await standing(again, name))["waiting"] == 1

            await until(waits)
            shown = await standing(again, name)
            assert (shown["slots"], shown["hindrance"], receiver.calls) == (7, "paused", [])
            await limit(again, name)
            await receiver.called(1)
