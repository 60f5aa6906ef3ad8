"""One connection to a receiver, and the exchanges on it: a request goes out, its reply is read with a cap."""

import asyncio
from typing import cast

import httptools

from dispatchserver.recalls.seen import Seen, Step

HEAD_LIMIT = 64 * 1024
LINE_LIMIT = 8_190
HEADERS_LIMIT = 128
SWITCHING = 101
FRAMING = frozenset((b"content-length", b"transfer-encoding"))


class Broken(Exception):
    """The connection ended in an exchange: `reset` by the peer, or in good order but too early."""

    def __init__(self, *, reset: bool, why: str) -> None:
        super().__init__(why)
        self.reset = reset


class NoHttp(Exception):
    """What came is no HTTP reply, or has more to its head than anybody needs."""


class Connection(asyncio.Protocol):
    """Carries one exchange at a time. What comes unasked, or after a reply's end, ends its use."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._parser.set_dangerous_leniencies(lenient_optional_cr_before_lf=True)
        self._seen: Seen | None = None
        self._answered: asyncio.Future[None] | None = None
        self._waits = False
        self._keeps = False
        self._spoiled = False
        self.idle_since = 0.0

    async def exchange(self, request: bytes, seen: Seen) -> None:
        """Sends the request and reads the reply into `seen`; raises Broken and NoHttp."""
        if self._transport is None:
            raise Broken(reset=False, why="it had ended already")
        self._seen, self._keeps, self._waits = seen, False, True
        self._head = self._headers = 0
        self._interim = self._framed = False
        self._answered = seen.loop.create_future()
        self._transport.write(request)
        taken = False
        try:
            await self._answered
            taken = True
        finally:  # one that is called off as its reply is complete takes nothing: who called would not keep it
            if not (taken and self._keeps) or self._spoiled:
                self.abort()
            self._seen = self._answered = None
            self._waits = False

    @property
    def usable(self) -> bool:
        """Whether another exchange may begin on it."""
        transport = self._transport
        return transport is not None and not self._spoiled and not transport.is_closing()

    def abort(self) -> None:
        """Ends it at once, whatever is still to be sent or read."""
        self._spoiled = True
        if self._transport is not None:
            self._transport.abort()

    # asyncio calls these

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        seen = self._seen
        if seen is None or not self._waits:
            self.abort()  # nobody asked for this
            return
        if seen.replied_at is None:
            seen.come_to(Step.REST)
        if seen.status is None:
            self._head += len(data)
        try:
            self._parser.feed_data(data)
            if seen.status is None and self._head > HEAD_LIMIT:
                raise NoHttp("the reply's head is too long")
        except httptools.HttpParserUpgrade:
            self._spoiled = True  # the reply has ended; nobody here speaks what would follow
        except httptools.HttpParserError as error:
            self._fail(NoHttp(_words(error)))
        except NoHttp as error:
            self._fail(error)

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        if not self._waits:
            return
        seen = self._seen
        assert seen is not None
        if error is None and seen.status is not None and not self._framed:
            self._succeed(keeps=False)
        else:
            self._fail(_broken(seen, error))

    # httptools calls these

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers += 1
        if self._headers > HEADERS_LIMIT or len(name) + len(value) > LINE_LIMIT:
            raise NoHttp("the reply's head is too long")
        name = name.lower()
        if name in FRAMING:
            self._framed = True
        elif name == b"retry-after" and self._seen is not None:
            self._seen.retry_after = value.decode("latin-1")
        elif name == b"x-dispatch-async" and self._seen is not None:
            self._seen.asynchronous = value.strip().lower() == b"true"

    def on_headers_complete(self) -> None:
        assert self._seen is not None
        status = self._parser.get_status_code()
        self._interim = 100 <= status < 200 and status != SWITCHING
        if not self._interim:
            self._seen.status = status

    def on_body(self, chunk: bytes) -> None:
        if self._seen is not None and self._waits and not self._seen.take(chunk):
            self._succeed(keeps=False)

    def on_message_begin(self) -> None:
        self._spoiled |= not self._waits  # a second reply that nobody asked for

    def on_message_complete(self) -> None:
        if self._interim:
            self._head, self._headers, self._framed = 0, 0, False
        elif self._waits:
            switching = self._parser.get_status_code() == SWITCHING
            self._succeed(keeps=self._parser.should_keep_alive() and not switching)

    def _succeed(self, *, keeps: bool) -> None:
        self._waits = False
        if self._answered is not None and not self._answered.done():  # else it was called off
            self._keeps = keeps
            self._answered.set_result(None)

    def _fail(self, error: Exception) -> None:
        waited, self._waits = self._waits, False
        if waited and self._answered is not None and not self._answered.done():
            self._answered.set_exception(error)
        else:
            self._spoiled = True


def _words(error: httptools.HttpParserError) -> str:
    """The parser's words; where one of our callbacks refused, its own."""
    cause = error.__context__ or error.__cause__
    return str(cause if isinstance(cause, NoHttp) else error)


def _broken(seen: Seen, error: Exception | None) -> Broken:
    if error is not None:
        return Broken(reset=True, why=str(error))
    if seen.status is not None:
        return Broken(reset=False, why="the reply is not complete")
    return Broken(
        reset=False, why="" if seen.replied_at is None else "in the middle of the reply's head"
    )
