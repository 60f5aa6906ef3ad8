"""Connections that come in: how many at once, of whom, and how long one may take to say what it wants."""

import asyncio
import logging
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from fcntl import ioctl
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from termios import TIOCOUTQ
from typing import cast

from aiohttp import web
from aiohttp.typedefs import Handler

from dispatchserver.auth.headers import finish_refusal
from dispatchserver.auth.proxies import Networks, is_within, peer_address
from dispatchserver.domain.egress import Address

KEEP_ALIVE_S = 75
HEAD_TIMEOUT_S = 10.0
LINGER_S = 2.0
"""How long what is left of a refused body is read and thrown away, so that the refusal is not lost by a reset."""
TAKEN_WITHIN_S = 30.0
TAKEN_AT_LEAST = 32 * 1024
"""So many bytes of what is ready for a caller have to be taken in that time, or all that is left."""
BACKLOG = 512
TELL_EVERY_S = 60.0
SITE_BITS = 64
NOWHERE = IPv4Address(0)
LOOPBACK: Networks = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n"
    b"Content-Length: 0\r\nConnection: close\r\n\r\n"
)

log = logging.getLogger(__name__)


class Doorkeeper:
    """Lets in at most `most` connections, and `most_of_one` of one address; says of the others once a minute.

    Addresses in `exempt` have no limit of their own: behind a proxy on this machine everybody has the same.
    """

    def __init__(self, most: int, most_of_one: int, exempt: Networks = LOOPBACK) -> None:
        self._most = most
        self._most_of_one = most_of_one
        self._exempt = exempt
        self._open: Counter[Address] = Counter()
        self._count = 0
        self._turned_away = 0
        self._told_at = float("-inf")

    def enter(self, peer: str, now: float) -> Address | None:
        """What to give back on leaving; None where there is no room. `now` is in seconds of any clock."""
        key = _site(peer)
        full = self._count >= self._most
        crowded = self._open[key] >= self._most_of_one and not is_within(key, self._exempt)
        if full or crowded:
            self._turn_away("all" if full else "of one address", peer, now)
            return None
        self._count += 1
        self._open[key] += 1
        return key

    def leave(self, key: Address) -> None:
        """Makes room again."""
        self._count -= 1
        self._open[key] -= 1
        if not self._open[key]:
            del self._open[key]

    def _turn_away(self, limit: str, peer: str, now: float) -> None:
        self._turned_away += 1
        if now - self._told_at >= TELL_EVERY_S:
            log.warning(
                "connections.full",
                extra={"limit": limit, "peer": peer, "turned_away": self._turned_away},
            )
            self._turned_away, self._told_at = 0, now


def _site(peer: str) -> Address:
    """Whose connection it is: an IPv6 site has 2^64 addresses, which all are its own."""
    address = peer_address(peer)
    if isinstance(address, IPv6Address) and not address.is_loopback:
        return IPv6Address(int(address) >> SITE_BITS << SITE_BITS)
    return address or NOWHERE


class Caller(web.RequestHandler):
    """One connection. Turned away at once where there is no room; cut off where no request's head comes in time, or where
    nobody takes the replies.

    Only the first head has that limit of its own: from then on the keep-alive time bounds every one.
    """

    __slots__ = ("_doorkeeper", "_head_timer", "_key", "_taken_timer", "_wire")

    def __init__(self, server: web.Server, doorkeeper: Doorkeeper) -> None:
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=KEEP_ALIVE_S,
            lingering_time=LINGER_S,
            auto_decompress=False,  # see intake.unpack
            access_log=None,  # type: ignore[arg-type]  # aiohttp's way to say that there is none
        )
        self._doorkeeper = doorkeeper
        self._key: Address | None = None
        self._head_timer: asyncio.TimerHandle | None = None
        self._taken_timer: asyncio.TimerHandle | None = None
        self._wire: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast("asyncio.Transport", transport)  # uvloop's is one by its manners only
        name = transport.get_extra_info("peername")
        peer = str(name[0]) if name else ""
        self._key = self._doorkeeper.enter(peer, self._loop.time())
        if self._key is None:  # aiohttp never hears of it
            transport.write(FULL)
            transport.close()
            return
        self._head_timer = self._loop.call_later(HEAD_TIMEOUT_S, self.force_close)
        self._wire = transport
        transport.set_write_buffer_limits(high=0)  # whatever is not taken at once is told to us
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        if self._key is None:
            return
        self.head_came()
        self._all_taken()
        self._wire = None
        self._doorkeeper.leave(self._key)
        self._key = None
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._wait_for_taking()

    def resume_writing(self) -> None:
        self._all_taken()
        super().resume_writing()

    def _wait_for_taking(self) -> None:
        if self._wire is not None:
            look = self._look_what_is_left
            self._taken_timer = self._loop.call_later(TAKEN_WITHIN_S, look, _left(self._wire))

    def _look_what_is_left(self, before: int) -> None:
        if self._wire is not None:
            if before - _left(self._wire) < TAKEN_AT_LEAST:
                self._wire.abort()
            else:
                self._wait_for_taking()

    def _all_taken(self) -> None:
        if self._taken_timer is not None:
            self._taken_timer.cancel()
            self._taken_timer = None

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        return finish_refusal(super().handle_error(request, status, exc, message))

    def head_came(self) -> None:
        """A whole head is there: from now on the request's own limits hold."""
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


def _left(wire: asyncio.Transport) -> int:
    """How many bytes the other side has not taken: ours, and those that the system holds, where it tells: it takes some
    from us only when a third of what it holds, perhaps a megabyte, is gone.
    """
    held = bytearray(4)
    with suppress(OSError):
        ioctl(wire.get_extra_info("socket").fileno(), TIOCOUTQ, held)
    return wire.get_write_buffer_size() + int.from_bytes(held, sys.byteorder)


@web.middleware
async def heads(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Stops the time of the head, which is what runs until a handler is called."""
    if isinstance(request.protocol, Caller):
        request.protocol.head_came()
    return await handler(request)


class Listener:
    """The sockets that the server listens on: bound first, so that their addresses are known, and served later."""

    def __init__(self, sockets: asyncio.Server, use: Callable[[web.Server], None]) -> None:
        self._sockets = sockets
        self._use = use

    @property
    def addresses(self) -> Sequence[tuple[Address, int]]:
        """Every address and port that is listened on; a wildcard stands for all of this machine."""
        names = (bound.getsockname() for bound in self._sockets.sockets)
        return [(ip_address(name[0].partition("%")[0]), name[1]) for name in names]

    async def serve(self, server: web.Server) -> None:
        """Lets connections in, for this server to answer."""
        self._use(server)
        await self._sockets.start_serving()

    def close(self) -> None:
        """Lets nobody in any more; who is inside stays."""
        self._sockets.close()


@asynccontextmanager
async def listening(host: str, port: int, doorkeeper: Doorkeeper) -> AsyncIterator[Listener]:
    """Takes the addresses for as long as the block runs; raises OSError. Nobody is let in before `serve`."""
    served: list[web.Server] = []
    sockets = await asyncio.get_running_loop().create_server(
        lambda: Caller(served[0], doorkeeper),
        host,
        port,
        backlog=BACKLOG,
        start_serving=False,
    )
    try:
        yield Listener(sockets, served.append)
    finally:
        sockets.close()
