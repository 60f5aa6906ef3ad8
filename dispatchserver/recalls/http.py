"""Calls back over HTTP: one POST, its reply read with a cap, every failure told as an Outcome."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from types import SimpleNamespace

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from dispatchserver import __version__
from dispatchserver.domain.egresspolicy import USUAL, EgressPolicy
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.fire import Outcome, Reason
from dispatchserver.domain.recall import HttpRecall
from dispatchserver.messages import say
from dispatchserver.ports import SendOrder
from dispatchserver.recalls import egress
from dispatchserver.recalls.clientcert import client_context
from dispatchserver.recalls.http_failures import FAILURES, explain
from dispatchserver.recalls.resolving import AiohttpResolver, Resolver
from dispatchserver.recalls.seen import Seen, Step, now

STALE_WITHIN = 1.0
OUR_OWN_LIMITS = aiohttp.ClientTimeout()
ALWAYS = {"Accept-Encoding": "identity"}
USUALLY = {
    "Content-Type": "application/json; charset=utf-8",
    "User-Agent": f"dispatchserver/{__version__}",
}


class HttpTarget:
    """Never follows a redirect, keeps a cookie, asks a proxy, or unpacks a reply; ends in time whatever comes.

    A kept connection may be closed by the receiver just when it is used again. Such a send, dead within a
    second and without an answer's first byte, is repeated at once on a connection of its own: the same
    attempt, the same fire id.
    """

    def __init__(
        self,
        policy: EgressPolicy = USUAL,
        resolver: Resolver | None = None,
        *,
        connections: int = 100,
        keepalive: timedelta = timedelta(seconds=4),
    ) -> None:
        self._guard = egress.Guard(policy, raw=False)
        self._resolver = AiohttpResolver(resolver or Resolver())
        self._connections = connections
        self._keepalive = keepalive
        self._pooled: aiohttp.ClientSession | None = None
        self._single: aiohttp.ClientSession | None = None

    async def send(self, order: SendOrder) -> Outcome:
        """POSTs once; see RecallTarget."""
        assert isinstance(order.recall, HttpRecall)
        seen = Seen(peer=_peer(order.recall.url))
        egress.CALLED.set(seen.peer.rpartition(":")[0])
        try:
            async with seen.within(order):
                await self._deliver(order, seen)
        except Invalid as invalid:
            words = say("en", invalid.code, **invalid.params)
            return seen.not_sent(Reason.SECRET, f"the client certificate: {words}")
        except FAILURES as error:
            return explain(error, seen)
        return seen.answered()

    async def close(self) -> None:
        """Ends the kept connections."""
        sessions = (self._pooled, self._single)
        self._pooled = self._single = None
        for session in sessions:
            if session is not None:
                await session.close()

    async def _deliver(self, order: SendOrder, seen: Seen) -> None:
        # reading the certificates that are trusted takes a while, which other callbacks should not wait for
        pem = order.client_pem
        tls = True if pem is None else await asyncio.to_thread(client_context, pem)
        if self._pooled is None:
            self._pooled = self._open(keepalive=self._keepalive.total_seconds())
        try:
            await _post(self._pooled, order, seen, tls)
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
            if not _stale(error, seen):
                raise
            if self._single is None:
                self._single = self._open(keepalive=None)
            seen.reused, seen.connected_at = False, None
            seen.come_to(Step.CONNECT)
            await _post(self._single, order, seen, tls)

    def _open(self, *, keepalive: float | None) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            resolver=self._resolver,
            use_dns_cache=False,
            limit=self._connections,
            socket_factory=self._guard.socket,
            keepalive_timeout=keepalive,
            force_close=keepalive is None,
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            trace_configs=[_trace()],
        )


def _peer(url: str) -> str:
    try:
        parts = URL(url)
        return f"{parts.host_subcomponent}:{parts.port}"
    except ValueError:
        return "?"


def _stale(error: aiohttp.ClientError, seen: Seen) -> bool:
    """True where a reused connection died as one does that the receiver had given up while it lay idle.

    A ServerDisconnectedError that carries no text carries the part of a reply that did come. A receiver that
    worked on the request for a while before it died is not called twice.
    """
    if not seen.reused or seen.connected_at is None or seen.status is not None:
        return False
    if isinstance(error, aiohttp.ServerDisconnectedError) and not isinstance(error.message, str):
        return False
    return now() - seen.connected_at < STALE_WITHIN


async def _post(
    session: aiohttp.ClientSession, order: SendOrder, seen: Seen, tls: ssl.SSLContext | bool
) -> None:
    headers = CIMultiDict(USUALLY)
    headers.update(order.headers)
    headers.update(ALWAYS)
    async with session.post(
        order.recall.address,
        data=order.body,
        headers=headers,
        allow_redirects=False,
        timeout=OUR_OWN_LIMITS,
        ssl=tls,
        trace_request_ctx=seen,
    ) as reply:
        await _read(reply, seen)


async def _read(reply: aiohttp.ClientResponse, seen: Seen) -> None:
    seen.status = reply.status
    seen.asynchronous = reply.headers.get("X-Dispatch-Async", "").strip().lower() == "true"
    seen.retry_after = reply.headers.get("Retry-After", "")
    ending = _ending(reply)
    async for chunk in reply.content.iter_any():
        if not seen.take(chunk):
            reply.close()
            return
    if ending is not None and ending.done():
        ending.result()


def _ending(reply: aiohttp.ClientResponse) -> asyncio.Future[None] | None:
    """Tells how the connection ended, where only its end ends the reply: the body alone looks whole after a reset."""
    framed = reply.content_length is not None or "Transfer-Encoding" in reply.headers
    if framed or reply.connection is None or reply.connection.protocol is None:
        return None
    ending = reply.connection.protocol.closed
    if ending is not None:
        ending.add_done_callback(_looked_at)
    return ending


def _looked_at(ending: "asyncio.Future[None]") -> None:
    with suppress(asyncio.CancelledError):
        ending.exception()


def _trace() -> aiohttp.TraceConfig:
    """Notes in the attempt's Seen, which travels as the request's context, what aiohttp tells only by events."""

    def coming_to(step: Step) -> Callable[..., Awaitable[None]]:
        async def note(_: object, context: SimpleNamespace, __: object) -> None:
            context.trace_request_ctx.come_to(step)

        return note

    async def reused(_: object, context: SimpleNamespace, __: object) -> None:
        context.trace_request_ctx.come_to(Step.REPLY)
        context.trace_request_ctx.reused = True

    trace = aiohttp.TraceConfig()
    trace.on_dns_resolvehost_start.append(coming_to(Step.RESOLVE))
    trace.on_dns_resolvehost_end.append(coming_to(Step.CONNECT))
    trace.on_connection_create_end.append(coming_to(Step.REPLY))
    trace.on_connection_reuseconn.append(reused)
    trace.on_request_end.append(coming_to(Step.REST))
    return trace
