"""The pages of secrets: which there are, the form that sets one, and its end. No page shows a value."""

from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from aiohttp import web

from dispatchserver.auth.doors import Access, Route
from dispatchserver.auth.people import read_form
from dispatchserver.domain.errors import Fault, Invalid, Refused
from dispatchserver.domain.faults import Faults
from dispatchserver.domain.listing import PageRequest, TaskFilter
from dispatchserver.domain.secrets import (
    SecretKey,
    SecretStatus,
    check_secret_name,
    check_secret_value,
)
from dispatchserver.domain.task import DEFAULT_NAMESPACE
from dispatchserver.engine.secrets import SecretCases
from dispatchserver.engine.tasks import Tasks
from dispatchserver.pages.frame import Frame, actor
from dispatchserver.pages.queries import link
from dispatchserver.pages.views import task_row
from dispatchserver.pages.words import Moment, Viewer, visible

USERS = 50
EXISTS = "secret.exists"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretRow:
    """One secret in the list."""

    name: str
    version: int
    at: Moment
    by: str
    tasks: int
    edit_url: str
    delete_url: str


def secret_row(secret: SecretStatus, zone: ZoneInfo, viewer: Viewer) -> SecretRow:
    """One line of the list."""
    name = secret.key.name
    return SecretRow(
        name=name,
        version=secret.version,
        at=viewer.moment(secret.updated_at, zone),
        by=visible(secret.updated_by),
        tasks=secret.tasks,
        edit_url=link("/secret/edit", name=name),
        delete_url=link("/secret/delete", name=name),
    )


class SecretPages:
    """Sets and deletes secrets. A form that is refused comes back without the value: what was typed is secret too."""

    def __init__(self, frame: Frame, secrets: SecretCases, tasks: Tasks, zone: ZoneInfo) -> None:
        self._frame = frame
        self._secrets = secrets
        self._tasks = tasks
        self._zone = zone

    def routes(self) -> list[Route]:
        """All behind a session."""
        person, route = Access.PERSON, self._frame.route
        return [
            route("GET", "/secrets", self.list, person),
            route("GET", "/secrets/new", self.new, person),
            route("GET", "/secret/edit", self.edit, person),
            route("POST", "/secrets/new", self.save, person),
            route("POST", "/secret/edit", self.save, person),
            route("GET", "/secret/delete", self.ask_delete, person),
            route("POST", "/secret/delete", self.delete, person),
        ]

    async def list(self, request: web.Request) -> web.Response:
        viewer = self._frame.viewer(request)
        found = await self._secrets.list(DEFAULT_NAMESPACE)
        rows = [secret_row(secret, self._zone, viewer) for secret in found]
        return self._frame.page(request, "secrets.html", rows=rows)

    async def new(self, request: web.Request) -> web.Response:
        return self._form(request, "", known=False)

    async def edit(self, request: web.Request) -> web.Response:
        secret = await self._secrets.find(_key(request.query))
        return self._form(request, secret.key.name, known=True)

    async def save(self, request: web.Request) -> web.Response:
        form, known = await read_form(request), request.path == "/secret/edit"
        key = _key(form)
        try:
            value = read_secret(form)
            await self._put(request, key, value, only_new=not known)
        except Refused as refused:
            return self._form(request, key.name, known=known, refused=refused)
        return self._frame.see(link("/secrets", done="secret_saved"))

    async def _put(
        self, request: web.Request, key: SecretKey, value: str, *, only_new: bool
    ) -> None:
        try:
            await self._secrets.put(key, value, actor(request), only_new=only_new)
        except Invalid as invalid:
            field = "name" if invalid.code == EXISTS else "value"
            fault = Fault(field=field, code=invalid.code, params=invalid.params)
            raise Refused([fault]) from invalid

    async def ask_delete(self, request: web.Request) -> web.Response:
        viewer = self._frame.viewer(request)
        secret = await self._secrets.find(_key(request.query))
        wanted = TaskFilter(namespace=DEFAULT_NAMESPACE, secret=secret.key.name)
        page = await self._tasks.list(wanted, PageRequest(limit=USERS))
        return self._frame.page(
            request,
            "secret_delete.html",
            name=secret.key.name,
            users=[task_row(status, viewer) for status in page.items],
            more=page.next_cursor is not None,
            count=USERS,
        )

    async def delete(self, request: web.Request) -> web.Response:
        await self._secrets.delete(_key(await read_form(request)), actor(request))
        return self._frame.see(link("/secrets", done="secret_deleted"))

    def _form(
        self, request: web.Request, name: str, *, known: bool, refused: Refused | None = None
    ) -> web.Response:
        return self._frame.page(
            request,
            "secret_form.html",
            status=422 if refused else 200,
            name=name,
            known=known,
            faults={fault.field: fault for fault in refused.faults} if refused else {},
        )


def _key(fields: Mapping[str, str]) -> SecretKey:
    return SecretKey(name=fields.get("name", "").strip())


def read_secret(form: Mapping[str, str]) -> str:
    """The value that the form says; raises Refused with every fault of it and of the name, and never with the value."""
    faults, value = Faults(), ""
    with faults.at("name"):
        check_secret_name(form.get("name", "").strip())
    with faults.at("value"):
        value = _value(form.get("value", "").replace("\r\n", "\n"))
    faults.raise_if_any()
    return value


def _value(typed: str) -> str:
    if not typed.strip():
        raise Invalid("fault.required")
    return check_secret_value(typed)
