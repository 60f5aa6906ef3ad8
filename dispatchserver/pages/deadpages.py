"""The pages of dead letters: what failed for good, and sending it again after a look at how much that is."""

from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from aiohttp import web

from dispatchserver.auth.doors import Access, Route
from dispatchserver.auth.people import read_form
from dispatchserver.domain.errors import Fault, Invalid
from dispatchserver.domain.fields import as_integer
from dispatchserver.domain.listing import Page
from dispatchserver.domain.task import DEFAULT_NAMESPACE
from dispatchserver.engine.replays import DeadLetter, ReplayCases
from dispatchserver.engine.tasks import Tasks
from dispatchserver.pages.deadviews import (
    PATH,
    REASONS,
    SHOWN,
    TYPED_FROM,
    Asked,
    count_words,
    dead_row,
    progress,
    question,
    read_asked,
    read_dead_query,
)
from dispatchserver.pages.frame import Frame, actor
from dispatchserver.pages.queries import link

BATCH = 200
NOTHING: Page[DeadLetter] = Page(items=(), next_cursor=None)


class DeadPages:
    """Nothing is sent before its number was shown, and nothing twice, however often a form comes."""

    def __init__(self, frame: Frame, tasks: Tasks, replays: ReplayCases, zone: ZoneInfo) -> None:
        self._frame = frame
        self._tasks = tasks
        self._replays = replays
        self._zone = zone

    def routes(self) -> list[Route]:
        """All behind a session."""
        person, route = Access.PERSON, self._frame.route
        return [
            route("GET", PATH, self.list, person),
            route("GET", f"{PATH}/replay", self.ask, person),
            route("POST", f"{PATH}/replay", self.send, person),
            route("GET", f"{PATH}/sent", self.sent, person),
        ]

    async def list(self, request: web.Request) -> web.Response:
        wanted, query = read_dead_query(request.query, self._zone)
        faulty = bool(query.faults)
        page = NOTHING if faulty else await self._replays.dead(wanted, query.page)
        count = 0 if faulty else await self._replays.count(wanted)
        viewer, narrowed = self._frame.viewer(request), wanted.narrowed
        values = {name: value for name, value in query.values.items() if name != "show"}
        return self._frame.page(
            request,
            "dead.html",
            rows=[dead_row(letter, self._zone, viewer) for letter in page.items],
            count=count_words(count, viewer),
            groups=[group for group, _ in await self._tasks.groups(DEFAULT_NAMESPACE)],
            query=query,
            reasons=REASONS,
            shown=SHOWN,
            zone=self._zone.key,
            all_url=link(f"{PATH}/replay", **values) if narrowed and page.items else "",
            next_url=query.next_url(PATH, page.next_cursor),
        )

    async def ask(self, request: web.Request) -> web.Response:
        ids = request.query.getall("id", []) or _listed(request.query)
        return await self._ask(request, read_asked(request.query, ids, self._zone))

    async def _ask(
        self, request: web.Request, asked: Asked, fault: Fault | None = None, typed: str = ""
    ) -> web.Response:
        """How many would be sent again, and the first of them; nothing ticked and no filter is nothing to ask."""
        if not asked.wanted.narrowed:
            raise Invalid("page.dead.nothing")
        found = await self._replays.look(asked.wanted)
        return self._frame.page(
            request,
            "dead_replay.html",
            status=422 if fault else 200,
            asked=question(found, asked, self._zone, self._frame.viewer(request)),
            fault=fault,
            typed=typed,
            back_url=link(PATH, **{k: v for k, v in asked.fields.items() if k != "ids"}),
        )

    async def send(self, request: web.Request) -> web.Response:
        """One batch, and on to the page that tells how far it has come."""
        form = await read_form(request)
        asked = read_asked(form, _listed(form), self._zone)
        if fault := _wrong_number(form):
            return await self._ask(request, asked, fault, form.get("number", ""))
        made = await self._replays.failed(asked.wanted, actor(request), BATCH)
        carried = {name: form.get(name, "") for name in ("until", "total")}
        done = as_integer(form.get("done") or "0") + len(made.fires)
        return self._frame.see(link(f"{PATH}/sent", **asked.fields, **carried, done=str(done)))

    async def sent(self, request: web.Request) -> web.Response:
        """How many were sent; with some left, a form that sends the next ones, which our script sends by itself."""
        asked = read_asked(request.query, _listed(request.query), self._zone)
        left = (await self._replays.look(asked.wanted)).count
        viewer = self._frame.viewer(request)
        shown = progress(request.query, asked, left, self._zone, viewer)
        return self._frame.page(request, "dead_sent.html", progress=shown)


def _listed(fields: Mapping[str, str]) -> Sequence[str]:
    """The ids that were ticked, as a form carries them on."""
    return [each for each in fields.get("ids", "").split(",") if each]


def _wrong_number(form: Mapping[str, str]) -> Fault | None:
    """The fault of a form that sends many, where their number was not typed as it was shown."""
    total = as_integer(form.get("total", ""))
    if total <= TYPED_FROM or form.get("number", "").strip() == str(total):
        return None
    return Fault(field="number", code="page.dead.wrong_number", params={"count": total})
