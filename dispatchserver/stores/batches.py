"""Batch statements: one for many rows, each of whose values is a parameter."""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import chain
from operator import itemgetter

from dispatchserver.stores.driver import Row, Tx
from dispatchserver.stores.sql import ROWS

RETURNING = "RETURNING"
SIZES = (64, 16, 4, 1)
"""Few, so that the database meets the same texts again and need not read them anew."""


async def put(tx: Tx, statement: str, rows: Sequence[Sequence[object]]) -> int:
    """Runs a statement over `these` rows, in a few portions; how many rows it wrote."""
    assert ROWS in statement, "a batch is written over these rows"
    written = 0
    for portion in _portions(rows):
        text = _spelled(statement, len(portion), len(portion[0]))
        written += await tx.execute(text, *chain.from_iterable(portion))
    return written


async def put_fenced(
    tx: Tx, statement: str, rows: Sequence[Sequence[object]], key: Sequence[int] = (0,)
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


async def put_and_tell(tx: Tx, statement: str, rows: Sequence[Sequence[object]]) -> list[Row]:
    """As `put`; what the statement is RETURNING."""
    told: list[Row] = []
    for portion in _portions(rows):
        text = _spelled(statement, len(portion), len(portion[0]))
        told += await tx.fetch(text, *chain.from_iterable(portion))
    return told


def _portions(rows: Sequence[Sequence[object]]) -> Iterator[Sequence[Sequence[object]]]:
    done = 0
    for size in SIZES:
        while len(rows) - done >= size:
            yield rows[done : done + size]
            done += size


@cache
def _spelled(statement: str, rows: int, columns: int) -> str:
    places = [
        ", ".join(f"${row * columns + column + 1}" for column in range(columns))
        for row in range(rows)
    ]
    return statement.replace(ROWS, "VALUES " + ", ".join(f"({row})" for row in places))
