"""A way through a proxy to where TLS is spoken: CONNECT, and what the proxy says to it."""

import asyncio
import re
import socket

ANSWER_LIMIT = 8 * 1024
END = b"\r\n\r\n"
STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([0-9]{3})(?: ([ -~]*))?")


class NoTunnel(ConnectionError):
    """The proxy did not lead there."""


async def tunnel(
    loop: asyncio.AbstractEventLoop, sock: socket.socket, request: bytes
) -> asyncio.Transport:
    """The connection to the proxy, once that has led it on to its other end; raises NoTunnel with the proxy's words."""
    transport, answer = await loop.create_connection(lambda: _Answer(loop), sock=sock)
    try:
        transport.write(request)
        _check(await answer.heard)
    except BaseException:
        transport.abort()
        raise
    return transport


class _Answer(asyncio.Protocol):
    """Reads what the proxy says, up to the end of a head."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.heard: asyncio.Future[bytes] = loop.create_future()
        self._came = b""

    def data_received(self, data: bytes) -> None:
        self._came += data
        if not self.heard.done() and (END in self._came or len(self._came) > ANSWER_LIMIT):
            self.heard.set_result(self._came)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.heard.done():
            self.heard.set_exception(NoTunnel("the proxy ended the connection"))


def _check(heard: bytes) -> None:
    """Raises NoTunnel unless the proxy said yes, and nothing else: nobody behind it has been greeted yet."""
    head, end, rest = heard.partition(END)
    line = STATUS_LINE.fullmatch(head.split(b"\r\n")[0])
    if line is None or not end:
        raise NoTunnel("the proxy does not speak HTTP")
    if not line[1].startswith(b"2"):
        words = b" ".join(part for part in line.groups() if part).decode("ascii")
        raise NoTunnel(f"the proxy answered {words}")
    if rest:
        raise NoTunnel("the proxy spoke out of turn")
