"""Reads a request's body within limits, so that no caller can hold us by size or by slowness."""

import asyncio
from collections import deque

from aiohttp import ClientError, StreamReader, web

from dispatchserver.domain.errors import DispatchError, excerpt

BODY_LIMIT = 1024 * 1024
BODY_TIMEOUT_S = 15.0
UTF8_NAMES = frozenset({"", "utf-8", "utf8", "us-ascii", "iso-8859-1"})
"""What callers say who mean UTF-8: many say nothing, and libraries of Java say Latin-1."""

Numbered = tuple[int, bytes]
"""A line of a body by its number, from 1 on."""


class BodyTooLarge(DispatchError):
    """The body is over the limit."""

    code = "body.too_large"


class BodyTooSlow(DispatchError):
    """The body did not come in time."""

    code = "body.too_slow"


class BodyBroken(DispatchError):
    """The body is not framed or packed as its headers say."""

    code = "body.broken"


class CharsetUnknown(DispatchError):
    """The body is said to be in a charset that is not read."""

    code = "body.charset"


class LineTooLong(DispatchError):
    """A line of the body is over the limit of a whole body."""

    code = "body.line_too_long"


async def read_body(request: web.Request) -> bytes:
    """As `read_bytes`, of a body in UTF-8; raises CharsetUnknown where it is said to be in another charset."""
    check_charset(request)
    return await read_bytes(request)


def check_charset(request: web.Request) -> None:
    """Raises CharsetUnknown where the body is said to be in another charset than UTF-8."""
    charset = request.charset or ""
    if charset.lower() not in UTF8_NAMES:
        raise CharsetUnknown(charset=excerpt(charset))


async def read_bytes(request: web.Request) -> bytes:
    """The whole body, at most 1 MiB within 15 seconds; raises BodyTooLarge, BodyTooSlow, BodyBroken."""
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            return await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise BodyTooLarge(limit=BODY_LIMIT) from error
    except TimeoutError as error:
        raise BodyTooSlow(seconds=round(BODY_TIMEOUT_S)) from error
    except web.RequestPayloadError as error:
        raise BodyBroken from error


class LineStream:
    """The lines of a body of any length as they come; of it, no more is held than a few lines and what the socket has.

    `failure` says why no more of it could be read, and at which line that was.
    """

    def __init__(self, content: StreamReader) -> None:
        self._content = content
        self._ready: deque[Numbered] = deque()
        self._rest = b""
        self._ended = False
        self._number = 0
        self.failure: tuple[int, DispatchError] | None = None

    async def take(self, most: int) -> list[Numbered]:
        """The next lines, at most so many, blank ones left out; none where there are no more, or none can be read."""
        while len(self._ready) < most and not self._ended:
            await self._read()
        return [self._ready.popleft() for _ in range(min(most, len(self._ready)))]

    async def _read(self) -> None:
        try:
            async with asyncio.timeout(BODY_TIMEOUT_S):
                block = await self._content.readany()
        except TimeoutError:
            self._fail(BodyTooSlow(seconds=round(BODY_TIMEOUT_S)))
        except (web.RequestPayloadError, ClientError, ConnectionError):
            self._fail(BodyBroken())
        else:
            self._split(block)

    def _split(self, block: bytes) -> None:
        *lines, self._rest = (self._rest + block).split(b"\n")
        if not block:  # the end, where the last line needs no newline
            self._ended = True
            lines.append(self._rest)
        for line in lines:
            if len(line) > BODY_LIMIT:
                break
            self._number += 1
            if line.strip():
                self._ready.append((self._number, line))
        if max(map(len, (*lines, self._rest))) > BODY_LIMIT:
            self._fail(LineTooLong(limit=BODY_LIMIT))

    def _fail(self, why: DispatchError) -> None:
        self._ended, self.failure = True, (self._number + 1, why)
