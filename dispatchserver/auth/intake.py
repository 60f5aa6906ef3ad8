"""Reads a request's body within limits, so that no caller can hold us by size or by slowness."""

import asyncio

from aiohttp import web

from dispatchserver.domain.errors import DispatchError
from dispatchserver.domain.excerpts import excerpt

BODY_LIMIT = 1024 * 1024
BODY_TIMEOUT_S = 15.0
UTF8_NAMES = frozenset({"", "utf-8", "utf8", "us-ascii", "iso-8859-1"})
"""What callers say who mean UTF-8: many say nothing, and libraries of Java say Latin-1."""


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
    charset = request.charset or ""
    if charset.lower() not in UTF8_NAMES:
        raise CharsetUnknown(charset=excerpt(charset))
    return await read_bytes(request)


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
