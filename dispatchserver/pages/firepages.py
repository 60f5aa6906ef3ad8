"""The pages of fires: the log, and one fire."""

from zoneinfo import ZoneInfo

from aiohttp import web

from dispatchserver.auth.doors import Access, Route
from dispatchserver.domain.errors import TaskNotFound
from dispatchserver.domain.fire import Fire, FireState
from dispatchserver.domain.listing import Page
from dispatchserver.domain.task import DEFAULT_NAMESPACE, Task, TaskKey
from dispatchserver.engine.tasks import Tasks
from dispatchserver.pages.fireviews import fire_page, fire_row
from dispatchserver.pages.frame import Frame
from dispatchserver.pages.queries import read_fire_query, read_key

NOTHING: Page[Fire] = Page(items=(), next_cursor=None)


class FirePages:
    """What people see of fires. A log of one task is in that task's zone, a mixed one in the server's."""

    def __init__(self, frame: Frame, tasks: Tasks, zone: ZoneInfo) -> None:
        self._frame = frame
        self._tasks = tasks
        self._zone = zone

    def routes(self) -> list[Route]:
        """All behind a session."""
        return [
            self._frame.route("GET", "/fires", self.list, Access.PERSON),
            self._frame.route("GET", "/fire", self.show, Access.PERSON),
        ]

    async def list(self, request: web.Request) -> web.Response:
        task = await self._task_of(read_key(request.query))
        zone = self._zone_of(task)
        wanted, query = read_fire_query(request.query, zone)
        page = NOTHING if query.faults else await self._tasks.fires(wanted, query.page)
        viewer = self._frame.viewer(request)
        return self._frame.page(
            request,
            "fires.html",
            rows=[fire_row(fire, zone, viewer) for fire in page.items],
            groups=[group for group, _ in await self._tasks.groups(DEFAULT_NAMESPACE)],
            query=query,
            states=tuple(FireState),
            zone=zone.key,
            next_url=query.next_url("/fires", page.next_cursor),
        )

    async def show(self, request: web.Request) -> web.Response:
        history = await self._tasks.history(request.query.get("id", ""))
        task = await self._task_of(history.fire.key)
        current = task is not None and task.version == history.fire.version
        retry = task.spec.policies.retry if task and current else None
        fire = fire_page(history, self._zone_of(task), self._frame.viewer(request), retry)
        return self._frame.page(request, "fire.html", fire=fire, alive=task is not None)

    async def _task_of(self, key: TaskKey) -> Task | None:
        try:
            return (await self._tasks.find(key)).task
        except TaskNotFound:
            return None

    def _zone_of(self, task: Task | None) -> ZoneInfo:
        return self._zone if task is None else task.spec.trigger.zone
