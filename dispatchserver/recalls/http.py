"""Calls back over HTTP: one POST, its reply read with a cap, every failure told as an Outcome."""

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Iterable
from datetime import timedelta
from functools import cached_property

from dispatchserver import __version__
from dispatchserver.domain.authorization import Header
from dispatchserver.domain.callbackproxy import CallbackProxy
from dispatchserver.domain.egresspolicy import USUAL, EgressPolicy
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.fire import Outcome, Reason
from dispatchserver.domain.recall import HttpRecall
from dispatchserver.messages import say
from dispatchserver.ports import SendOrder
from dispatchserver.recalls import egress
from dispatchserver.recalls.alarm import Alarm
from dispatchserver.recalls.clientcert import client_context, usual_context
from dispatchserver.recalls.connection import Broken, Connection
from dispatchserver.recalls.http_failures import FAILURES, NotCallable, explain
from dispatchserver.recalls.places import Place, place_of
from dispatchserver.recalls.resolving import Resolver
from dispatchserver.recalls.seen import Seen, Step
from dispatchserver.recalls.tunnel import tunnel

STALE_WITHIN = 1.0
IDLE_LIMIT = 1_000
WANTS_ANOTHER_NAME = 407
"""A proxy's own answer to who asks; what asked has gone no further."""
USUALLY = {
    "content-type": "content-type: application/json; charset=utf-8",
    "user-agent": f"user-agent: dispatchserver/{__version__}",
}
NEVER = frozenset(("host", "content-length", "accept-encoding", "connection", "transfer-encoding"))
Key = tuple[str, str, int, ssl.SSLContext | None]
"""What kept connections are shared by: the scheme, the host, the port, and how TLS is spoken there."""


class HttpTarget:
    """Never follows a redirect, keeps a cookie, or unpacks a reply; ends in time whatever comes, also through a proxy.

    A kept connection may be closed by the receiver just when it is used again. Such a send, dead within a
    second and without an answer's first byte, is repeated at once on a connection of its own: the same
    attempt, the same fire id.
    """

    def __init__(
        self,
        policy: EgressPolicy = USUAL,
        resolver: Resolver | None = None,
        proxy: CallbackProxy | None = None,
        *,
        keepalive: timedelta = timedelta(seconds=4),
    ) -> None:
        self._guard = egress.Guard(policy, raw=False)
        self._proxy = proxy
        self._resolver = resolver or Resolver()
        self._keepalive = keepalive.total_seconds()
        self._kept: dict[Key, deque[Connection]] = {}
        self._kept_count = 0
        self._sweeping: asyncio.TimerHandle | None = None
        self._tls: ssl.SSLContext | None = None
        self._alarms: list[Alarm] = []
        """Those that nobody uses now."""

    @cached_property
    def _loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    async def send(self, order: SendOrder) -> Outcome:
        """POSTs once; see RecallTarget."""
        assert isinstance(order.recall, HttpRecall)
        loop = self._loop
        seen = Seen(peer="?", loop=loop, began=loop.time())
        try:
            place = place_of(order.recall.url, self._proxy)
            seen.peer = place.peer
            request = _request(place, order)
            alarm = self._alarms.pop() if self._alarms else Alarm(loop)
            try:
                with seen.within(order.total_timeout, alarm):
                    await self._deliver(place, request, order, seen)
            finally:
                self._alarms.append(alarm)
        except Invalid as invalid:
            words = say("en", invalid.code, **invalid.params)
            return seen.not_sent(Reason.SECRET, f"the client certificate: {words}")
        except FAILURES as error:
            return explain(error, seen)
        if seen.status == WANTS_ANOTHER_NAME and place.asks_proxy:
            return seen.not_sent(Reason.CONNECT, f"cannot connect to {seen.peer}: it answered 407")
        return seen.answered()

    async def close(self) -> None:
        """Ends the kept connections."""
        if self._sweeping is not None:
            self._sweeping.cancel()
        for connections in self._kept.values():
            for connection in connections:
                connection.abort()
        for alarm in self._alarms:
            alarm.close()
        self._kept.clear()
        self._kept_count = 0

    async def _deliver(self, place: Place, request: bytes, order: SendOrder, seen: Seen) -> None:
        tls = await self._tls_of(order) if place.scheme == "https" else None
        key = place.scheme, place.host, place.port, tls
        connection = self._take(key, seen.began)
        if connection is not None:
            seen.reused = True
            seen.come_to(Step.REPLY, order.first_byte_timeout)
            try:
                await connection.exchange(request, seen)
            except Broken:
                if not _stale(seen):
                    raise
            else:
                self._keep(key, connection)
                return
            seen.reused, seen.connected_at = False, None
        connection = await self._connect(place, tls, order, seen)
        await connection.exchange(request, seen)
        self._keep(key, connection)

    async def _tls_of(self, order: SendOrder) -> ssl.SSLContext:
        # reading the certificates that are trusted takes a while, which other callbacks should not wait for
        if order.client_pem is not None:
            return await asyncio.to_thread(client_context, order.client_pem)
        if self._tls is None:
            self._tls = await asyncio.to_thread(usual_context)
        return self._tls

    async def _connect(
        self, place: Place, tls: ssl.SSLContext | None, order: SendOrder, seen: Seen
    ) -> Connection:
        via, guard, host, port = place.via, self._guard, place.host, place.port
        if via is not None:
            guard.check_unseen(place.address)
            host, port, seen.peer = via.host, via.port, place.first_stop
        seen.come_to(Step.RESOLVE, order.dns_timeout)
        addresses = await self._resolver.look_up(host, port)
        seen.come_to(Step.CONNECT, order.connect_timeout)
        limit = order.connect_timeout.total_seconds()
        sock = await egress.connect(guard if via is None else None, host, addresses, limit)
        seen.peer = place.peer
        try:
            connection = await _begin(place, tls, sock, seen.loop)
        except BaseException:
            sock.close()
            raise
        seen.come_to(Step.REPLY, order.first_byte_timeout)
        return connection

    def _take(self, key: Key, moment: float) -> Connection | None:
        """The connection to there that was used last, if one is kept."""
        connections = self._kept.get(key)
        while connections:
            connection = connections.pop()
            self._kept_count -= 1
            if connection.usable and moment - connection.idle_since < self._keepalive:
                return connection
            connection.abort()
        return None

    def _keep(self, key: Key, connection: Connection) -> None:
        """Keeps it for the next exchange, if it bears one."""
        if not connection.usable:
            return
        if self._kept_count >= IDLE_LIMIT:
            connection.abort()
            return
        connection.idle_since = self._loop.time()
        self._kept.setdefault(key, deque()).append(connection)
        self._kept_count += 1
        if self._sweeping is None:
            self._sweeping = self._loop.call_later(self._keepalive, self._sweep)

    def _sweep(self) -> None:
        """Ends what lay idle too long; looks again while anything is kept."""
        self._sweeping, oldest = None, self._loop.time() - self._keepalive
        for key, connections in list(self._kept.items()):
            while connections and connections[0].idle_since <= oldest:
                connections.popleft().abort()
                self._kept_count -= 1
            if not connections:
                del self._kept[key]
        if self._kept:
            self._sweeping = self._loop.call_later(self._keepalive, self._sweep)


async def _begin(
    place: Place, tls: ssl.SSLContext | None, sock: socket.socket, loop: asyncio.AbstractEventLoop
) -> Connection:
    """A connection on this socket; where TLS is spoken behind a proxy, through a tunnel."""
    if place.via is None or tls is None:
        name = None if tls is None else place.host
        _, connection = await loop.create_connection(
            Connection, sock=sock, ssl=tls, server_hostname=name
        )
        return connection
    outside, connection = await tunnel(loop, sock, place.tunnel), Connection()
    try:
        inside = await loop.start_tls(outside, connection, tls, server_hostname=place.host)
    except BaseException:
        outside.abort()
        raise
    assert inside is not None
    connection.connection_made(inside)
    return connection


def _request(place: Place, order: SendOrder) -> bytes:
    """The request as it is sent. The order may say any header but those that frame and pack it."""
    lines = _lines(order.headers, place.peer) if order.headers else USUAL_LINES
    head = f"{lines}{order.told}content-length: {len(order.body)}\r\n\r\n"
    return place.head + head.encode() + order.body


def _lines(headers: Iterable[Header], peer: str) -> str:
    """The lines of these headers, and of what is usual beside them."""
    said = {name.lower(): f"{name}: {value}" for name, value in headers}
    lines = [line for name, line in (USUALLY | said).items() if name not in NEVER]
    if any("\n" in line or "\r" in line for line in lines):
        raise NotCallable(peer, "a header holds a line break")
    return "".join(f"{line}\r\n" for line in lines)


USUAL_LINES = _lines((), "")


def _stale(seen: Seen) -> bool:
    """True where a reused connection died as one does that the receiver had given up while it lay idle.

    A receiver that worked on the request for a while before it died is not called twice.
    """
    return (
        seen.connected_at is not None
        and seen.replied_at is None
        and seen.loop.time() - seen.connected_at < STALE_WITHIN
    )
