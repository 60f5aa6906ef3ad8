"""Where the lines of an import are read: here, or where there are many of them, in a process aside."""

import asyncio
import logging
import os
from collections import deque
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import NamedTuple, Self

from dispatchserver.aside import Aside, AsideGone
from dispatchserver.auth.linestream import LineStream
from dispatchserver.dialects.rest.lines import Bad, LineReader, Lines, Said, Terms, renewed
from dispatchserver.dialects.rest.portions import Found, Portion
from dispatchserver.domain.group import Usuals
from dispatchserver.engine.loop import breathe
from dispatchserver.ports import Actor

LINES_AT_ONCE = 500
"""How many are read, and stored in one transaction."""
LINES_AT_A_STRETCH = 50
WORTH_A_PROCESS = 10_000
"""After how many lines a process is begun. Until it is there, some thousands could have been read here."""
CORES = os.cpu_count() or 1
AHEAD = 2
"""How many portions of new tasks are read ahead, so that none is waited for, though some take longer to be stored than
others. What the server has to look at itself is not read sooner: both would want the interpreter."""

log = logging.getLogger(__name__)


Reader = Callable[[Portion], Found]


class Read(NamedTuple):
    """What some lines say, and on which terms they were read; no lines where there were no more."""

    terms: Terms
    lines: Lines
    found: Found


class ReaderAside:
    """A process that reads one portion after the other, begun with the first."""

    def __init__(self, make: Callable[[], Reader]) -> None:
        self._make = make
        self._turn = asyncio.Lock()
        self._process: Aside[Portion, Found] | None = None
        self._told: Usuals | None = None

    async def read(self, lines: Lines, terms: Terms, adding: Actor | None) -> Found:
        """What these lines say; raises AsideGone."""
        async with self._turn:
            if self._process is None:
                self._process = await Aside[Portion, Found].start(self._make)
            usuals = None if terms.usuals == self._told else terms.usuals
            self._told = terms.usuals
            portion = Portion(
                lines=lines, manner=terms.manner, now=terms.now, usuals=usuals, adding=adding
            )
            return await self._process.ask(portion)

    async def close(self) -> None:
        """Ends the process."""
        if self._process is not None:
            await self._process.close()


class LineReading:
    """Reads a body portion by portion. A process aside is ahead of who stores them; here nothing is read meanwhile: both
    want the interpreter, and each would cost a tenth more.

    `all_new` is for who stores them to say: whether the lines may be taken for new tasks. Then the process aside decides
    what becomes of them too, and makes them ready to be stored. Leaving it as a context ends the process.
    """

    def __init__(
        self,
        lines: LineStream,
        terms: Callable[[], Awaitable[Terms]],
        actor: Actor,
        make: Callable[[], Reader],
    ) -> None:
        self._lines = lines
        self._terms = terms
        self._actor = actor
        self._taken = 0
        self._taking, self._reading = asyncio.Lock(), asyncio.Lock()
        self._reader: LineReader | None = None
        self._aside = ReaderAside(make)
        self._here = CORES == 1
        self._ahead: deque[asyncio.Task[Read]] = deque()
        self.all_new = False

    async def next(self) -> Read:
        """The next portion."""
        read = await (self._ahead.popleft() if self._ahead else self._read())
        while self._goes_aside and len(self._ahead) < (AHEAD if self.all_new else 1):
            self._ahead.append(asyncio.create_task(self._read()))
        return read

    async def again(self, read: Read) -> list[Said | Bad]:
        """What the same lines say one by one: some of them are no new tasks."""
        found = await self._found(read.lines, read.terms, None)
        assert isinstance(found, list), "nobody asked for new tasks"
        return found

    @property
    def _goes_aside(self) -> bool:
        return self._taken >= WORTH_A_PROCESS and not self._here

    async def _read(self) -> Read:
        async with self._taking:  # in their order
            lines, terms = await self._lines.take(LINES_AT_ONCE), await self._terms()
        self._taken += len(lines)
        adding = self._actor if self.all_new else None
        return Read(terms, lines, await self._found(lines, terms, adding))

    async def _found(self, lines: Lines, terms: Terms, adding: Actor | None) -> Found:
        if self._goes_aside and lines:
            try:
                return await self._aside.read(lines, terms, adding)
            except AsideGone as gone:
                log.warning("import.aside_gone", extra={"why": str(gone)})
                self._here = True
        async with self._reading:
            return await self._read_here(lines, terms)

    async def _read_here(self, lines: Lines, terms: Terms) -> list[Said | Bad]:
        """At a stretch of some lines, between which others have their turn."""
        reader = self._reader = renewed(self._reader, terms)
        found: list[Said | Bad] = []
        for at in range(0, len(lines), LINES_AT_A_STRETCH):
            found += reader.read(lines[at : at + LINES_AT_A_STRETCH])
            if terms.manner.stops and isinstance(found[-1], Bad):
                break
            await breathe()
        return found

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        for task in self._ahead:
            task.cancel()
        await asyncio.gather(*self._ahead, return_exceptions=True)
        await self._aside.close()
