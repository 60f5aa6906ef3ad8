"""The write connection in a thread of its own, where a piece of work runs from its beginning to its end.

A trip to a thread and back costs more than most statements. A claim or a settlement is some ten of them, so
they travel together: the thread takes the whole work, whose coroutine never waits for anything there.
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import cache
from pathlib import Path
from queue import SimpleQueue
from re import sub
from threading import Thread
from typing import Any, TypeVar

from dispatchserver.stores.driver import Row, Trouble, Tx
from dispatchserver.stores.sqlitefile import trouble_of
from dispatchserver.stores.together import naming, read, telling

T = TypeVar("T")
Work = Callable[[Tx], Awaitable[T]]
CACHED_STATEMENTS = 512

Names = dict[str, tuple[str, ...]]
"""The columns of statements."""

_Order = tuple[Callable[[], Any], asyncio.Future[Any]]


class WriteThread:
    """One connection, used by its own thread alone; also a Tx, each of whose statements is a trip of its own."""

    def __init__(self) -> None:
        self.careful = True
        self._loop = asyncio.get_running_loop()
        self._orders: SimpleQueue[_Order | None] = SimpleQueue()
        self._connection: sqlite3.Connection | None = None
        self._names: Names = {}
        self._thread = Thread(target=self._obey, name="store-writer", daemon=True)
        self._thread.start()

    async def open(self, path: Path) -> None:
        """Opens the file; raises sqlite3.Error."""
        self._connection = await self._order(lambda: _connect(path))

    async def run(self, work: Work[T]) -> T:
        """Does this work in the thread, with nothing in between. It may wait for nothing but its Tx."""
        inside = _Inside(self.connection, self._names)
        return await self._order(lambda: _to_its_end(work(inside)))

    async def fetch(self, sql: str, *args: object) -> Sequence[Row]:
        return await self.run(lambda tx: tx.fetch(sql, *args))

    async def fetch_many(self, sql: str, *args: object) -> Sequence[Row]:
        return await self.run(lambda tx: tx.fetch_many(sql, *args))

    async def execute(self, sql: str, *args: object) -> int:
        return await self.run(lambda tx: tx.execute(sql, *args))

    async def script(self, sql: str) -> None:
        """Runs many statements as they are."""
        await self._order(lambda: self.connection.executescript(sql))

    async def trace(self, hear: Callable[[str], object] | None) -> None:
        """Has every statement told to `hear`, as the database itself sees it."""
        await self._order(lambda: self.connection.set_trace_callback(hear))

    def trouble(self, error: Exception) -> Trouble:
        """What this error says of the database."""
        return trouble_of(error)

    async def close(self) -> None:
        """Closes the connection, if it ever opened, and ends the thread."""
        if self._connection is not None:
            await self._order(self._connection.close)
        self._orders.put(None)
        self._thread.join()  # it has nothing left to do

    @property
    def connection(self) -> sqlite3.Connection:
        """The open connection; raises sqlite3.ProgrammingError before it is."""
        if self._connection is None:
            raise sqlite3.ProgrammingError("not open")
        return self._connection

    async def _order(self, what: Callable[[], T]) -> T:
        future: asyncio.Future[T] = self._loop.create_future()
        self._orders.put((what, future))
        return await future

    def _obey(self) -> None:
        while (order := self._orders.get()) is not None:
            what, future = order
            try:
                result = what()
            except BaseException as error:  # noqa: BLE001  (whoever ordered it must hear of it, whatever it is)
                self._loop.call_soon_threadsafe(_fail, future, error)
            else:
                self._loop.call_soon_threadsafe(_succeed, future, result)


class _Inside:
    """The connection as its own thread sees it: a statement is done when it returns."""

    def __init__(self, connection: sqlite3.Connection, names: Names) -> None:
        self._connection = connection
        self._names = names
        self.careful = False

    async def fetch(self, sql: str, *args: object) -> Sequence[Row]:
        return self._connection.execute(numbered(sql), args).fetchall()

    async def fetch_many(self, sql: str, *args: object) -> Sequence[Row]:
        names = self._names.get(sql)
        if names is None:
            described = self._connection.execute(numbered(naming(sql)), args).description
            names = self._names[sql] = tuple(column[0] for column in described)
        (row,) = await self.fetch(telling(sql, names), *args)
        return await self.fetch(sql, *args) if row["left_out"] else read(row["told"], names)

    async def execute(self, sql: str, *args: object) -> int:
        return self._connection.execute(numbered(sql), args).rowcount


@cache
def numbered(sql: str) -> str:
    """SQLite's spelling of $1 is ?1; the statements are constants, so this is worked out once each."""
    return sub(r"\$(\d+)", r"?\1", sql)


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, cached_statements=CACHED_STATEMENTS)
    connection.row_factory = sqlite3.Row
    return connection


def _to_its_end(work: Awaitable[T]) -> T:
    """What a coroutine returns that never waits."""
    coroutine = work if isinstance(work, Coroutine) else _awaiting(work)
    try:
        coroutine.send(None)
    except StopIteration as ended:
        result: T = ended.value
        return result
    coroutine.close()
    raise RuntimeError("work in the writer's thread waited for something else than its transaction")


async def _awaiting(work: Awaitable[T]) -> T:
    return await work


def _succeed(future: asyncio.Future[T], result: T) -> None:
    if not future.done():  # who ordered it may have been cancelled meanwhile
        future.set_result(result)


def _fail(future: asyncio.Future[Any], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
