"""The addresses of the `.do` dialect: read, call, answer."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import NoReturn
from urllib.parse import quote

from aiohttp import web

from dispatchserver.auth.doors import ACTOR, Access, NotAdmitted, Route, Unexpected, language
from dispatchserver.auth.intake import BodyBroken, BodyTooLarge, BodyTooSlow, read_bytes
from dispatchserver.auth.rates import TooFast
from dispatchserver.dialects.iuap.reading import group_of_add, read_add, read_key, read_report
from dispatchserver.dialects.iuap.recalls import placing
from dispatchserver.dialects.iuap.saving import group_of_save, read_save
from dispatchserver.dialects.iuap.setting import Habits
from dispatchserver.dialects.iuap.wire import (
    CharsetUnread,
    Fields,
    Unreadable,
    envelope,
    opened,
    read_fields,
)
from dispatchserver.documents.authorization import naming_the_secret
from dispatchserver.documents.triggers import iso_or_none
from dispatchserver.domain.changing import Addition
from dispatchserver.domain.errors import DispatchError, StoreCorrupt, StoreFailed, StoreUnavailable
from dispatchserver.domain.reporting import Report
from dispatchserver.domain.task import DEFAULT_NAMESPACE, Task, TaskKey
from dispatchserver.engine.groups import GroupCases
from dispatchserver.engine.reports import Reports
from dispatchserver.engine.tasks import Tasks
from dispatchserver.messages import say_error
from dispatchserver.ports import Actor, Clock
from dispatchserver.wording import say_notice

CONTEXTS = ("", "/iuap-dispatch-service", "/iuap-saas-dispatch-service", "/iuap-dispatch-server")
SERVICES = ("", "/dispatchserver", "/dispatchservice")
PLANNED_FIRES = 5
HEADER_LIMIT = 4_000

# Business errors answer 200, since old clients read the body only of a 200; these are faults of the protocol, and ours.
STATUS: dict[type[DispatchError], int] = {
    NotAdmitted: 401,
    BodyTooSlow: 408,
    BodyTooLarge: 413,
    BodyBroken: 400,
    Unreadable: 400,
    CharsetUnread: 415,
    TooFast: 429,
    Unexpected: 500,
    StoreUnavailable: 503,
    StoreFailed: 503,
    StoreCorrupt: 503,
}

ReadAddition = Callable[[Fields, datetime, Habits], Addition]
GroupOf = Callable[[Fields], str | None]
OnKey = Callable[[TaskKey, Actor], Awaitable[object]]


class IuapDialect:
    """Speaks `.do` over the use cases."""

    def __init__(
        self,
        tasks: Tasks,
        groups: GroupCases,
        reports: Reports,
        clock: Clock,
        habits: Habits,
        lang: str,
    ) -> None:
        self._tasks = tasks
        self._groups = groups
        self._reports = reports
        self._clock = clock
        self._habits = habits
        self._lang = lang

    def routes(self) -> Sequence[Route]:
        """Every call under every context path that clients are known to use."""
        calls = {
            "add.do": self._add,
            "pause.do": self._on_key(self._tasks.pause),
            "resumeTask.do": self._on_key(self._tasks.resume),
            "resume.do": self._on_key(self._tasks.resume),
            "delete.do": self._on_key(self._tasks.delete),
            "trigger.do": self._trigger,
            "taskrest/saveTask.do": self._save,
            " trigger.do": self._trigger,  # the manual prints the address with a blank, and people copy it
        }
        routes = [
            self._route(f"{context}{service}/{call}", handler, Access.MACHINE)
            for context in CONTEXTS
            for service in SERVICES
            for call, handler in calls.items()
        ]
        # A receiver proves itself by the fire's id, which it has from us; old ones have no token to send.
        reports = [
            self._route(
                f"{context}{service}/taskcallback/updateTaskLog", self._report, Access.PUBLIC
            )
            for context in CONTEXTS
            for service in SERVICES
        ]
        return routes + reports

    def _route(
        self, path: str, handler: Callable[[web.Request], Awaitable[web.Response]], access: Access
    ) -> Route:
        return Route(
            method="POST",
            path=path,
            handler=handler,
            access=access,
            door="do",
            on_error=self._refuse,
        )

    async def _add(self, request: web.Request) -> web.Response:
        return await self._put(request, read_add, group_of_add, "recallConfig.option.")

    async def _save(self, request: web.Request) -> web.Response:
        return await self._put(request, read_save, group_of_save, "task.taskway.")

    async def _put(
        self, request: web.Request, read: ReadAddition, group_of: GroupOf, recall_at: str
    ) -> web.Response:
        fields = opened(await _fields(request))
        habits = await self._habits_of(group_of(fields))
        asked = read(fields, self._clock.now(), habits)
        try:
            task = await self._tasks.add(asked, request[ACTOR])
        except DispatchError as error:
            _name(error, asked, habits, recall_at)
        planned = self._tasks.upcoming(task, PLANNED_FIRES, since=task.updated_at)
        reply: dict[str, object] = {"plannedFires": [_iso(fire) for fire in planned]}
        if notices := await self._notices(request, task):
            reply["notices"] = notices
        return _answer(envelope(None, **reply))

    async def _notices(self, request: web.Request, task: Task) -> list[str]:
        notices = await self._tasks.notices(task)
        if not notices:
            return []
        lang, zone = language(request, self._lang), task.spec.trigger.zone
        return [say_notice(notice, zone, lang) for notice in notices]

    async def _habits_of(self, group: str | None) -> Habits:
        """What a request of this group leaves unsaid; where that is none, it will be refused."""
        if group is None:
            return self._habits
        usual = await self._groups.usual(DEFAULT_NAMESPACE, group)
        count = self._habits.repeat_count
        return Habits(zone=usual.zone, repeat_count=count, policies=usual.policies)

    def _on_key(self, use_case: OnKey) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            await use_case(read_key(await _fields(request)), request[ACTOR])
            return _answer(envelope())

        return handle

    async def _trigger(self, request: web.Request) -> web.Response:
        fire = await self._tasks.trigger_now(read_key(await _fields(request)), request[ACTOR])
        return _answer(envelope(tasklogid=fire.id))

    async def _report(self, request: web.Request) -> web.Response:
        report = read_report(await _fields(request))
        receiver = Actor(who=f"receiver:{request.remote}", door="do")
        if isinstance(report, Report):
            await self._reports.accept(report, receiver)
            return _answer(envelope())
        fire = await self._reports.progress(report, receiver)
        return _answer(envelope(reportBy=iso_or_none(fire.report_by)))

    async def _refuse(self, request: web.Request, error: DispatchError) -> web.Response:
        text = say_error(language(request, self._lang), error)
        status = STATUS.get(type(error), 200)
        response = _answer(envelope(error=text), status)
        response.headers["error"] = _header_text(text)
        if status == 401:
            response.headers["WWW-Authenticate"] = 'Bearer realm="dispatchserver"'
        if isinstance(error, TooFast):
            response.headers["Retry-After"] = str(error.seconds)
        return response


def _name(error: DispatchError, asked: Addition, habits: Habits, recall_at: str) -> NoReturn:
    """Refuses under the field that can mend it what is refused only of the whole task."""
    with (
        habits.policies.owning(asked.spec.policies),
        placing(asked.spec.recall, recall_at),
        naming_the_secret(asked.spec.recall, "recallConfig.auth"),
    ):
        raise error


async def _fields(request: web.Request) -> Fields:
    body = await read_bytes(request)
    return read_fields(
        body, request.headers.get("Content-Type", ""), request.rel_url.raw_query_string
    )


def _iso(fire: datetime) -> str:
    return fire.isoformat(timespec="milliseconds") if fire.microsecond else fire.isoformat()


def _header_text(text: str) -> str:
    """The text percent-encoded, cut between characters to what clients take as a header."""
    encoded = [quote(character, safe=" ,.:;/()'") for character in text]
    while sum(map(len, encoded)) > HEADER_LIMIT:
        encoded = encoded[: len(encoded) * 3 // 4]
    return "".join(encoded)


def _answer(body: bytes, status: int = 200) -> web.Response:
    return web.Response(body=body, status=status, content_type="application/json", charset="utf-8")
