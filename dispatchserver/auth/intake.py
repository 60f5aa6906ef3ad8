"""Reads a request's body within limits, so that no caller can hold us by size or by slowness."""

import asyncio

from aiohttp import web

from dispatchserver.domain.errors import DispatchError

BODY_LIMIT = 1024 * 1024
BODY_TIMEOUT_S = 15


class BodyTooLarge(DispatchError):
    """The body is over the limit."""

    code = "body.too_large"


class BodyTooSlow(DispatchError):
    """The body did not come in time."""

    code = "body.too_slow"


class BodyBroken(DispatchError):
    """The body is not framed or packed as its headers say."""

    code = "body.broken"


async def read_body(request: web.Request) -> bytes:
    """The whole body, at most 1 MiB within 15 seconds; raises BodyTooLarge, BodyTooSlow, BodyBroken."""
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            return await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise BodyTooLarge(limit=BODY_LIMIT) from error
    except TimeoutError as error:
        raise BodyTooSlow(seconds=BODY_TIMEOUT_S) from error
    except web.RequestPayloadError as error:
        raise BodyBroken from error
