"""The pages before the pages: set-up, sign-in, sign-out, language, theme, and static files."""

from aiohttp import web

from dispatchserver.auth.doors import LANG_COOKIE, Access, NotAdmitted, Route
from dispatchserver.auth.passwords import LONGEST, SHORTEST, check_password
from dispatchserver.auth.people import COOKIE, People, carry, check_user_name, forget, read_form
from dispatchserver.domain.errors import Fault, Invalid
from dispatchserver.domain.faults import Faults
from dispatchserver.messages import LANGUAGES
from dispatchserver.pages.frame import THEMES, Frame
from dispatchserver.pages.queries import HOME, by_field, local

YEAR_S = 365 * 24 * 3600


class SignIn:
    """Lets people in and out."""

    def __init__(self, frame: Frame, people: People) -> None:
        self._frame = frame
        self._people = people

    def routes(self) -> list[Route]:
        """Public addresses, but for signing out."""
        public, route = Access.PUBLIC, self._frame.route
        return [
            route("GET", "/", self.home, public),
            route("GET", "/login", self.show_login, public),
            route("POST", "/login", self.login, public),
            route("POST", "/logout", self.logout, Access.PERSON),
            route("GET", "/setup", self.show_setup, public),
            route("POST", "/setup", self.set_up, public),
            route("GET", "/lang", self.choose_language, public),
            route("GET", "/theme", self.choose_theme, public),
            route("GET", "/static/{name}", self.static, public),
        ]

    async def home(self, request: web.Request) -> web.Response:
        return self._frame.see(HOME)

    async def static(self, request: web.Request) -> web.Response:
        return self._frame.assets.serve(request)

    async def show_login(self, request: web.Request) -> web.Response:
        return await self._login_page(request, local(request.query.get("next")))

    async def login(self, request: web.Request) -> web.Response:
        form = await read_form(request)
        name, onward = form.get("name", "").strip(), local(form.get("next"))
        try:
            secret = await self._people.login(
                name, form.get("password", ""), request.remote or "unknown"
            )
        except Invalid as error:
            return await self._login_page(request, onward, name, error)
        return await self._enter(request, secret, onward)

    async def _login_page(
        self, request: web.Request, onward: str, name: str = "", error: Invalid | None = None
    ) -> web.Response:
        waiting = await self._people.setup_secret() is not None
        return self._frame.page(
            request,
            "login.html",
            status=_status(error),
            onward=onward,
            name=name,
            error=error,
            waiting=waiting,
        )

    async def logout(self, request: web.Request) -> web.Response:
        await self._people.logout(request.cookies.get(COOKIE))
        response = self._frame.see("/login")
        forget(response)
        return response

    async def show_setup(self, request: web.Request) -> web.Response:
        token = request.query.get("token", "")
        if not self._people.is_setup_secret(token):
            raise NotAdmitted("auth.setup_wrong")
        return self._setup_page(request, token, "", {})

    async def set_up(self, request: web.Request) -> web.Response:
        form = await read_form(request)
        token, name = form.get("token", ""), form.get("name", "").strip()
        password = form.get("password", "")
        faults = _new_user_faults(name, password, form.get("again", ""))
        if faults:
            return self._setup_page(request, token, name, faults)
        secret = await self._people.set_up(token, name, password)
        return await self._enter(request, secret, HOME)

    def _setup_page(
        self, request: web.Request, token: str, name: str, faults: dict[str, Fault]
    ) -> web.Response:
        return self._frame.page(
            request,
            "setup.html",
            status=422 if faults else 200,
            token=token,
            name=name,
            faults=faults,
            shortest=SHORTEST,
            longest=LONGEST,
        )

    async def _enter(self, request: web.Request, secret: str, onward: str) -> web.Response:
        """A new session for every sign-in; the one before it ends."""
        await self._people.logout(request.cookies.get(COOKIE))
        response = self._frame.see(onward)
        carry(response, secret, secure=request.secure)
        return response

    async def choose_language(self, request: web.Request) -> web.Response:
        return self._choose(request, LANG_COOKIE, LANGUAGES)

    async def choose_theme(self, request: web.Request) -> web.Response:
        return self._choose(request, "theme", THEMES)

    def _choose(self, request: web.Request, cookie: str, choices: tuple[str, ...]) -> web.Response:
        response = self._frame.see(local(request.query.get("next")))
        chosen = request.query.get("to")
        if chosen in choices:
            response.set_cookie(
                cookie, chosen, max_age=YEAR_S, path="/", httponly=True, samesite="Lax"
            )
        return response


def _status(error: Invalid | None) -> int:
    if error is None:
        return 200
    return 429 if error.code == "auth.throttled" else 422


def _new_user_faults(name: str, password: str, again: str) -> dict[str, Fault]:
    faults = Faults()
    with faults.at("name"):
        check_user_name(name)
    with faults.at("password"):
        check_password(password)
    if password != again:
        faults.add("again", "auth.again")
    return by_field(faults)
