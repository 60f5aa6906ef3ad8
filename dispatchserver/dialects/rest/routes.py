"""The addresses of `/api/v1`: reading, and the actions that the command line uses."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from aiohttp import web

from dispatchserver.auth.doors import (
    ACTOR,
    Access,
    Handler,
    NotAdmitted,
    Route,
    Unexpected,
    language,
)
from dispatchserver.auth.intake import BodyTooLarge, BodyTooSlow
from dispatchserver.dialects.rest.wire import (
    fire_doc,
    history_doc,
    naming_the_cursor,
    page_doc,
    problem_doc,
    read_fire_query,
    read_task_query,
    task_doc,
)
from dispatchserver.documents.triggers import Doc
from dispatchserver.domain import jsontext
from dispatchserver.domain.errors import (
    CalendarInUse,
    CalendarNotFound,
    DispatchError,
    FireNotFound,
    StoreUnavailable,
    TaskExists,
    TaskNotFound,
    TaskUnreadable,
)
from dispatchserver.domain.moments import iso
from dispatchserver.domain.task import TaskKey
from dispatchserver.engine.tasks import Tasks

BASE = "/api/v1"
UPCOMING_FIRES = 5
STATUS: dict[type[DispatchError], int] = {
    NotAdmitted: 401,
    TaskNotFound: 404,
    FireNotFound: 404,
    CalendarNotFound: 404,
    BodyTooSlow: 408,
    TaskExists: 409,
    CalendarInUse: 409,
    BodyTooLarge: 413,
    TaskUnreadable: 500,
    Unexpected: 500,
    StoreUnavailable: 503,
}


class RestDialect:
    """Speaks JSON over the use cases."""

    def __init__(self, tasks: Tasks, zone: ZoneInfo, lang: str) -> None:
        self._tasks = tasks
        self._zone = zone
        self._lang = lang

    def routes(self) -> Sequence[Route]:
        """Every address under /api/v1."""
        task = "/tasks/{group}/{name}"
        table: list[tuple[str, str, Handler]] = [
            ("GET", "/tasks", self._list_tasks),
            ("GET", task, self._show_task),
            ("DELETE", task, self._delete),
            ("POST", task + "/pause", self._pause),
            ("POST", task + "/resume", self._resume),
            ("POST", task + "/trigger", self._trigger),
            ("GET", "/fires", self._list_fires),
            ("GET", "/fires/{id}", self._show_fire),
        ]
        return [
            Route(
                method=method,
                path=BASE + path,
                handler=handler,
                access=Access.MACHINE,
                door="rest",
                on_error=self.refuse,
            )
            for method, path, handler in table
        ]

    def _language(self, request: web.Request) -> str:
        return language(request, self._lang)

    async def _list_tasks(self, request: web.Request) -> web.Response:
        wanted, at = read_task_query(request.query)
        with naming_the_cursor(at):
            page = await self._tasks.list(wanted, at)
        return answer(page_doc(page, task_doc))

    async def _show_task(self, request: web.Request) -> web.Response:
        status = await self._tasks.find(_key(request))
        upcoming = [iso(fire) for fire in self._tasks.upcoming(status.task, UPCOMING_FIRES)]
        return answer(task_doc(status) | {"upcoming": upcoming})

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
        fire = await self._tasks.trigger_now(_key(request), request[ACTOR])
        return answer(fire_doc(fire, self._language(request)), 201)

    async def refuse(self, request: web.Request, error: DispatchError) -> web.Response:
        """Any refusal as problem+json."""
        status = STATUS.get(type(error), 400)
        doc = problem_doc(error, status, self._language(request))
        response = answer(doc, status, "application/problem+json")
        if status == 401:
            response.headers["WWW-Authenticate"] = 'Bearer realm="dispatchserver"'
        return response


def _key(request: web.Request) -> TaskKey:
    return TaskKey(group=request.match_info["group"], name=request.match_info["name"])


def answer(doc: Doc, status: int = 200, content_type: str = "application/json") -> web.Response:
    """A document as UTF-8 JSON."""
    body = jsontext.dumps(doc).encode()
    return web.Response(body=body, status=status, content_type=content_type, charset="utf-8")
