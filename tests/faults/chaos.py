"""A bad net: a TCP proxy before an honest receiver, which passes on, or does one of the things that nets do."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.recalls.manners import reset

Mode = Literal[
    "pass", "refuse", "rst", "blackhole", "half_up", "rst_mid", "corrupt", "delay", "rate"
]
DELAY_S = 0.3
PIECE, PIECE_S = 100, 0.02  # of `rate`: 5 kB a second
CUT = 20  # so much of a reply passes before `rst_mid` cuts it


@dataclass
class Proxy:
    """Passes on what comes to `port`, in the mode of the moment, which also holds for what is open already.

    refuse: nobody listens. rst: reset on accept, and instead of replies. blackhole: accepted, and nothing
    passes. half_up: requests pass, replies do not. rst_mid: cuts replies in the middle. corrupt: turns the bits of
    replies. delay, rate: all passes, late or slowly.
    """

    to: int
    port: int = 0
    mode: Mode = "pass"
    taken: int = 0
    _listening: asyncio.Server | None = None
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set)

    async def become(self, mode: Mode) -> None:
        """From now on in this mode."""
        self.mode = mode
        if mode == "refuse":
            await self._shut()
        else:
            await self._open()

    async def _open(self) -> None:
        if self._listening is None:
            self._listening = await asyncio.start_server(
                self._take, "0.0.0.0", self.port, backlog=1_000
            )
            self.port = self._listening.sockets[0].getsockname()[1]

    async def _shut(self) -> None:
        if self._listening is not None:
            self._listening.close()
            self._listening = None
        ending = list(self._tasks)
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.taken += 1
        with suppress(OSError, asyncio.CancelledError):
            if self.mode == "rst":
                reset(writer)
            else:
                await self._pass_on(reader, writer)
        writer.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, here = await asyncio.open_connection("127.0.0.1", self.to)
        up = asyncio.create_task(self._carry(reader, here, up=True))
        down = asyncio.create_task(self._carry(there, writer, up=False))
        try:
            await asyncio.wait((up, down), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in (up, down):
                way.cancel()
            await asyncio.gather(up, down, return_exceptions=True)
            here.transport.abort()

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, up: bool
    ) -> None:
        while data := await reader.read(65_536):
            if self.mode == "blackhole" or (self.mode == "half_up" and not up):
                continue
            if self.mode in ("rst", "rst_mid") and not up:
                writer.write(data[: CUT if self.mode == "rst_mid" else 0])
                await asyncio.sleep(0.01)  # so that what was written is read before the reset
                reset(writer)
                return
            if self.mode == "corrupt" and not up:
                data = bytes(byte ^ 0x55 for byte in data)
            if self.mode == "delay":
                await asyncio.sleep(DELAY_S)
            await self._write(writer, data)

    async def _write(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        if self.mode != "rate":
            writer.write(data)
            await writer.drain()
            return
        for at in range(0, len(data), PIECE):
            writer.write(data[at : at + PIECE])
            await writer.drain()
            await asyncio.sleep(PIECE_S)


@asynccontextmanager
async def bad_net(to: int, mode: Mode = "pass") -> AsyncIterator[Proxy]:
    """A proxy before this port, while the block runs."""
    proxy = Proxy(to)
    await proxy.become("pass")
    await proxy.become(mode)
    try:
        yield proxy
    finally:
        await proxy.become("refuse")


def free_port() -> int:
    """A port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        return closed.getsockname()[1]
