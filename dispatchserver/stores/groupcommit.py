"""Many writes, one commit: whatever queued up while the last transaction ran shares the next one."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import Any, Protocol, TypeVar

from dispatchserver.domain.errors import DispatchError, StoreUnavailable
from dispatchserver.stores.driver import A, Need, OnCommit, Operation, R, Trouble, Tx
from dispatchserver.stores.standing import Standing

T = TypeVar("T")
QUEUE_LIMIT = 10_000
PATIENCE_S = 0.01
WORTH_A_COMMIT = 64
BATCH_LIMIT = 512
BEGIN = "BEGIN IMMEDIATE"

log = logging.getLogger(__name__)


class Connection(Protocol):
    """A write connection."""

    async def run(self, work: Callable[[Tx], Awaitable[T]]) -> T:
        """Does this work, with nobody else's statements in between."""

    def trouble(self, error: Exception) -> Trouble:
        """What this error says of the database."""


@dataclass(slots=True)
class _Entry:
    operation: Operation[Any, Any]
    argument: Any
    future: asyncio.Future[Any]
    need: Need


class GroupCommit:
    """Owns the one write connection. A caller is answered only after the COMMIT that holds its write.

    Neighbours in the queue with the same operation are handed to it together, so that a statement is
    paid once per batch. A write that fails takes nothing else down: its group is undone and tried one by one.
    What the database's standing does not allow is refused without being tried.
    """

    def __init__(
        self,
        connection: Connection,
        on_commit: OnCommit | None = None,
        standing: Standing | None = None,
    ) -> None:
        self._connection = connection
        self._on_commit = on_commit
        self._standing = standing or Standing()
        self._queue: deque[_Entry] = deque()
        self._wanted = asyncio.Event()
        self._hurried = asyncio.Event()
        self._closing = False
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.create_task(self._run(), name="group-commit")

    def submit(
        self,
        operation: Operation[A, R],
        argument: A,
        need: Need = Need.ORDINARY,
        *,
        patient: bool = False,
    ) -> Awaitable[R]:
        """Queues one write and waits for its commit; raises StoreUnavailable when nothing was stored. What is `patient`
        waits a moment for others to share the transaction, as long as nobody else wants one."""
        future: asyncio.Future[R] = self._loop.create_future()
        if self._closing or len(self._queue) >= QUEUE_LIMIT:
            why = "closing" if self._closing else f"{QUEUE_LIMIT} writes are waiting"
            future.set_exception(StoreUnavailable(why))
            return future
        if not self._queue:
            self._wanted.set()
        self._queue.append(_Entry(operation, argument, future, need))
        if not patient or len(self._queue) >= WORTH_A_COMMIT:
            self._hurried.set()
        return future

    async def close(self) -> None:
        """Commits what is queued and stops."""
        self._closing = True
        self._wanted.set()
        self._hurried.set()
        await self._task

    async def _run(self) -> None:
        while self._queue or not self._closing:
            await self._wanted.wait()
            self._wanted.clear()
            while self._queue:
                await self._gather()
                batch = [self._queue.popleft() for _ in range(min(BATCH_LIMIT, len(self._queue)))]
                if allowed := self._allowed(batch):
                    await self._commit(allowed)

    async def _gather(self) -> None:
        """Lets patient writes come together, until one that is not joins them."""
        if not self._hurried.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE_S):
                    await self._hurried.wait()
        if len(self._queue) <= BATCH_LIMIT and not self._closing:
            self._hurried.clear()

    def _allowed(self, batch: Sequence[_Entry]) -> Sequence[_Entry]:
        """Those that may be tried; the others are refused."""
        refusal = self._standing.refusal
        if refusal is None:
            return batch
        for entry in batch:
            if not self._standing.takes(entry.need):
                _resolve(entry.future, refusal)
        return [entry for entry in batch if self._standing.takes(entry.need)]

    async def _commit(self, batch: Sequence[_Entry]) -> None:
        groups = [list(group) for _, group in groupby(batch, key=attrgetter("operation"))]
        began, stored = self._seconds(), True
        try:
            results = await self._connection.run(partial(self._transact, groups))
        except Exception as error:  # noqa: BLE001  (the batch's callers must hear of it, whatever it is)
            results, stored = [self._explain(error)] * len(batch), False
        if self._on_commit is not None:
            self._on_commit(len(batch), self._seconds() - began, stored)
        for entry, result in zip(batch, results, strict=True):
            _resolve(entry.future, result)

    def _seconds(self) -> float:
        return self._loop.time()

    async def _transact(self, groups: Sequence[Sequence[_Entry]], tx: Tx) -> list[Any]:
        """As a rule all is written, and nothing has to be marked for that. Where anything is not, all is tried again
        so that only this fails.
        """
        try:
            return await self._in_transaction(tx, groups, _run_plainly)
        except Exception as error:
            if self._is_trouble(error):
                raise
        tx.careful = True
        return await self._in_transaction(tx, groups, self._run_group)

    async def _in_transaction(
        self,
        tx: Tx,
        groups: Sequence[Sequence[_Entry]],
        run: Callable[[Tx, Sequence[_Entry]], Awaitable[list[Any]]],
    ) -> list[Any]:
        try:
            await self._begin(tx)
            results = [result for group in groups for result in await run(tx, group)]
            await tx.execute("COMMIT")
        except Exception:
            await self._rollback(tx)
            raise
        return results

    async def _begin(self, tx: Tx) -> None:
        """Waits twice as long for another process's lock as the database does by itself."""
        try:
            await tx.execute(BEGIN)
        except Exception as error:
            if self._connection.trouble(error) is not Trouble.BUSY:
                raise
            await tx.execute(BEGIN)

    def _is_trouble(self, error: Exception) -> bool:
        return self._connection.trouble(error) is not Trouble.STATEMENT

    async def _run_group(self, tx: Tx, group: Sequence[_Entry]) -> list[Any]:
        await tx.execute("SAVEPOINT op")
        try:
            results = await _run_plainly(tx, group)
        except Exception as error:
            if self._is_trouble(error):
                raise  # the whole batch goes; it may be undone already
            await tx.execute("ROLLBACK TO op")
            await tx.execute("RELEASE op")
            if len(group) == 1:
                log.exception("write.failed", extra={"operation": group[0].operation.__name__})
                return [error]
            return [result for entry in group for result in await self._run_group(tx, [entry])]
        await tx.execute("RELEASE op")
        return results

    async def _rollback(self, tx: Tx) -> None:
        try:
            await tx.execute("ROLLBACK")
        except Exception as error:  # noqa: BLE001  (the batch is answered as failed either way)
            # A full disk ends the transaction by itself: then there is none to roll back.
            if not self._is_trouble(error):
                log.error("rollback.failed", extra={"why": repr(error)})  # noqa: TRY400

    def _explain(self, error: Exception) -> Exception:
        trouble = self._connection.trouble(error)
        if isinstance(error, DispatchError) or trouble is Trouble.STATEMENT:
            return error
        return self._standing.failed(trouble, str(error))


async def _run_plainly(tx: Tx, group: Sequence[_Entry]) -> list[Any]:
    arguments = [entry.argument for entry in group]
    return list(await group[0].operation(tx, arguments))


def _resolve(future: asyncio.Future[Any], result: Any) -> None:
    if future.done():  # its caller was cancelled; the write stands all the same
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)
