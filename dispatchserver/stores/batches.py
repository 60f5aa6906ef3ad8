"""Batch statements: one for many rows, each of whose values is a parameter."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import chain, repeat
from operator import itemgetter

from dispatchserver.stores.driver import Row, Tx
from dispatchserver.stores.sql import ROWS

RETURNING = "RETURNING"
LARGEST = 64
Rows = Sequence[Sequence[object]]


async def put(tx: Tx, statement: str, rows: Rows) -> int:
    """Runs a statement over `these` rows, in portions of up to 64; how many rows it wrote."""
    written = 0
    for text, values in _portions(statement, rows):
        written += await tx.execute(text, *values)
    return written


async def put_fenced(
    tx: Tx, statement: str, rows: Rows, key: Sequence[int] = (0,)
) -> set[tuple[object, ...]]:
    """Runs a statement whose conditions not all of `these` rows may meet; the keys of those that did, which are these
    places of a row, and what the statement is RETURNING.

    As a rule all do, and it is enough to count them: every row that a statement returns hands the interpreter over to
    another thread and back, which costs more than writing it. Else it is undone, and asked once more for which did.
    """
    if not rows:
        return set()
    silent, returning, _ = statement.partition(RETURNING)
    assert returning, "who met the conditions must be told in the end"
    await tx.execute("SAVEPOINT fence")
    met = await put(tx, silent, rows) == len(rows)
    if not met:
        await tx.execute("ROLLBACK TO fence")
    await tx.execute("RELEASE fence")
    if met:
        return set(zip(*(map(itemgetter(place), rows) for place in key), strict=True))
    return {tuple(found[:]) for found in await put_and_tell(tx, statement, rows)}


async def put_and_tell(tx: Tx, statement: str, rows: Rows) -> list[Row]:
    """As `put`; what the statement is RETURNING."""
    told: list[Row] = []
    for text, values in _portions(statement, rows):
        told += await tx.fetch(text, *values)
    return told


def _portions(statement: str, rows: Rows) -> Iterator[tuple[str, Iterable[object]]]:
    """Texts for 64 rows, or for 1, 2, 4 … of them, and their values; what is missing is filled up with NULL.

    Behind each statement the writer's thread waits for the interpreter, while the loop is busy for as long as the loop
    holds it: so that there are few statements matters more than what is in them. And few texts: the database need not read
    anew what it meets again.
    """
    assert ROWS in statement, "a batch is written over these rows"
    for begin in range(0, len(rows), LARGEST):
        portion = rows[begin : begin + LARGEST]
        assert None not in map(itemgetter(0), portion), "what begins with NULL is not written"
        size = 1 << (len(portion) - 1).bit_length()
        missing = (size - len(portion)) * len(portion[0])
        values = chain(chain.from_iterable(portion), repeat(None, missing))
        yield _spelled(statement, size, len(portion[0])), values


@cache
def _spelled(statement: str, rows: int, columns: int) -> str:
    places = [
        ", ".join(f"${row * columns + column + 1}" for column in range(columns))
        for row in range(rows)
    ]
    return statement.replace(ROWS, "VALUES " + ", ".join(f"({row})" for row in places))
