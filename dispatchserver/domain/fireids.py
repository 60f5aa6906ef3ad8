"""The ids of fires: 32 hex digits, the same on every node and after every crash. Pure.

They begin with the due time, so that what is written and read together lies side by side in every index by id. Were they
in no order, each write would look for pages of its own in a log of millions. The other 80 bits cannot be guessed.
"""

import hashlib
from datetime import datetime

from dispatchserver.domain.moments import to_ms
from dispatchserver.domain.task import Task

DIGITS, TIME_DIGITS = 32, 12


def scheduled_id(task: Task, due_at: datetime) -> str:
    """The id of an occasion's fire, by the task's version."""
    beginning = f"{to_ms(due_at) % 16**TIME_DIGITS:0{TIME_DIGITS}x}"
    return _derived(beginning, f"{task.id}|{task.version}|{to_ms(due_at)}|scheduled")


def shard_id(whole: str, shard: int) -> str:
    """The id of one shard of a broadcast."""
    return _derived(whole, f"{whole}|{shard}")


def _derived(beginning: str, identity: str) -> str:
    digest = hashlib.sha256(identity.encode()).hexdigest()
    return beginning[:TIME_DIGITS] + digest[: DIGITS - TIME_DIGITS]
