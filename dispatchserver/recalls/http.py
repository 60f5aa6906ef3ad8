"""Calls back over HTTP: one POST, its reply read with a cap, every failure told as an Outcome."""

import asyncio
import re
import ssl
from collections import deque
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from ipaddress import ip_address

from yarl import URL

from dispatchserver import __version__
from dispatchserver.domain.egresspolicy import USUAL, EgressPolicy
from dispatchserver.domain.fire import Outcome
from dispatchserver.domain.recall import HttpRecall
from dispatchserver.ports import SendOrder
from dispatchserver.recalls import egress
from dispatchserver.recalls.connection import Broken, Connection
from dispatchserver.recalls.http_failures import FAILURES, NotCallable, explain
from dispatchserver.recalls.seen import Seen, now

STALE_WITHIN = 1.0
IDLE_LIMIT = 1_000
USUALLY = {
    "content-type": "application/json; charset=utf-8",
    "user-agent": f"dispatchserver/{__version__}",
}
ODD = re.compile(r"(.*\.)?(0[xX][0-9a-fA-F]*|[0-9]+)\.?")
"""Ends in a number, so it is an address or nothing; some resolvers take 127.1 or 0x7f000001 for one."""
NEVER = frozenset(("host", "content-length", "accept-encoding", "connection", "transfer-encoding"))
PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a URL leads: what is connected to, and how a request there begins."""

    scheme: str
    host: str
    port: int
    peer: str
    head: bytes


class HttpTarget:
    """Never follows a redirect, keeps a cookie, asks a proxy, or unpacks a reply; ends in time whatever comes.

    A kept connection may be closed by the receiver just when it is used again. Such a send, dead within a
    second and without an answer's first byte, is repeated at once on a connection of its own: the same
    attempt, the same fire id.
    """

    def __init__(
        self, policy: EgressPolicy = USUAL, *, keepalive: timedelta = timedelta(seconds=4)
    ) -> None:
        self._guard = egress.Guard(policy, raw=False)
        self._keepalive = keepalive.total_seconds()
        self._kept: dict[tuple[str, str, int], deque[Connection]] = {}
        self._kept_count = 0
        self._sweeping: asyncio.TimerHandle | None = None
        self._tls = ssl.create_default_context()

    async def send(self, order: SendOrder) -> Outcome:
        """POSTs once; see RecallTarget."""
        assert isinstance(order.recall, HttpRecall)
        seen = Seen(peer="?")
        try:
            place = place_of(order.recall.url)
            seen.peer = place.peer
            request = _request(place, order)
            async with asyncio.timeout(order.total_timeout.total_seconds()):
                await self._deliver(place, request, order, seen)
        except FAILURES as error:
            return explain(error, order, seen)
        return seen.answered()

    async def close(self) -> None:
        """Ends the kept connections."""
        if self._sweeping is not None:
            self._sweeping.cancel()
        for connections in self._kept.values():
            for connection in connections:
                connection.abort()
        self._kept.clear()
        self._kept_count = 0

    async def _deliver(self, place: Place, request: bytes, order: SendOrder, seen: Seen) -> None:
        connection = self._take(place)
        if connection is not None:
            seen.reused, seen.connected_at = True, now()
            try:
                await self._exchange(place, connection, request, seen)
                return
            except Broken:
                if not _stale(seen):
                    raise
            seen.reused, seen.connected_at = False, None
        connection = await self._connect(place, order, seen)
        await self._exchange(place, connection, request, seen)

    async def _exchange(
        self, place: Place, connection: Connection, request: bytes, seen: Seen
    ) -> None:
        await connection.exchange(request, seen)
        if connection.usable:
            self._keep(place, connection)

    async def _connect(self, place: Place, order: SendOrder, seen: Seen) -> Connection:
        limit = order.connect_timeout.total_seconds()
        egress.CALLED.set(place.host)
        async with asyncio.timeout(limit):
            seen.resolving = True
            addresses = await egress.resolve(place.host, place.port)
            seen.resolving = False
            sock = await egress.connect(self._guard, addresses, limit)
            secure = place.scheme == "https"
            try:
                _, connection = await asyncio.get_running_loop().create_connection(
                    Connection,
                    sock=sock,
                    ssl=self._tls if secure else None,
                    server_hostname=place.host if secure else None,
                )
            except BaseException:
                sock.close()
                raise
        seen.connected_at = now()
        return connection

    def _take(self, place: Place) -> Connection | None:
        """The connection to there that was used last, if one is kept."""
        connections = self._kept.get((place.scheme, place.host, place.port))
        while connections:
            connection = connections.pop()
            self._kept_count -= 1
            if connection.usable and now() - connection.idle_since < self._keepalive:
                return connection
            connection.abort()
        return None

    def _keep(self, place: Place, connection: Connection) -> None:
        if self._kept_count >= IDLE_LIMIT:
            connection.abort()
            return
        connection.idle_since = now()
        key = (place.scheme, place.host, place.port)
        self._kept.setdefault(key, deque()).append(connection)
        self._kept_count += 1
        if self._sweeping is None:
            loop = asyncio.get_running_loop()
            self._sweeping = loop.call_later(self._keepalive, self._sweep)

    def _sweep(self) -> None:
        """Ends what lay idle too long; looks again while anything is kept."""
        self._sweeping, oldest = None, now() - self._keepalive
        for key, connections in list(self._kept.items()):
            while connections and connections[0].idle_since <= oldest:
                connections.popleft().abort()
                self._kept_count -= 1
            if not connections:
                del self._kept[key]
        if self._kept:
            loop = asyncio.get_running_loop()
            self._sweeping = loop.call_later(self._keepalive, self._sweep)


@lru_cache(maxsize=4_096)
def place_of(url: str) -> Place:
    """Where the URL leads; raises NotCallable."""
    try:
        parts = URL(url)
        host, port = parts.raw_host, parts.port
    except ValueError as error:
        raise NotCallable("?", "not a valid URL") from error
    if not host or port is None:
        raise NotCallable("?", "not a valid URL")
    if ODD.fullmatch(host) and not _is_address(host):
        raise NotCallable(f"{host}:{port}", "not a valid address")
    shown = parts.host_subcomponent or host
    named = shown if parts.is_default_port() else f"{shown}:{port}"
    head = f"POST {parts.raw_path_qs} HTTP/1.1\r\nhost: {named}\r\naccept-encoding: identity\r\n"
    return Place(parts.scheme, host, port, f"{shown}:{port}", head.encode("ascii"))


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _request(place: Place, order: SendOrder) -> bytes:
    """The request as it is sent. The order may say any header but those that frame and pack it."""
    said = {name.lower(): value for name, value in order.headers}
    lines = [f"{name}: {value}" for name, value in USUALLY.items() if name not in said]
    lines += [f"{name}: {value}" for name, value in order.headers if name.lower() not in NEVER]
    text = "\r\n".join(lines)
    if text.count("\n") != len(lines) - 1 or text.count("\r") != len(lines) - 1:
        raise NotCallable(place.peer, "a header holds a line break")
    length = f"\r\ncontent-length: {len(order.body)}\r\n\r\n"
    return place.head + text.encode() + length.encode("ascii") + order.body


def _stale(seen: Seen) -> bool:
    """True where a reused connection died as one does that the receiver had given up while it lay idle.

    A receiver that worked on the request for a while before it died is not called twice.
    """
    return (
        seen.connected_at is not None
        and seen.replied_at is None
        and now() - seen.connected_at < STALE_WITHIN
    )
