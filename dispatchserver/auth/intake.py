"""Reads a request's body within limits, so that no caller can hold us by size or by slowness."""

import asyncio
import zlib

from aiohttp import web

from dispatchserver.domain.errors import DispatchError
from dispatchserver.domain.excerpts import excerpt

BODY_LIMIT = 1024 * 1024
BODY_TIMEOUT_S = 15.0
UTF8_NAMES = frozenset({"", "utf-8", "utf8", "us-ascii", "iso-8859-1"})
"""What callers say who mean UTF-8: many say nothing, and libraries of Java say Latin-1."""

UNPACKED = frozenset({"", "identity"})
PACKINGS = frozenset({"gzip", "x-gzip", "deflate"})
ZLIB = 8
"""What the first byte of a deflated body ends in, unless the header is missing, as it is of many clients."""
ANY_HEADER = 32
"""Makes zlib find out by itself whether the header is one of gzip or its own."""


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
    body = await _read_packed(request)
    return unpack(body, ",".join(request.headers.getall("Content-Encoding", ())))


def unpack(body: bytes, packing: str) -> bytes:
    """The body without its packing, gzip or deflate; raises BodyTooLarge, having unpacked no more, and BodyBroken.

    aiohttp would unpack all of a refused body too, only to throw it away, and nobody would be served meanwhile.
    """
    name = packing.strip().lower()
    if not body or name in UNPACKED:
        return body
    if name not in PACKINGS:
        raise BodyBroken
    raw = name == "deflate" and body[0] & 0x0F != ZLIB
    unpacking = zlib.decompressobj(-zlib.MAX_WBITS if raw else zlib.MAX_WBITS | ANY_HEADER)
    try:
        unpacked = unpacking.decompress(body, BODY_LIMIT + 1)
    except zlib.error as error:
        raise BodyBroken from error
    if len(unpacked) > BODY_LIMIT:
        raise BodyTooLarge(limit=BODY_LIMIT)
    if not unpacking.eof or unpacking.unused_data:
        raise BodyBroken
    return unpacked


async def _read_packed(request: web.Request) -> bytes:
    try:
        if request.content.is_eof():  # all of it came with its head, so nothing is waited for
            return await request.read()
        async with asyncio.timeout(BODY_TIMEOUT_S):
            return await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise BodyTooLarge(limit=BODY_LIMIT) from error
    except TimeoutError as error:
        raise BodyTooSlow(seconds=round(BODY_TIMEOUT_S)) from error
    except web.RequestPayloadError as error:
        raise BodyBroken from error
