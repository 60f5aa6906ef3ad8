"""`POST /api/v1/tasks:import`: tasks as lines of JSON, stored as they come, a hundred a transaction."""

import asyncio
from collections.abc import Sequence

from aiohttp import web

from dispatchserver.auth.doors import ACTOR, ErrorPage, Route, language
from dispatchserver.auth.intake import check_charset
from dispatchserver.auth.linestream import LineStream, Numbered
from dispatchserver.dialects.rest.importing import (
    Bad,
    LineReader,
    Manner,
    Said,
    Tally,
    bad_line,
    open_line,
    read_manner,
    refusal,
    tally_doc,
)
from dispatchserver.dialects.rest.routes import STATUS, answer, rest_routes
from dispatchserver.dialects.rest.wire import problem_doc
from dispatchserver.documents.reading import Basis
from dispatchserver.domain.changing import Change
from dispatchserver.domain.errors import DispatchError
from dispatchserver.domain.task import DEFAULT_NAMESPACE
from dispatchserver.engine.groups import GroupCases
from dispatchserver.engine.loop import breathe
from dispatchserver.engine.tasks import Tasks
from dispatchserver.messages import say
from dispatchserver.ports import Actor, Clock

LINES_AT_ONCE = 1_000
LINES_AT_A_STRETCH = 50
LINES_A_TRANSACTION = 100


class ImportRoutes:
    """Takes one import at a time: another waits, and so does its sender."""

    def __init__(
        self, tasks: Tasks, groups: GroupCases, clock: Clock, lang: str, refuse: ErrorPage
    ) -> None:
        self._tasks = tasks
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
        async with self._turn:
            taken = Import(self._tasks, self._groups, self._clock, request[ACTOR], manner)
            await taken.run(lines)
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
    """One import under way: some lines are read, then they are stored.

    `end` is the line at which it ended before its time; nothing from that line on is stored.
    """

    def __init__(
        self, tasks: Tasks, groups: GroupCases, clock: Clock, actor: Actor, manner: Manner
    ) -> None:
        self._tasks = tasks
        self._groups = groups
        self._clock = clock
        self._actor = actor
        self._manner = manner
        self.tally = Tally()
        self.end: Bad | None = None

    async def run(self, lines: LineStream) -> None:
        """Takes all lines that come, up to one that ends it. Nothing is read while the store writes: both want the
        interpreter, and each would cost a tenth more.
        """
        while self.end is None and (portion := await lines.take(LINES_AT_ONCE)):
            await self._store(*await self._read(portion))
        if self.end is None and lines.failure is not None:
            self.end = Bad(*lines.failure)

    async def _read(self, portion: Sequence[Numbered]) -> tuple[list[Said], list[Bad]]:
        """What the lines say. Where a faulty line ends the import, those after it are not looked at."""
        reader = LineReader(overwrite=self._manner.overwrite)
        said: list[Said] = []
        bad: list[Bad] = []
        for at in range(0, len(portion), LINES_AT_A_STRETCH):
            for number, text in portion[at : at + LINES_AT_A_STRETCH]:
                line = await self._read_line(number, text, reader)
                if isinstance(line, Said):
                    said.append(line)
                    continue
                bad.append(line)
                if self._manner.stops:
                    return said, bad
            await breathe()
        return said, bad

    async def _read_line(self, number: int, text: bytes, reader: LineReader) -> Said | Bad:
        line = open_line(number, text)
        if isinstance(line, Bad):
            return line
        if line.group not in reader.bases:
            usual = await self._groups.usual(DEFAULT_NAMESPACE, line.group or "")
            now = self._clock.now()
            reader.bases[line.group] = Basis(now=now, zone=usual.zone, policies=usual.policies)
        return reader.read(line)

    async def _store(self, said: Sequence[Said], bad: list[Bad]) -> None:
        """In small transactions, since a callback that is due waits for the one that is under way."""
        stops = self._manner.stops
        for at in range(0, len(said), LINES_A_TRANSACTION):
            refused = await self._store_some(said[at : at + LINES_A_TRANSACTION])
            bad += refused
            if self.end is not None or (stops and refused):
                break
        bad.sort(key=lambda line: line.number)
        if self.end is not None:
            bad = [line for line in bad if line.number < self.end.number]
        elif stops:
            bad = bad[:1]
            self.end = bad[0] if bad else None
        self.tally.refuse(bad)

    async def _store_some(self, said: Sequence[Said]) -> list[Bad]:
        """Those of the lines that the store refused."""
        additions = [each.addition for each in said]
        try:
            answers = await self._tasks.put_all(additions, self._actor, stop=self._manner.stops)
        except DispatchError as error:  # nothing of these lines is stored
            self.end = Bad(said[0].line.number, error)
            return []
        refused = []
        for each, change in zip(said, answers, strict=False):
            if isinstance(change, Change):
                self.tally.book(change)
            elif isinstance(change, DispatchError):
                refused.append(bad_line(each.line, refusal(each, change)))
        return refused
