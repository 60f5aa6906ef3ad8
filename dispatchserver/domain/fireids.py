"""The ids of fires: 32 hex digits, the same on every node and after every crash. Pure.

They begin with the due time and, of what is due together, with when its task was made: so what is written and read
together lies side by side in every index by id. Were they in no order, each write would look for pages of its own, in a log
of millions all over the disk. The other 72 bits cannot be guessed.
"""

import hashlib
from datetime import datetime

from dispatchserver.domain.moments import to_ms
from dispatchserver.domain.task import Task

DIGITS, DUE_DIGITS, TASK_DIGITS = 32, 9, 5
DUE_UNIT_MS = 64
"""Of what is due within less than this, it matters more that it lies in the order of its tasks: it is planned together."""
MADE = slice(11 - TASK_DIGITS, 11)
"""Where a task's id tells when it was made, to 16 ms: see engine/ids.py."""


def scheduled_id(task: Task, due_at: datetime) -> str:
    """The id of an occasion's fire, by the task's version."""
    due = to_ms(due_at)
    beginning = f"{due // DUE_UNIT_MS % 16**DUE_DIGITS:0{DUE_DIGITS}x}{task.id[MADE]}"
    return _derived(beginning, f"{task.id}|{task.version}|{due}|scheduled")


def shard_id(whole: str, shard: int) -> str:
    """The id of one shard of a broadcast."""
    return _derived(whole[: DUE_DIGITS + TASK_DIGITS], f"{whole}|{shard}")


def _derived(beginning: str, identity: str) -> str:
    digest = hashlib.sha256(identity.encode()).hexdigest()
    return beginning + digest[: DIGITS - len(beginning)]
