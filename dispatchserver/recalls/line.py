"""A plain TCP connection for one message and one reply: what asyncio's streams do, at less cost."""

import asyncio
import socket
from typing import cast

MOST_HELD = 64 * 1024


class Line(asyncio.Protocol):
    """Holds a bounded part of what came and nobody has taken; what comes beyond waits at its sender."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._came = bytearray()
        self._ended = self._lost = False
        self._error: Exception | None = None
        self._full = self._paused = False
        self._waiter: asyncio.Future[None] | None = None

    async def send(self, data: bytes) -> None:
        """Returns when the system has taken all of it; raises OSError where the connection ends before."""
        transport = self._open()
        transport.set_write_buffer_limits(high=0)
        transport.write(data)
        while self._full and not self._lost:
            await self._something()
        self._open()

    def end(self) -> None:
        """Ends our half of it."""
        self._open().write_eof()

    async def receive(self, most: int) -> bytes:
        """What has come; empty where the other side has ended in order. Raises OSError where it did not."""
        while not self._came and not self._ended and not self._lost:
            await self._something()
        if not self._came and self._lost:
            self._open()
        part = bytes(self._came[:most])
        del self._came[:most]
        if self._paused and not self._came and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
        return part

    @property
    def socket(self) -> socket.socket:
        """What the system knows of it; raises OSError where it is gone."""
        return cast("socket.socket", self._open().get_extra_info("socket"))

    def abort(self) -> None:
        """Ends it at once, whatever is still to be sent or read."""
        if self._transport is not None:
            self._transport.abort()

    def _open(self) -> asyncio.Transport:
        if self._transport is None:
            raise self._error or ConnectionResetError("the connection is gone")
        return self._transport

    async def _something(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # asyncio calls these

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._came += data
        if len(self._came) > MOST_HELD and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> bool:
        self._ended = True
        self._wake()
        return True  # it stays open, to be asked what of ours has arrived

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        self._wake()

    def connection_lost(self, error: Exception | None) -> None:
        self._transport, self._error, self._lost = None, error, True
        self._wake()
