"""What all pages share: the frame around them, their headers, and how refusals are shown."""

import aiohttp_jinja2
import jinja2
from aiohttp import web
from aiohttp.typedefs import Handler as AppHandler

from dispatchserver.auth.doors import (
    ACTOR,
    Access,
    Handler,
    NotAdmitted,
    Route,
    Unexpected,
    language,
)
from dispatchserver.auth.gate import READING
from dispatchserver.auth.intake import BodyTooLarge, BodyTooSlow, CharsetUnknown
from dispatchserver.auth.people import SESSION
from dispatchserver.domain.errors import (
    CalendarInUse,
    CalendarNotFound,
    DestinationNotFound,
    DispatchError,
    FireNotFound,
    GroupNotFound,
    SecretInUse,
    SecretNotFound,
    SigningKeyNotFound,
    SigningKeysChanged,
    SigningKeysFull,
    StoreCorrupt,
    StoreDegraded,
    StoreFailed,
    StoreUnavailable,
    TaskExists,
    TaskNotFound,
)
from dispatchserver.messages import say_error
from dispatchserver.pages.assets import Assets, folder
from dispatchserver.pages.queries import link, without
from dispatchserver.pages.words import Viewer
from dispatchserver.ports import Actor, Clock

THEMES = ("auto", "light", "dark")
NOTICES = frozenset(
    {"created", "saved", "paused", "resumed", "triggered", "deleted", "group_saved", "replayed"}
    | {"key_retired", "secret_saved", "secret_deleted"}
    | {f"destination_{done}" for done in ("saved", "deleted", "reset")}
    | {f"calendar_{done}" for done in ("created", "saved", "deleted", "imported", "holidays")}
)
ONE_TIME = ("done", "fire", "until")
SIGN_IN_AGAIN = frozenset({"auth.session_missing", "auth.session_ended"})
# `same-origin`, since `no-referrer` makes browsers send `Origin: null` with our own forms
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; font-src 'self'; form-action 'self'; "
    "base-uri 'none'; object-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
STATUS: dict[type[DispatchError], int] = {
    NotAdmitted: 403,
    TaskNotFound: 404,
    FireNotFound: 404,
    CalendarNotFound: 404,
    GroupNotFound: 404,
    DestinationNotFound: 404,
    SecretNotFound: 404,
    SigningKeyNotFound: 404,
    TaskExists: 409,
    CalendarInUse: 409,
    SecretInUse: 409,
    SigningKeysChanged: 409,
    SigningKeysFull: 409,
    BodyTooLarge: 413,
    BodyTooSlow: 408,
    CharsetUnknown: 415,
    Unexpected: 500,
    StoreUnavailable: 503,
    StoreFailed: 503,
    StoreCorrupt: 503,
    StoreDegraded: 507,
}


class Frame:
    """Renders every page: in the caller's language and theme, with the same strict headers."""

    def __init__(self, clock: Clock, lang: str, version: str) -> None:
        self._clock = clock
        self._lang = lang
        self._version = version
        self.assets = Assets()

    def setup(self, app: web.Application) -> None:
        """Gives the app our templates, and unknown addresses a page."""
        loader = jinja2.FileSystemLoader(folder("templates"))
        environment = aiohttp_jinja2.setup(
            app,
            loader=loader,
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        assert environment.autoescape is True, "every template escapes what it shows"
        app.middlewares.append(self._lost)

    def route(self, method: str, path: str, handler: Handler, access: Access) -> Route:
        """An address whose every end is a page with our headers."""
        return Route(
            method=method,
            path=path,
            handler=self._calm(handler),
            access=access,
            door="web",
            on_error=self.refuse,
        )

    def viewer(self, request: web.Request) -> Viewer:
        """Who looks at the page that answers this request."""
        return Viewer(lang=language(request, self._lang), now=self._clock.now())

    def page(
        self, request: web.Request, template: str, *, status: int = 200, **shown: object
    ) -> web.Response:
        """The rendered template."""
        context = self._common(request) | shown
        response = aiohttp_jinja2.render_template(template, request, context, status=status)
        response.headers.update(HEADERS)
        return response

    def _common(self, request: web.Request) -> dict[str, object]:
        viewer, session = self.viewer(request), request.get(SESSION)
        theme, done = request.cookies.get("theme", "auto"), request.query.get("done")
        return {
            "t": viewer.say,
            "lang": viewer.lang,
            "theme": theme if theme in THEMES else "auto",
            "user": session.user if session else None,
            "csrf": session.csrf if session else "",
            "here": without(request.path_qs, *ONE_TIME) if request.method in READING else "/tasks",
            "path": request.path,
            "notice": f"page.done.{done}" if done in NOTICES else None,
            "notice_fire": request.query.get("fire"),
            "asset": self.assets.url,
            "link": link,
            "version": self._version,
        }

    def see(self, address: str) -> web.Response:
        """Sends the browser on, to a GET."""
        return web.Response(status=303, headers={**HEADERS, "Location": address})

    async def refuse(self, request: web.Request, error: DispatchError) -> web.Response:
        """The page for a refusal; who is not signed in is asked to, where nothing is lost by it."""
        signed_out = isinstance(error, NotAdmitted) and error.code in SIGN_IN_AGAIN
        if signed_out and request.method in READING:
            return self.see(link("/login", next=request.path_qs))
        status = STATUS.get(type(error), 400)
        words = say_error(language(request, self._lang), error)
        return self._trouble(request, status, words)

    def _trouble(self, request: web.Request, status: int, words: str = "") -> web.Response:
        return self.page(request, "error.html", status=status, code=status, words=words)

    def _calm(self, handler: Handler) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            response = await handler(request)
            for name, value in HEADERS.items():
                response.headers.setdefault(name, value)
            return response

        return handle

    @web.middleware
    async def _lost(self, request: web.Request, handler: AppHandler) -> web.StreamResponse:
        """Unknown addresses: a page for browsers, the plain answer for machines."""
        try:
            return await handler(request)
        except web.HTTPNotFound:
            if request.method != "GET" or "text/html" not in request.headers.get("Accept", ""):
                raise
            return self._trouble(request, 404)


def actor(request: web.Request) -> Actor:
    """Who the guard has let in."""
    return request[ACTOR]
