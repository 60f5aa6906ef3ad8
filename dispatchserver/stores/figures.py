"""Reads what figuresql.py asks."""

from collections.abc import Sequence
from datetime import datetime

from dispatchserver.domain.figures import Ailment, Ended, Figures, Stuck
from dispatchserver.domain.fire import FireState
from dispatchserver.domain.moments import to_ms
from dispatchserver.domain.task import TaskState
from dispatchserver.stores import figuresql
from dispatchserver.stores.driver import Reader

QUEUE_LIMIT = 100_000
STUCK_LIMIT = 1_000


async def figures(reader: Reader, now: datetime) -> Figures:
    """The counted and the waiting; of the queue its first 100,000 fires."""
    counts = await reader.fetch(figuresql.COUNTS)
    queue = await reader.fetch(figuresql.QUEUE, to_ms(now), QUEUE_LIMIT)
    return Figures(
        ended=[
            Ended(state=FireState(row["state"]), reason=row["reason"], fires=row["n"])
            for row in counts
            if row["what"] == "fires"
        ],
        tasks={TaskState(row["state"]): row["n"] for row in counts if row["what"] == "tasks"},
        queue={row["priority"]: row["fires"] for row in queue},
    )


async def stuck(reader: Reader, before: datetime, resting: str) -> Stuck:
    """Rows that have stood still since before then, at most 1,000 of each kind; `resting` tasks are left out."""
    at = to_ms(before)
    found = {
        Ailment.OVERDUE_TASK: (figuresql.OVERDUE_TASKS, (at, STUCK_LIMIT, resting)),
        Ailment.FORGOTTEN_TASK: (figuresql.FORGOTTEN_TASKS, (STUCK_LIMIT,)),
        Ailment.OVERDUE_FIRE: (figuresql.OVERDUE_FIRES, (at, STUCK_LIMIT)),
        Ailment.ENDLESS_FIRE: (figuresql.ENDLESS_FIRES, (STUCK_LIMIT,)),
    }
    return Stuck({kind: await _ids(reader, *asked) for kind, asked in found.items()})


async def _ids(reader: Reader, statement: str, args: tuple[object, ...]) -> Sequence[str]:
    return [row["id"] for row in await reader.fetch(statement, *args)]
