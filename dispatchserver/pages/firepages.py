"""The pages of fires: the log, and one fire."""

from zoneinfo import ZoneInfo

from aiohttp import web

from dispatchserver.auth.doors import Access, Route
from dispatchserver.auth.people import read_form
from dispatchserver.domain import jsontext
from dispatchserver.domain.errors import Refused, TaskNotFound
from dispatchserver.domain.faults import Faults
from dispatchserver.domain.fire import Fire, FireState
from dispatchserver.domain.listing import Page
from dispatchserver.domain.recall import check_data
from dispatchserver.domain.task import DEFAULT_NAMESPACE, Task, TaskKey
from dispatchserver.engine.limits import DestinationCases
from dispatchserver.engine.replays import ReplayCases
from dispatchserver.engine.tasks import FireHistory, Tasks
from dispatchserver.pages.deadviews import again
from dispatchserver.pages.faults import say_problem
from dispatchserver.pages.fireviews import data_text, fire_page, fire_row
from dispatchserver.pages.frame import Frame, actor
from dispatchserver.pages.queries import Query, link, read_fire_query, read_key


def read_own_data(typed: str, history: FireHistory) -> str | None:
    """The data typed as JSON text, where they are not those of the fire itself; raises Refused.

    Text that is no JSON is refused, but for data that are text anyway.
    """
    typed = typed.replace("\r\n", "\n")
    data = None if history.recall is None else history.recall.data
    if typed == data_text(data):
        return None
    faults = Faults()
    with faults.at("data"):
        value = typed if isinstance(data, str) else jsontext.loads(typed) if typed.strip() else None
        text = jsontext.dumps(check_data(value))
    faults.raise_if_any()
    return text


NOTHING: Page[Fire] = Page(items=(), next_cursor=None)


class FirePages:
    """What people see of fires. A log of one task is in that task's zone, a mixed one in the server's."""

    def __init__(
        self,
        frame: Frame,
        tasks: Tasks,
        replays: ReplayCases,
        zone: ZoneInfo,
        destinations: DestinationCases,
    ) -> None:
        self._frame = frame
        self._tasks = tasks
        self._replays = replays
        self._zone = zone
        self._destinations = destinations

    def routes(self) -> list[Route]:
        """All behind a session."""
        return [
            self._frame.route("GET", "/fires", self.list, Access.PERSON),
            self._frame.route("GET", "/fire", self.show, Access.PERSON),
            self._frame.route("POST", "/fire/replay", self.replay, Access.PERSON),
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
            why_url=_why_url(query),
            next_url=query.next_url("/fires", page.next_cursor),
        )

    async def show(self, request: web.Request) -> web.Response:
        return await self._shown(request, await self._tasks.history(request.query.get("id", "")))

    async def _shown(
        self,
        request: web.Request,
        history: FireHistory,
        refused: Refused | None = None,
        typed: str | None = None,
    ) -> web.Response:
        task = await self._task_of(history.fire.key)
        current = task is not None and task.version == history.fire.version
        retry = task.spec.policies.retry if task and current else None
        viewer = self._frame.viewer(request)
        behind = (history.fire.behind or "").split() if history.fire.waits_behind else ()
        places = [await self._destinations.look(name) for name in behind]
        fire = fire_page(history, self._zone_of(task), viewer, retry, places)
        faults = [] if refused is None else [say_problem(fault, viewer) for fault in refused.faults]
        return self._frame.page(
            request,
            "fire.html",
            status=422 if faults else 200,
            fire=fire,
            again=again(await self._replays.of(history.fire.id), viewer),
            alive=task is not None,
            faults=faults,
            data=fire.data if typed is None else typed,
        )

    async def replay(self, request: web.Request) -> web.Response:
        """Sends it once more, with the data typed where some was changed; a faulty text is told with the form as it was."""
        form = await read_form(request)
        history = await self._tasks.history(form.get("id", ""))
        try:
            data = read_own_data(form.get("data", ""), history)
        except Refused as refused:
            return await self._shown(request, history, refused, form["data"])
        fire = await self._replays.one(history.fire.id, actor(request), data)
        return self._frame.see(link("/fire", id=fire.id, done="replayed"))

    async def _task_of(self, key: TaskKey) -> Task | None:
        try:
            return (await self._tasks.find(key)).task
        except TaskNotFound:
            return None

    def _zone_of(self, task: Task | None) -> ZoneInfo:
        return self._zone if task is None else task.spec.trigger.zone


def _why_url(query: Query) -> str:
    """Where the page of a task, or of a deleted one, tells why it did not run at the time from which on nothing was found."""
    values = query.values
    if not (values["from"] and values["group"] and values["name"]):
        return ""
    return link("/task", group=values["group"], name=values["name"], why=values["from"]) + "#why"
