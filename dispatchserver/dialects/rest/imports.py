"""`POST /api/v1/tasks:import`: tasks as lines of JSON, stored as they come, some hundreds a transaction."""

import asyncio
from collections.abc import Callable, Sequence

from aiohttp import web

from dispatchserver.auth.doors import ACTOR, ErrorPage, Route, language
from dispatchserver.auth.intake import check_charset
from dispatchserver.auth.linestream import LineStream
from dispatchserver.dialects.rest.importing import (
    Tally,
    read_manner,
    refused,
    tally_doc,
)
from dispatchserver.dialects.rest.linereading import LineReading, Reader
from dispatchserver.dialects.rest.lines import Bad, Manner, Said, Terms
from dispatchserver.dialects.rest.routes import STATUS, answer, rest_routes
from dispatchserver.dialects.rest.wire import problem_doc
from dispatchserver.domain.changing import Change
from dispatchserver.domain.errors import DispatchError
from dispatchserver.domain.task import DEFAULT_NAMESPACE
from dispatchserver.engine.groups import GroupCases
from dispatchserver.engine.tasks import Tasks
from dispatchserver.messages import say
from dispatchserver.ports import Actor, Clock, NewTasks


class ImportRoutes:
    """Takes one import at a time: another waits, and so does its sender."""

    def __init__(
        self,
        tasks: Tasks,
        groups: GroupCases,
        clock: Clock,
        aside: Callable[[], Reader],
        lang: str,
        refuse: ErrorPage,
    ) -> None:
        self._tasks = tasks
        self._aside = aside
        self._groups = groups
        self._clock = clock
        self._lang = lang
        self._refuse = refuse
        self._turn = asyncio.Lock()

    def routes(self) -> Sequence[Route]:
        """The one address."""
        return rest_routes([("POST", "/tasks:import", self._import)], self._refuse)

    async def _import(self, request: web.Request) -> web.Response:
        check_charset(request)
        manner = read_manner(request.query, request.headers)
        lines, lang = LineStream(request.content), language(request, self._lang)

        async def terms() -> Terms:
            usuals = await self._groups.usuals(DEFAULT_NAMESPACE)
            return Terms(manner=manner, now=self._clock.now(), usuals=usuals)

        actor = request[ACTOR]
        async with self._turn, LineReading(lines, terms, actor, self._aside) as reading:
            taken = Import(self._tasks, actor, manner)
            await taken.run(reading)
            if taken.end is None and lines.failure is not None:
                taken.end = Bad(*lines.failure)
        tally, end = tally_doc(taken.tally, lang), taken.end
        if end is None:
            return answer(tally)
        status = STATUS.get(type(end.error), 400)
        problem = problem_doc(end.error, status, lang)
        stored = taken.tally.lines - taken.tally.refused
        told = say(lang, "import.ended", line=end.number, stored=stored, why=problem["detail"])
        doc = tally | problem | {"detail": told, "line": end.number}
        return answer(doc, status, "application/problem+json")


class Import:
    """One import under way: what some lines say is stored, then what the next ones say.

    `end` is the line at which it ended before its time; nothing from that line on is stored.
    """

    def __init__(self, tasks: Tasks, actor: Actor, manner: Manner) -> None:
        self._tasks = tasks
        self._actor = actor
        self._stops = manner.stops
        self.tally = Tally()
        self.end: Bad | None = None

    async def run(self, reading: LineReading) -> None:
        """Takes all lines that come, up to one that ends it."""
        while self.end is None and (read := await reading.next()).lines:
            added = self.tally.added
            found = read.found
            if isinstance(found, NewTasks) and not await self._add(found, read.lines[0][0]):
                found = await reading.again(read)
            if isinstance(found, list):
                await self._store(found, read.terms)
            reading.all_new = self.tally.added - added == len(read.lines)

    async def _add(self, new: NewTasks, number: int) -> bool:
        """Whether that is all about these lines, the first of which has this number; else each is to be looked at."""
        try:
            added = await self._tasks.add_new(new)
        except DispatchError as error:  # nothing of these lines is stored
            self.end = Bad(number, error)
            return True
        if added:
            self.tally.add(new.count)
        return added

    async def _store(self, found: Sequence[Said | Bad], terms: Terms) -> None:
        """In one small transaction, since a callback that is due waits for the one that is under way."""
        said = [line for line in found if isinstance(line, Said)]
        bad = [line for line in found if isinstance(line, Bad)]
        bad = sorted(bad + await self._put(said, terms), key=lambda line: line.number)
        if self.end is not None:
            bad = [line for line in bad if line.number < self.end.number]
        elif self._stops:
            bad = bad[:1]
            self.end = bad[0] if bad else None
        self.tally.refuse(bad)

    async def _put(self, said: Sequence[Said], terms: Terms) -> list[Bad]:
        """Those of the lines that the store refused."""
        additions = [line.addition(terms) for line in said]
        try:
            answers = await self._tasks.put_all(additions, self._actor, stop=self._stops)
        except DispatchError as error:  # nothing of these lines is stored
            self.end = Bad(said[0].number, error)
            return []
        refusals = []
        for line, change in zip(said, answers, strict=False):
            if isinstance(change, Change):
                self.tally.book(change)
            elif isinstance(change, DispatchError):
                refusals.append(refused(line, terms, change))
        return refusals
