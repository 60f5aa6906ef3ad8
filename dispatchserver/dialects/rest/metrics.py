"""/metrics: what is measured, for Prometheus and those who speak its formats. Open to everybody, tells no secrets."""

from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web

from dispatchserver.auth.doors import Access, ErrorPage, Route

Reading = Callable[[str], Awaitable[tuple[bytes, str]]]
"""All figures as they are now, in the format that an Accept header prefers, and its content type."""


class MetricsDoor:
    """Shows a reading."""

    def __init__(self, read: Reading, on_error: ErrorPage) -> None:
        self._read = read
        self._on_error = on_error

    def routes(self) -> Sequence[Route]:
        """/metrics."""
        return [
            Route(
                method="GET",
                path="/metrics",
                handler=self._show,
                access=Access.PUBLIC,
                door="health",
                on_error=self._on_error,
            )
        ]

    async def _show(self, request: web.Request) -> web.Response:
        page, content_type = await self._read(request.headers.get("Accept", ""))
        return web.Response(body=page, headers={"Content-Type": content_type})
