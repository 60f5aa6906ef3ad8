"""A forward proxy: it connects to where it is asked to, by CONNECT or by a whole URL, and then passes on whatever comes,
the end and the reset of a connection as well.
"""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from yarl import URL

from dispatchserver.domain.callbackproxy import CallbackProxy

BLOCK = 64 * 1024
HOST = "127.0.0.1"


@dataclass
class Forwarding:
    """Where it listens, and the heads of the requests that came. What it `says` it says instead of leading anywhere.
    Names that end in `.test` it takes for this machine.
    """

    port: int = 0
    asked: list[bytes] = field(default_factory=list)
    says: bytes | None = None

    @property
    def proxy(self) -> CallbackProxy:
        """What a server is told of it."""
        return CallbackProxy(host=HOST, port=self.port)

    @property
    def url(self) -> str:
        """The same as a setting."""
        return f"http://{HOST}:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, from its first request to its end."""
        head = await reader.readuntil(b"\r\n\r\n")
        self.asked.append(head)
        if self.says is not None:
            writer.write(self.says)
            await writer.drain()
            return
        method, target, _ = head.split(b"\r\n")[0].decode().split(" ")
        tunnel = method == "CONNECT"
        there = URL(f"http://{target}" if tunnel else target)
        host = there.host or ""
        try:
            onward, back = await asyncio.open_connection(
                HOST if host.endswith(".test") else host, there.port
            )
        except OSError:
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            return
        if tunnel:
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            back.write(head)
        try:
            await asyncio.gather(_pass_on(reader, back), _pass_on(onward, writer))
        finally:
            back.transport.abort()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while block := await reader.read(BLOCK):
            writer.write(block)
            await writer.drain()
    except ConnectionError:
        sock = writer.get_extra_info("socket")
        with suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
        raise
    if writer.can_write_eof():
        with suppress(OSError):
            writer.write_eof()


@asynccontextmanager
async def forwarding() -> AsyncIterator[Forwarding]:
    """A proxy, while the block runs."""
    found, tasks = Forwarding(), set[asyncio.Task[None]]()

    async def on_connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await found.serve(reader, writer)
        writer.transport.abort()

    listening = await asyncio.start_server(on_connect, HOST, 0)
    found.port = listening.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        listening.close()
        for task in (ending := list(tasks)):
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
