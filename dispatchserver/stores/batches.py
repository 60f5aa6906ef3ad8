"""Batch statements: one for all rows, whose values travel as one JSON text."""

from collections.abc import Sequence

from dispatchserver.domain.jsontext import dumps
from dispatchserver.stores.driver import Tx


async def put(tx: Tx, statement: str, values: Sequence[object]) -> None:
    """Runs a batch statement, when there is anything in the batch."""
    if values:
        await tx.execute(statement, dumps(values))
