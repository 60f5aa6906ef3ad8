"""Batch statements: one for many rows, each of whose values is a parameter."""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import chain

from dispatchserver.stores.driver import Row, Tx
from dispatchserver.stores.sql import ROWS

SIZES = (64, 16, 4, 1)
"""Few, so that the database meets the same texts again and need not read them anew."""


async def put(tx: Tx, statement: str, rows: Sequence[Sequence[object]]) -> list[Row]:
    """Runs a statement over `these` rows, in a few portions; what it returns of all of them."""
    assert ROWS in statement, "a batch is written over these rows"
    found: list[Row] = []
    for portion in _portions(rows):
        text = _spelled(statement, len(portion), len(portion[0]))
        found += await tx.fetch(text, *chain.from_iterable(portion))
    return found


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
