"""Reads a body of any length line by line, as it comes: neither its size nor how it is packed can hold us."""

import asyncio
import zlib
from collections import deque

from aiohttp import ClientError, StreamReader, web

from dispatchserver.auth.intake import BODY_LIMIT, BODY_TIMEOUT_S, BodyBroken, BodyTooSlow
from dispatchserver.domain.errors import DispatchError

GZIP = b"\x1f\x8b"
GZIP_WINDOW = zlib.MAX_WBITS | 16
MOST_HELD = 2 * 1024 * 1024
"""How many bytes of lines are held and handed out at a time, however few lines that is."""
STEP = 256 * 1024
"""How much is unpacked at a time, whatever it is unpacked from."""

Numbered = tuple[int, bytes]
"""A line of a body by its number, from 1 on."""


class LineTooLong(DispatchError):
    """A line of the body is over the limit of a whole body."""

    code = "body.line_too_long"


class LineStream:
    """The lines of a body; of it, no more is held than some lines and what the socket has. gzip shows by itself.

    `failure` says why no more of it could be read, and at which line that was.
    """

    def __init__(self, content: StreamReader) -> None:
        self._content = content
        self._ready: deque[Numbered] = deque()
        self._held = 0
        self._packed = b""
        self._unpacking: zlib._Decompress | None = None
        self._rest = b""
        self._begun = self._ended = False
        self._number = 0
        self.failure: tuple[int, DispatchError] | None = None

    async def take(self, most: int) -> list[Numbered]:
        """The next lines, at most so many, fewer where they are long, blank ones left out; none where there are no more,
        or none can be read."""
        while len(self._ready) < most and self._held < MOST_HELD and not self._ended:
            if self._packed:
                self._unpack()
            else:
                await self._read()
        taken: list[Numbered] = []
        size = 0
        while self._ready and len(taken) < most and size < MOST_HELD:
            taken.append(self._ready.popleft())
            size += len(taken[-1][1])
        self._held -= size
        return taken

    async def _read(self) -> None:
        try:
            async with asyncio.timeout(BODY_TIMEOUT_S):
                block = await self._content.readany()
        except TimeoutError:
            self._fail(BodyTooSlow(seconds=round(BODY_TIMEOUT_S)))
        except (web.RequestPayloadError, ClientError, ConnectionError):
            self._fail(BodyBroken())
        else:
            self._came(block)

    def _came(self, block: bytes) -> None:
        if not self._begun and block.startswith(GZIP):
            self._unpacking = zlib.decompressobj(GZIP_WINDOW)
        self._begun = True
        if self._unpacking is None or (not block and self._unpacking.eof):
            self._split(block)
        elif block:
            self._packed = block
        else:  # it ended in the middle of what was packed
            self._fail(BodyBroken())

    def _unpack(self) -> None:
        """One step; several packed bodies may follow each other, as gzip allows."""
        assert self._unpacking is not None
        if self._unpacking.eof:
            self._unpacking = zlib.decompressobj(GZIP_WINDOW)
        try:
            piece = self._unpacking.decompress(self._packed, STEP)
        except zlib.error:
            self._fail(BodyBroken())
            return
        self._packed = self._unpacking.unconsumed_tail or self._unpacking.unused_data
        if piece:
            self._split(piece)

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
                self._held += len(line)
        if max(map(len, (*lines, self._rest))) > BODY_LIMIT:
            self._fail(LineTooLong(limit=BODY_LIMIT))

    def _fail(self, why: DispatchError) -> None:
        self._ended, self.failure = True, (self._number + 1, why)
