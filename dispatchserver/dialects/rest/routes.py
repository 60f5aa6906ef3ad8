"""The addresses of `/api/v1`: tasks to read, to put and to act on, and fires to read."""

from collections.abc import Sequence
from dataclasses import replace
from zoneinfo import ZoneInfo

from aiohttp import web

from dispatchserver.auth.doors import (
    ACTOR,
    Access,
    ErrorPage,
    Handler,
    NotAdmitted,
    Route,
    Unexpected,
    language,
)
from dispatchserver.auth.intake import BodyTooLarge, BodyTooSlow, CharsetUnknown, read_body
from dispatchserver.auth.rates import TooFast
from dispatchserver.dialects.rest.bodies import read_object, read_own_data
from dispatchserver.dialects.rest.putting import ANY, placing, read_put
from dispatchserver.dialects.rest.wire import (
    fire_doc,
    history_doc,
    naming_the_cursor,
    notices_doc,
    page_doc,
    problem_doc,
    read_fire_query,
    read_task_query,
    task_doc,
)
from dispatchserver.documents.authorization import naming_the_secret
from dispatchserver.documents.reading import Basis
from dispatchserver.documents.triggers import Doc
from dispatchserver.domain import jsontext
from dispatchserver.domain.changing import Action
from dispatchserver.domain.errors import (
    CalendarChanged,
    CalendarInUse,
    CalendarNotFound,
    DestinationNotFound,
    DispatchError,
    FireEnded,
    FireNotFound,
    FireOpen,
    FireUnsent,
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
    TaskChanged,
    TaskExists,
    TaskNotFound,
    TaskUnreadable,
)
from dispatchserver.domain.moments import iso
from dispatchserver.domain.task import Task, TaskKey
from dispatchserver.engine.groups import GroupCases
from dispatchserver.engine.tasks import Tasks
from dispatchserver.ports import Clock

BASE = "/api/v1"
UPCOMING_FIRES = 5
STATUS: dict[type[DispatchError], int] = {
    NotAdmitted: 401,
    TaskNotFound: 404,
    FireNotFound: 404,
    CalendarNotFound: 404,
    GroupNotFound: 404,
    DestinationNotFound: 404,
    SecretNotFound: 404,
    SigningKeyNotFound: 404,
    BodyTooSlow: 408,
    TaskExists: 409,
    CalendarInUse: 409,
    SecretInUse: 409,
    SigningKeysChanged: 409,
    SigningKeysFull: 409,
    CalendarChanged: 409,
    FireOpen: 409,
    FireEnded: 409,
    FireUnsent: 409,
    TaskChanged: 412,
    BodyTooLarge: 413,
    CharsetUnknown: 415,
    TooFast: 429,
    TaskUnreadable: 500,
    Unexpected: 500,
    StoreUnavailable: 503,
    StoreFailed: 503,
    StoreCorrupt: 503,
    StoreDegraded: 507,
}


class RestDialect:
    """Speaks JSON over the use cases."""

    def __init__(
        self, tasks: Tasks, groups: GroupCases, clock: Clock, zone: ZoneInfo, lang: str
    ) -> None:
        self._tasks = tasks
        self._groups = groups
        self._clock = clock
        self._zone = zone
        self._lang = lang

    def routes(self) -> Sequence[Route]:
        """Every address under /api/v1."""
        task = "/tasks/{group}/{name}"
        table: list[tuple[str, str, Handler]] = [
            ("GET", "/tasks", self._list_tasks),
            ("GET", task, self._show_task),
            ("PUT", task, self._put_task),
            ("DELETE", task, self._delete),
            ("POST", task + "/pause", self._pause),
            ("POST", task + "/resume", self._resume),
            ("POST", task + "/trigger", self._trigger),
            ("GET", "/fires", self._list_fires),
            ("GET", "/fires/{id}", self._show_fire),
        ]
        return rest_routes(table, self.refuse)

    def _language(self, request: web.Request) -> str:
        return language(request, self._lang)

    async def _list_tasks(self, request: web.Request) -> web.Response:
        wanted, at = read_task_query(request.query)
        with naming_the_cursor(at):
            page = await self._tasks.list(wanted, at)
        return answer(page_doc(page, task_doc))

    async def _show_task(self, request: web.Request) -> web.Response:
        status = await self._tasks.find(_key(request))
        zone, lang = status.task.spec.trigger.zone, self._language(request)
        upcoming = [iso(fire) for fire in self._tasks.upcoming(status.task, UPCOMING_FIRES)]
        notices = notices_doc(await self._tasks.notices(status.task), zone, lang)
        response = answer(task_doc(status) | {"upcoming": upcoming, "notices": notices})
        response.headers["ETag"] = f'"{status.task.revision}"'
        return response

    async def _put_task(self, request: web.Request) -> web.Response:
        key, asked = _key(request), read_object(await read_body(request))
        standing = await self._standing(key)
        usual = await self._groups.usual(key.namespace, key.group)
        basis = Basis(now=self._clock.now(), zone=usual.zone, policies=usual.policies)
        addition = read_put(key, asked, request.headers, basis, standing)
        if addition.expected == ANY:
            if standing is None:
                raise TaskNotFound(key.group, key.name)
            addition = replace(addition, expected=standing.revision)
        whose = usual.policies.owning(addition.spec.policies)
        with placing(addition), whose, naming_the_secret(addition.spec.recall, "recall.auth"):
            change = await self._tasks.put(addition, request[ACTOR])
        response = await self._show_task(request)
        if change.action is Action.ADDED:
            response.set_status(201)
            response.headers["Location"] = request.rel_url.raw_path
        return response

    async def _standing(self, key: TaskKey) -> Task | None:
        try:
            return (await self._tasks.find(key)).task
        except TaskNotFound:
            return None

    async def _list_fires(self, request: web.Request) -> web.Response:
        wanted, at = read_fire_query(request.query, self._zone)
        with naming_the_cursor(at):
            page = await self._tasks.fires(wanted, at)
        lang = self._language(request)
        return answer(page_doc(page, lambda fire: fire_doc(fire, lang)))

    async def _show_fire(self, request: web.Request) -> web.Response:
        history = await self._tasks.history(request.match_info["id"])
        return answer(history_doc(history, self._language(request)))

    async def _pause(self, request: web.Request) -> web.Response:
        await self._tasks.pause(_key(request), request[ACTOR])
        return await self._show_task(request)

    async def _resume(self, request: web.Request) -> web.Response:
        await self._tasks.resume(_key(request), request[ACTOR])
        return await self._show_task(request)

    async def _delete(self, request: web.Request) -> web.Response:
        await self._tasks.delete(_key(request), request[ACTOR])
        return web.Response(status=204)

    async def _trigger(self, request: web.Request) -> web.Response:
        data = read_own_data(await read_body(request))
        fire = await self._tasks.trigger_now(_key(request), request[ACTOR], data)
        return answer(fire_doc(fire, self._language(request)), 201)

    async def refuse(self, request: web.Request, error: DispatchError) -> web.Response:
        """Any refusal as problem+json."""
        status = STATUS.get(type(error), 400)
        doc = problem_doc(error, status, self._language(request))
        response = answer(doc, status, "application/problem+json")
        if status == 401:
            response.headers["WWW-Authenticate"] = 'Bearer realm="dispatchserver"'
        if isinstance(error, TooFast):
            response.headers["Retry-After"] = str(error.seconds)
        return response


def rest_routes(table: Sequence[tuple[str, str, Handler]], refuse: ErrorPage) -> list[Route]:
    """Addresses under /api/v1 for machines: method, path, handler; what a handler raises is told by `refuse`."""
    return [
        Route(
            method=method,
            path=BASE + path,
            handler=handler,
            access=Access.MACHINE,
            door="rest",
            on_error=refuse,
        )
        for method, path, handler in table
    ]


def _key(request: web.Request) -> TaskKey:
    return TaskKey(group=request.match_info["group"], name=request.match_info["name"])


def answer(doc: Doc, status: int = 200, content_type: str = "application/json") -> web.Response:
    """A document as UTF-8 JSON."""
    body = jsontext.dumps(doc).encode()
    return web.Response(body=body, status=status, content_type=content_type, charset="utf-8")
