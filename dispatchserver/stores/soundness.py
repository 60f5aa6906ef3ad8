"""After a stop that was not clean, a database is checked before anything is believed or written.

Whether it was clean stands in the file's own header (user_version), so that it goes where the file goes.
"""

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import aiosqlite

from dispatchserver.domain.errors import StoreCorrupt
from dispatchserver.stores.sqlitefile import DAMAGES, primary_code, read_uri

STOPPED_CLEANLY = 1
CLEAN = f"PRAGMA user_version = {STOPPED_CLEANLY}"
IN_USE = "PRAGMA user_version = 0"
BUDGET_S = 30.0
STEPS_BETWEEN_LOOKS = 10_000
TOLD_DAMAGES = 10
# Table by table, since the log cannot be cut while somebody reads: a check in one go would let it grow for minutes.
TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0 ORDER BY name"

log = logging.getLogger(__name__)


class Check:
    """The check of one file that must be there; what takes longer than its budget goes on beside the server."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._began = time.monotonic()
        self._end = float("inf")
        self._task: asyncio.Task[None] | None = None
        self.unfinished = False

    async def begin(self, budget_s: float | None = None) -> None:
        """Passes what was closed cleanly, or is sound; raises StoreCorrupt, sqlite3.Error."""
        self._end = self._began + (BUDGET_S if budget_s is None else budget_s)
        async with self._connected() as connection:
            ((version,),) = await connection.execute_fetchall("PRAGMA user_version")
            if version == STOPPED_CLEANLY:
                return
            await self._watch_time(connection)
            damage = await _damage(connection, str(TOLD_DAMAGES))
        self.unfinished = damage is None
        if damage is None:
            log.warning("store.check_unfinished", extra={"seconds": self._seconds()})
        elif damage:
            raise self._corrupt(damage)
        else:
            log.info("store.checked", extra={"seconds": self._seconds()})

    def go_on(self, on_damage: Callable[[StoreCorrupt], object]) -> None:
        """Where it was not finished, begins again beside the server, without a limit."""
        if self.unfinished:
            self._end = float("inf")
            self._task = asyncio.create_task(self._run(on_damage), name="storage-check")

    async def close(self) -> None:
        """Breaks off what goes on."""
        self._end = 0.0
        if self._task is not None:
            await self._task

    async def _run(self, on_damage: Callable[[StoreCorrupt], object]) -> None:
        try:
            damage = await self._by_table()
        except sqlite3.DatabaseError as error:
            damage = [str(error)] if primary_code(error) in DAMAGES else None
            if primary_code(error) != sqlite3.SQLITE_INTERRUPT:  # which is how it is broken off
                log.error("store.check_failed", extra={"why": str(error)})  # noqa: TRY400
        if damage:
            on_damage(self._corrupt(damage))
        elif damage is not None:
            self.unfinished = False
            log.info("store.checked", extra={"seconds": self._seconds()})

    async def _by_table(self) -> Sequence[str] | None:
        found: list[str] = []
        async with self._connected() as connection:
            await self._watch_time(connection)
            tables = [row[0] for row in await connection.execute_fetchall(TABLES)]
            for name in tables:
                damage = await _damage(connection, "'" + name.replace("'", "''") + "'")
                if damage is None:
                    return None
                found += damage
        return found[:TOLD_DAMAGES]

    def _connected(self) -> aiosqlite.Connection:
        return aiosqlite.connect(read_uri(self._path), uri=True, isolation_level=None)

    async def _watch_time(self, connection: aiosqlite.Connection) -> None:
        await connection.set_progress_handler(
            lambda: time.monotonic() > self._end, STEPS_BETWEEN_LOOKS
        )

    def _corrupt(self, damage: Sequence[str]) -> StoreCorrupt:
        return StoreCorrupt(f"{self._path}: {'; '.join(damage)}")

    def _seconds(self) -> float:
        return round(time.monotonic() - self._began, 3)


async def _damage(connection: aiosqlite.Connection, what: str) -> Sequence[str] | None:
    """What is wrong with the pages; None when there was not time enough to know."""
    try:
        told = await connection.execute_fetchall(f"PRAGMA quick_check({what})")
    except sqlite3.OperationalError as error:
        if primary_code(error) != sqlite3.SQLITE_INTERRUPT:
            raise
        return None
    lines = [line for row in told for line in str(row[0]).splitlines()]
    return [] if lines == ["ok"] else lines
