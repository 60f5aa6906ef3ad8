"""The headers of every response, whatever it answers; pages loosen what they need to."""

from aiohttp import web

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
NAME = "dispatchserver"


async def finish(request: web.Request, response: web.StreamResponse) -> None:
    """Adds what a response does not say itself, and takes away what tells of our versions."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.pop("Server", None)


def finish_refusal(response: web.StreamResponse) -> web.StreamResponse:
    """The same for what answers bytes that were no request: aiohttp would put its version in, where nothing stands."""
    response.headers.update(HEADERS)
    response.headers["Server"] = NAME
    return response
