"""Batch statements: one for many rows, each of whose values is a parameter."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import chain
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


class NotAllMet(Exception):
    """Some rows of a batch do not meet its conditions, and nobody asked yet which."""


async def put_fenced(
    tx: Tx, statement: str, rows: Rows, key: Sequence[int] = (0,)
) -> set[tuple[object, ...]]:
    """Runs a statement whose conditions not all of `these` rows may meet; the keys of those that did, which are these
    places of a row, and what the statement is RETURNING.

    As a rule all do, and it is enough to count them: every row that a statement returns hands the interpreter over to
    another thread and back, which costs more than writing it. Only a careful transaction asks which did.
    """
    if tx.careful:
        return {tuple(found[:]) for found in await put_and_tell(tx, statement, rows)}
    silent, returning, _ = statement.partition(RETURNING)
    assert returning, "who met the conditions must be told in the end"
    if await put(tx, silent, rows) != len(rows):
        raise NotAllMet
    return {tuple([row[place] for place in key]) for row in rows}


async def put_and_tell(tx: Tx, statement: str, rows: Rows) -> list[Row]:
    """As `put`; what the statement is RETURNING."""
    told: list[Row] = []
    for text, values in _portions(statement, rows):
        told += await tx.fetch(text, *values)
    return told


def _portions(statement: str, rows: Rows) -> Iterator[tuple[str, Iterable[object]]]:
    """Texts for 64 rows, or for 1, 2, 4 … of them, and their values; what is missing is filled up.

    Behind each statement the writer's thread waits for the interpreter, while the loop is busy for as long as the loop
    holds it: so that there are few statements matters more than what is in them. And few texts: the database need not read
    anew what it meets again. What is alike in all rows, as the statement expects, is told once: each value is
    handed over by itself, which takes time, and for NULL more than for most.
    """
    for begin in range(0, len(rows), LARGEST):
        portion = rows[begin : begin + LARGEST]
        assert None not in map(itemgetter(0), portion), "what begins with NULL is not written"
        first, own = portion[0], _own(statement)
        alike = first[own:]
        if any(row[own:] != alike for row in portion):
            own, alike = len(first), ()
        size = 1 << (len(portion) - 1).bit_length()
        filling = [None, *first[1:own]] * (size - len(portion))
        values = chain(*(row[:own] for row in portion), filling, alike)
        yield _spelled(statement, size, own, len(alike)), values


@cache
def _own(statement: str) -> int:
    """How many values each of its rows has of its own."""
    found = ROWS.search(statement)
    assert found is not None, "a batch is written over these rows"
    return int(found[1])


@cache
def _spelled(statement: str, rows: int, own: int, alike: int) -> str:
    shared = [f"${rows * own + place + 1}" for place in range(alike)]
    lines = (
        [*(f"${row * own + place + 1}" for place in range(own)), *shared] for row in range(rows)
    )
    return ROWS.sub("VALUES " + ", ".join(f"({', '.join(line)})" for line in lines), statement)
