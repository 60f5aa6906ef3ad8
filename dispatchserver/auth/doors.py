"""How every address of the server is registered: with who may use it, and how its errors are told."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from aiohttp import web

from dispatchserver.domain.errors import DispatchError
from dispatchserver.messages import LANGUAGES, negotiate
from dispatchserver.ports import Actor

ACTOR = web.RequestKey("actor", Actor)
LANG_COOKIE = "lang"

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
ErrorPage = Callable[[web.Request, DispatchError], Awaitable[web.StreamResponse]]


class Access(StrEnum):
    """Who may use a route: everybody, machines (a token, unless the door is open), or signed-in people."""

    PUBLIC = "public"
    MACHINE = "machine"
    PERSON = "person"


class NotAdmitted(DispatchError):
    """The caller did not show who they are; `code` says what to bring."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__()


class Unexpected(DispatchError):
    """A fault of our own: the caller did nothing wrong, and the log holds the traceback."""

    code = "error.unexpected"


class Guard(Protocol):
    """Admits callers of one kind of access."""

    async def admit(self, request: web.Request) -> str:
        """Who is calling, as the audit names them; raises NotAdmitted."""


class OpenGuard:
    """Admits everybody: for public addresses."""

    async def admit(self, request: web.Request) -> str:
        return "anonymous"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One address. There is no way to mount a handler without saying who may use it.

    `door` is the name of its language, for the audit.
    """

    method: str
    path: str
    handler: Handler
    access: Access
    door: str
    on_error: ErrorPage


class Door(Protocol):
    """A dialect, or the pages: something with addresses."""

    def routes(self) -> Sequence[Route]:
        """All its addresses."""


def mount(app: web.Application, routes: Sequence[Route], guards: dict[Access, Guard]) -> None:
    """Registers the routes, each behind the guard of its access."""
    for route in routes:
        app.router.add_route(route.method, route.path, _guarded(route, guards[route.access]))


def _guarded(route: Route, guard: Guard) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            request[ACTOR] = Actor(who=await guard.admit(request), door=route.door)
            return await route.handler(request)
        except web.HTTPException:
            raise
        except DispatchError as error:
            return await route.on_error(request, error)
        except Exception:
            log.exception("door.failed", extra={"door": route.door, "path": request.path})
            return await route.on_error(request, Unexpected())

    return handle


def language(request: web.Request, default: str) -> str:
    """The caller's language: what they chose (cookie), else what their header prefers, else the server's."""
    chosen = request.cookies.get(LANG_COOKIE)
    return (
        chosen
        if chosen in LANGUAGES
        else negotiate(request.headers.get("Accept-Language"), default)
    )
