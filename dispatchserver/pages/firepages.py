"""The pages of fires: the log, and one fire."""

from zoneinfo import ZoneInfo

from aiohttp import web

from dispatchserver.auth.doors import Access, Route
from dispatchserver.domain.errors import TaskNotFound
from dispatchserver.domain.fire import Fire, FireState
from dispatchserver.domain.listing import Page
from dispatchserver.domain.task import DEFAULT_NAMESPACE, TaskKey
from dispatchserver.engine.tasks import Tasks
from dispatchserver.pages.fireviews import fire_page, fire_row
from dispatchserver.pages.frame import Frame
from dispatchserver.pages.queries import Query, link, read_fire_query, read_key

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
        zone, alive = await self._zone_of(read_key(request.query))
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
            why_url=_why_url(query) if alive else "",
            next_url=query.next_url("/fires", page.next_cursor),
        )

    async def show(self, request: web.Request) -> web.Response:
        history = await self._tasks.history(request.query.get("id", ""))
        zone, alive = await self._zone_of(history.fire.key)
        fire = fire_page(history, zone, self._frame.viewer(request))
        return self._frame.page(request, "fire.html", fire=fire, alive=alive)

    async def _zone_of(self, key: TaskKey) -> tuple[ZoneInfo, bool]:
        """The task's zone, and whether the task is there; the server's where it is not."""
        try:
            status = await self._tasks.find(key)
        except TaskNotFound:
            return self._zone, False
        return status.task.spec.trigger.zone, True


def _why_url(query: Query) -> str:
    """Where a task's page tells why it did not run at the time from which on nothing was found."""
    values = query.values
    if not values["from"]:
        return ""
    return link("/task", group=values["group"], name=values["name"], why=values["from"]) + "#why"
