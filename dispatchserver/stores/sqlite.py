"""The SQLite driver: one writer with group commit, readers of their own, durable to the disk."""

import fcntl
import logging
import os
import sqlite3
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TextIO

import aiosqlite

from dispatchserver.domain.errors import StoreCorrupt, StoreInUse, StoreUnavailable
from dispatchserver.stores.ballast import Ballast
from dispatchserver.stores.driver import A, Need, OnCommit, Operation, R, Row, Trouble, Tx
from dispatchserver.stores.groupcommit import GroupCommit
from dispatchserver.stores.soundness import CLEAN, IN_USE, Check
from dispatchserver.stores.sqlitefile import trouble_of, unreadable
from dispatchserver.stores.standing import Recovery, Standing, Watch
from dispatchserver.stores.together import naming, read, telling
from dispatchserver.stores.writethread import WriteThread, numbered

OLDEST_SQLITE = (3, 38, 0)
PAGE_READERS = 2
PRAGMAS = {
    "journal_mode": "wal",
    "synchronous": "2",  # FULL: with less, an acknowledged add is gone after a power cut
    "foreign_keys": "1",
    "busy_timeout": "5000",
    "wal_autocheckpoint": "4000",  # pages; what is written again and again meanwhile is copied over once
    "journal_size_limit": str(64 * 1024 * 1024),
}
# A write over many rows keeps what it would undo, and what it unfolds, beside the database. In a file, which is made
# and deleted for every statement, that costs as much again as the write itself. It has no part in durability.
# A stream of tasks comes back to its pages every second: 8 MiB hold those of some thousand.
WRITER_PRAGMAS = {"temp_store": "2", "cache_size": "-8192"}

log = logging.getLogger(__name__)


class SqliteConnection:
    """One reading connection in one thread of its own."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection
        self._names: dict[str, tuple[str, ...]] = {}

    @classmethod
    async def open(cls, path: Path) -> "SqliteConnection":
        """Opens the file with our pragmas; raises StoreUnavailable when one did not hold."""
        connection = await aiosqlite.connect(path, isolation_level=None, cached_statements=256)
        connection.row_factory = sqlite3.Row
        opened = cls(connection)
        try:
            await _set_up(opened.fetch, PRAGMAS)
            await opened.fetch("PRAGMA query_only = 1")
        except BaseException:
            await opened.close()  # its thread would keep the process from ending
            raise
        return opened

    async def fetch(self, sql: str, *args: object) -> Sequence[Row]:
        return list(await self._connection.execute_fetchall(numbered(sql), args))

    async def fetch_many(self, sql: str, *args: object) -> Sequence[Row]:
        names = self._names.get(sql)
        if names is None:
            async with self._connection.execute(numbered(naming(sql)), args) as cursor:
                names = self._names[sql] = tuple(column[0] for column in cursor.description)
        (row,) = await self.fetch(telling(sql, names), *args)
        return await self.fetch(sql, *args) if row["left_out"] else read(row["told"], names)

    async def close(self) -> None:
        await self._connection.close()


async def open_writer(path: Path) -> WriteThread:
    """Opens (and makes) the file for writing, with our pragmas; raises StoreUnavailable when one did not hold."""
    opened = WriteThread()
    try:
        await opened.open(path)
        await _set_up(opened.fetch, PRAGMAS | WRITER_PRAGMAS)
    except BaseException:
        await opened.close()
        raise
    return opened


async def _set_up(
    fetch: Callable[[str], Awaitable[Sequence[Row]]], pragmas: Mapping[str, str]
) -> None:
    """Sets pragmas and reads them back."""
    for name, value in pragmas.items():
        await fetch(f"PRAGMA {name} = {value}")
        (row,) = await fetch(f"PRAGMA {name}")
        held = str(next(iter(row)))  # type: ignore[call-overload]
        if held != value:
            raise StoreUnavailable(f"PRAGMA {name} is {held}, not {value}")


Fetch = Callable[..., Awaitable[Sequence[Row]]]


class PagedReader:
    """A few connections used in turn. What they read and find damaged ends the server, as it would not have started."""

    def __init__(self, connections: Sequence[SqliteConnection], standing: Standing) -> None:
        self._connections = connections
        self._standing = standing
        self._turn = 0

    async def fetch(self, sql: str, *args: object) -> Sequence[Row]:
        return await self._read(SqliteConnection.fetch, sql, *args)

    async def fetch_many(self, sql: str, *args: object) -> Sequence[Row]:
        return await self._read(SqliteConnection.fetch_many, sql, *args)

    async def _read(self, fetch: Fetch, sql: str, *args: object) -> Sequence[Row]:
        self._turn = (self._turn + 1) % len(self._connections)
        try:
            return await fetch(self._connections[self._turn], sql, *args)
        except sqlite3.DatabaseError as error:
            if trouble_of(error) is Trouble.DAMAGED:
                self._standing.end(StoreCorrupt(str(error)))
            raise


class SqliteDriver:
    """An open database file. `exclusive` keeps a second server off it; one-off commands do without."""

    def __init__(
        self,
        writer: WriteThread,
        readers: Sequence[SqliteConnection],
        lock: TextIO | None,
        on_commit: OnCommit | None = None,
        watch: Watch | None = None,
    ) -> None:
        self._writer = writer
        self._readers = readers
        self._lock = lock
        self._standing = Standing(watch)
        self._commits = GroupCommit(writer, on_commit, self._standing)
        self._check: Check | None = None
        self._recovery: Recovery | None = None
        self.engine_reader = PagedReader(readers[:1], self._standing)
        self.page_reader = PagedReader(readers[1:], self._standing)

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        exclusive: bool,
        on_commit: OnCommit | None = None,
        watch: Watch | None = None,
    ) -> "SqliteDriver":
        """Opens (and makes) the file; raises StoreInUse, StoreCorrupt, StoreUnavailable."""
        if sqlite3.sqlite_version_info < OLDEST_SQLITE:
            raise StoreUnavailable(f"SQLite {sqlite3.sqlite_version} is older than 3.38")
        async with AsyncExitStack() as opened:
            try:
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                lock = opened.enter_context(_lock(path)) if exclusive else None
                ballast = None if watch is None else Ballast(path, watch.ballast)
                if ballast is not None:
                    ballast.make_way()
                check = Check(path)
                if exclusive and _is_there(path):
                    await check.begin()
                writer = await open_writer(path)
                opened.push_async_callback(writer.close)
                os.chmod(path, 0o600)
                if exclusive:
                    await writer.execute(IN_USE)
                readers = []
                for _ in range(1 + PAGE_READERS):
                    readers.append(await SqliteConnection.open(path))
                    opened.push_async_callback(readers[-1].close)
            except (OSError, sqlite3.Error) as error:
                raise unreadable(path, error) from error
            opened.pop_all()  # all is well: from here on the driver closes them
        driver = cls(writer, readers, lock, on_commit, watch)
        driver._keep_watch(check, ballast)
        return driver

    def _keep_watch(self, check: Check, ballast: Ballast | None) -> None:
        self._check = check
        check.go_on(self._standing.end)
        if ballast is not None:
            self._recovery = Recovery(self._standing, ballast, self._probe)

    @property
    def writer(self) -> WriteThread:
        """The write connection, for migrations before anything else runs."""
        return self._writer

    @property
    def checking(self) -> bool:
        """Whether the check of its pages goes on, or was broken off."""
        return self._check is not None and self._check.unfinished

    def submit(
        self,
        operation: Operation[A, R],
        argument: A,
        need: Need = Need.ORDINARY,
        *,
        patient: bool = False,
    ) -> Awaitable[R]:
        return self._commits.submit(operation, argument, need, patient=patient)

    async def check(self) -> None:
        """Writes nothing: this is asked often, and by anybody."""
        await self.submit(_touch, None)

    async def _probe(self) -> None:
        await self.submit(_prove, None, Need.PROBE)

    async def close(self) -> None:
        """Finishes what is queued and closes; a disk that takes no more makes it an unclean end, and no failing one."""
        if self._check is not None:
            await self._check.close()
        if self._recovery is not None:
            await self._recovery.close()
        await self._commits.close()
        for reader in self._readers:
            await reader.close()
        try:
            if self._lock is not None and not self.checking and not self._standing.ended:
                await self._writer.execute(CLEAN)
            if not self._standing.ended:
                await self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error as error:
            log.error("store.unclean_close", extra={"why": str(error)})  # noqa: TRY400
        await self._writer.close()
        if self._lock is not None:
            self._lock.close()


async def _touch(tx: Tx, asked: Sequence[None]) -> Sequence[None]:
    await tx.fetch("SELECT 1")
    return asked


async def _prove(tx: Tx, asked: Sequence[None]) -> Sequence[None]:
    """Writes a page with what stands there already."""
    await tx.execute(IN_USE)
    return asked


def _is_there(path: Path) -> bool:
    return path.exists()


def _lock(path: Path) -> TextIO:
    """Holds the lock file beside the database until the process ends, however it ends."""
    lock = open(path.with_name(path.name + ".lock"), "a+", encoding="ascii")  # noqa: SIM115
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.seek(0)
        pid = lock.read().strip() or "?"
        lock.close()
        raise StoreInUse(path=path, pid=pid) from error
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock
