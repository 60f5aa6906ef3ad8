"""Where the lines of an import are read: here, or where there are many of them, in a process aside."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import NamedTuple, Self

from dispatchserver.aside import Aside, AsideGone
from dispatchserver.auth.linestream import LineStream
from dispatchserver.dialects.rest.lines import (
    Bad,
    LineReader,
    Lines,
    Portion,
    PortionReader,
    Said,
    Terms,
)
from dispatchserver.domain.group import Usuals
from dispatchserver.engine.loop import breathe

LINES_AT_ONCE = 1_000
LINES_AT_A_STRETCH = 50
WORTH_A_PROCESS = 10_000
"""After how many lines a process is begun. Until it is there, some thousands could have been read here."""
CORES = os.cpu_count() or 1

log = logging.getLogger(__name__)


class Read(NamedTuple):
    """What some lines say, and on which terms they were read; nothing where there were no more."""

    terms: Terms
    found: list[Said | Bad]


class LineReading:
    """Reads a body portion by portion. A process aside is a portion ahead of who stores them; here nothing is read
    meanwhile: both want the interpreter, and each would cost a tenth more.

    Leaving it as a context ends the process.
    """

    def __init__(self, lines: LineStream, terms: Callable[[], Awaitable[Terms]]) -> None:
        self._lines = lines
        self._terms = terms
        self._taken = 0
        self._here = CORES == 1
        self._aside: Aside[Portion, list[Said | Bad]] | None = None
        self._told: Usuals | None = None
        self._ahead: asyncio.Task[Read] | None = None

    async def next(self) -> Read:
        """The next portion."""
        read = await (self._ahead or self._read())
        self._ahead = asyncio.create_task(self._read()) if self._goes_aside else None
        return read

    @property
    def _goes_aside(self) -> bool:
        return self._taken >= WORTH_A_PROCESS and not self._here

    async def _read(self) -> Read:
        aside = self._goes_aside
        lines, terms = await self._lines.take(LINES_AT_ONCE), await self._terms()
        self._taken += len(lines)
        if aside and lines:
            try:
                return Read(terms, await self._read_aside(lines, terms))
            except AsideGone as gone:
                log.warning("import.aside_gone", extra={"why": str(gone)})
                self._here = True
        return Read(terms, await _read_here(lines, terms))

    async def _read_aside(self, lines: Lines, terms: Terms) -> list[Said | Bad]:
        if self._aside is None:
            self._aside = await Aside[Portion, list[Said | Bad]].start(PortionReader)
        usuals = None if terms.usuals == self._told else terms.usuals
        self._told = terms.usuals
        portion = Portion(lines=lines, manner=terms.manner, now=terms.now, usuals=usuals)
        return await self._aside.ask(portion)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if self._ahead is not None:
            self._ahead.cancel()
            await asyncio.wait([self._ahead])
        if self._aside is not None:
            await self._aside.close()


async def _read_here(lines: Lines, terms: Terms) -> list[Said | Bad]:
    """At a stretch of some lines, between which others have their turn."""
    reader = LineReader(terms)
    found: list[Said | Bad] = []
    for at in range(0, len(lines), LINES_AT_A_STRETCH):
        found += reader.read(lines[at : at + LINES_AT_A_STRETCH])
        if terms.manner.stops and isinstance(found[-1], Bad):
            break
        await breathe()
    return found
