"""The pages of tasks: the list, one task, and the actions on it."""

import asyncio
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from aiohttp import web

from dispatchserver.auth.doors import Access, Route
from dispatchserver.auth.people import read_form
from dispatchserver.domain.errors import TaskNotFound
from dispatchserver.domain.listing import FireFilter, Page, PageRequest, TaskStatus
from dispatchserver.domain.task import DEFAULT_NAMESPACE, TaskKey, TaskState
from dispatchserver.engine.tasks import Tasks
from dispatchserver.engine.whys import Whys
from dispatchserver.pages.fireviews import FireRow, fire_row
from dispatchserver.pages.frame import Frame, actor
from dispatchserver.pages.previews import explained
from dispatchserver.pages.queries import (
    link,
    local,
    read_key,
    read_moment,
    read_task_query,
    with_params,
)
from dispatchserver.pages.views import group_links, task_page, task_row
from dispatchserver.pages.whyviews import WhyView, ask_why, tell_why
from dispatchserver.wording import say_notice

RECENT = 10
NOTHING: Page[TaskStatus] = Page(items=(), next_cursor=None)


class TaskPages:
    """What people see of tasks and do to them. Every change is a POST and ends in a 303."""

    def __init__(self, frame: Frame, tasks: Tasks, whys: Whys) -> None:
        self._frame = frame
        self._tasks = tasks
        self._whys = whys

    def routes(self) -> list[Route]:
        """All behind a session."""
        person, route = Access.PERSON, self._frame.route
        return [
            route("GET", "/tasks", self.list, person),
            route("GET", "/task", self.show, person),
            route("POST", "/task/pause", self.pause, person),
            route("POST", "/task/resume", self.resume, person),
            route("POST", "/task/run", self.run, person),
            route("GET", "/task/delete", self.ask_delete, person),
            route("POST", "/task/delete", self.delete, person),
        ]

    async def list(self, request: web.Request) -> web.Response:
        wanted, query = read_task_query(request.query)
        page = NOTHING if query.faults else await self._tasks.list(wanted, query.page)
        groups = await self._tasks.groups(DEFAULT_NAMESPACE)
        viewer = self._frame.viewer(request)
        return self._frame.page(
            request,
            "tasks.html",
            rows=[task_row(status, viewer) for status in page.items],
            groups=group_links(groups, query.values),
            query=query,
            states=tuple(TaskState),
            next_url=query.next_url("/tasks", page.next_cursor),
            origin=str(request.url.origin()),
        )

    async def show(self, request: web.Request) -> web.Response:
        key, viewer = read_key(request.query), self._frame.viewer(request)
        try:
            status = await self._tasks.find(key)
        except TaskNotFound:
            return await self._gone(request, key)
        zone = status.task.spec.trigger.zone
        meaning = await asyncio.to_thread(explained, status.task, viewer)
        return self._frame.page(
            request,
            "task.html",
            task=task_page(status, viewer),
            meaning=meaning,
            notices=[
                say_notice(notice, zone, viewer.lang)
                for notice in await self._tasks.notices(status.task)
            ],
            why=await self._why(request, key, zone),
            fires=await self._recent(request, key, zone),
        )

    async def _gone(self, request: web.Request, key: TaskKey) -> web.Response:
        """What is left of a deleted task; raises TaskNotFound where there never was one of this name."""
        await self._whys.why(key, None)
        zone = await self._whys.zone_of(key)
        return self._frame.page(
            request,
            "gone.html",
            why=await self._why(request, key, zone),
            fires=await self._recent(request, key, zone),
            log_url=link("/fires", group=key.group, name=key.name),
        )

    async def _recent(
        self, request: web.Request, key: TaskKey, zone: ZoneInfo
    ) -> Sequence[FireRow]:
        wanted = FireFilter(namespace=key.namespace, group=key.group, name=key.name)
        recent = await self._tasks.fires(wanted, PageRequest(limit=RECENT))
        viewer = self._frame.viewer(request)
        return [fire_row(fire, zone, viewer) for fire in recent.items]

    async def _why(self, request: web.Request, key: TaskKey, zone: ZoneInfo) -> WhyView:
        """What stands in the form that asks why, and its answer."""
        typed, viewer = request.query.get("why", ""), self._frame.viewer(request)
        at, faults = read_moment(request.query, "why", zone)
        if at is None:
            return ask_why(key, typed, faults.get("why"), zone, viewer)
        return tell_why(key, typed, await self._whys.why(key, at), zone, viewer)

    async def pause(self, request: web.Request) -> web.Response:
        form = await read_form(request)
        await self._tasks.pause(read_key(form), actor(request))
        return self._back(form, done="paused")

    async def resume(self, request: web.Request) -> web.Response:
        form = await read_form(request)
        await self._tasks.resume(read_key(form), actor(request))
        return self._back(form, done="resumed")

    async def run(self, request: web.Request) -> web.Response:
        form = await read_form(request)
        fire = await self._tasks.trigger_now(read_key(form), actor(request))
        return self._back(form, done="triggered", fire=fire.id)

    async def ask_delete(self, request: web.Request) -> web.Response:
        status = await self._tasks.find(read_key(request.query))
        row = task_row(status, self._frame.viewer(request))
        return self._frame.page(request, "delete.html", row=row)

    async def delete(self, request: web.Request) -> web.Response:
        await self._tasks.delete(read_key(await read_form(request)), actor(request))
        return self._frame.see(link("/tasks", done="deleted"))

    def _back(self, form: dict[str, str], **params: str) -> web.Response:
        return self._frame.see(with_params(local(form.get("next")), **params))
