"""What the SQL of this room asks of a database driver; the drivers themselves are one file each."""

from collections.abc import Awaitable, Callable, Sequence
from enum import IntEnum, StrEnum
from typing import Any, Protocol, TypeVar

A = TypeVar("A")
R = TypeVar("R")


class Row(Protocol):
    """One row, read by column name, or several columns by their places."""

    def __getitem__(self, column: str | slice) -> Any: ...


class Reader(Protocol):
    """Reads committed rows."""

    async def fetch(self, sql: str, *args: object) -> Sequence[Row]:
        """The rows of a SELECT; parameters are $1, $2 …"""

    async def fetch_many(self, sql: str, *args: object) -> Sequence[Row]:
        """The same of a SELECT that is limited, where its rows are many."""


class Tx(Protocol):
    """One open write transaction. Where it is not `careful`, it is enough that what cannot be written whole fails: then all
    of the transaction is undone, and tried once more with care.
    """

    careful: bool

    async def fetch(self, sql: str, *args: object) -> Sequence[Row]:
        """The rows of a statement; parameters are $1, $2 …"""

    async def fetch_many(self, sql: str, *args: object) -> Sequence[Row]:
        """The same of a SELECT that is limited, where its rows are many."""

    async def execute(self, sql: str, *args: object) -> int:
        """Runs a statement that answers nothing; how many rows it wrote."""


Operation = Callable[[Tx, Sequence[A]], Awaitable[Sequence[R | Exception]]]
"""A write over a batch of arguments: as many results as arguments, in order.

A result that is an exception is raised at its caller; the others of the batch stand.
"""


OnCommit = Callable[[int, float, bool], None]
"""Hears of each transaction: how many writes shared it, how many seconds it took, and whether they were stored."""


class Need(IntEnum):
    """How much a write is needed while the disk takes none: as a rule not; what books an end or frees room, more."""

    ORDINARY = 0
    URGENT = 1
    PROBE = 2


class Trouble(StrEnum):
    """What a failed write says of the database."""

    STATEMENT = "statement"  # nothing: the statement was wrong
    BUSY = "busy"  # it could not store this one; the next may be stored
    UNWRITABLE = "unwritable"  # the disk takes no writes for now; what failed was surely not stored
    UNSURE = "unsure"  # the disk failed to make it durable: what it has kept, nobody knows
    DAMAGED = "damaged"  # its pages make no sense


class Driver(Protocol):
    """A database: grouped durable writes, and two kinds of readers so that pages never delay the engine."""

    @property
    def engine_reader(self) -> Reader: ...

    @property
    def page_reader(self) -> Reader: ...

    def submit(
        self,
        operation: Operation[A, R],
        argument: A,
        need: Need = Need.ORDINARY,
        *,
        patient: bool = False,
    ) -> Awaitable[R]:
        """Runs the operation in a transaction shared with what else is queued; returns after its commit. For as long as
        only `patient` callers are queued, a transaction waits a few milliseconds for more of them."""

    @property
    def checking(self) -> bool:
        """Whether a check of what it holds, after an unclean end, is not through yet."""

    async def check(self) -> None:
        """Returns when a transaction can be had; raises StoreUnavailable while the disk takes no writes."""

    async def close(self) -> None:
        """Finishes what is queued and closes every connection."""
