"""What watchdogs ask: is it alive, is it ready, which version is it. Open to everybody, tells no secrets."""

from collections.abc import Callable, Sequence

from aiohttp import web

from dispatchserver import __version__
from dispatchserver.auth.doors import Access, ErrorPage, Handler, Route
from dispatchserver.dialects.rest.routes import answer
from dispatchserver.domain.errors import StoreUnavailable
from dispatchserver.domain.figures import Stuck
from dispatchserver.domain.jsontext import JsonValue
from dispatchserver.ports import Store


class Health:
    """Answers from the parts themselves, not from a flag."""

    def __init__(
        self,
        store: Store,
        is_draining: Callable[[], bool],
        stuck: Callable[[], Stuck],
        is_checking: Callable[[], bool],
        on_error: ErrorPage,
    ) -> None:
        self._store = store
        self._is_draining = is_draining
        self._stuck = stuck
        self._is_checking = is_checking
        self._on_error = on_error

    def routes(self) -> Sequence[Route]:
        """/healthz, /readyz and /version."""
        table: dict[str, Handler] = {
            "/healthz": self._alive,
            "/readyz": self._ready,
            "/version": self._version,
        }
        return [
            Route(
                method="GET",
                path=path,
                handler=handler,
                access=Access.PUBLIC,
                door="health",
                on_error=self._on_error,
            )
            for path, handler in table.items()
        ]

    async def _alive(self, request: web.Request) -> web.Response:
        return answer({"status": "ok"})

    async def _ready(self, request: web.Request) -> web.Response:
        """200 when tasks can be stored and fires are claimed; 503 with the reasons otherwise.

        What the self-audit found, and a check of the pages that is not through, are reasons to look, not to send
        callers elsewhere: degraded, with 200.
        """
        reasons: list[JsonValue] = ["draining"] if self._is_draining() else []
        try:
            await self._store.check()
        except StoreUnavailable as error:
            reasons.append(f"store: {error.params['why']}")
        if reasons:
            return answer({"status": "not ready", "reasons": reasons}, 503)
        reasons += [f"stuck: {kind} {len(ids)}" for kind, ids in self._stuck().ids.items() if ids]
        if self._is_checking():
            reasons.append("check: the pages of the database are not all checked yet")
        return answer({"status": "degraded" if reasons else "ready", "reasons": reasons})

    async def _version(self, request: web.Request) -> web.Response:
        return answer({"name": "dispatchserver", "version": __version__})
