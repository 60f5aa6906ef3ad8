"""New tasks as rows: spelled wherever there is time for it, written where none of their keys is taken."""

from collections.abc import Sequence
from typing import NamedTuple

from dispatchserver.domain.changing import Action
from dispatchserver.domain.jsontext import dumps
from dispatchserver.domain.task import Task
from dispatchserver.ports import Actor
from dispatchserver.stores import rows, sql
from dispatchserver.stores.batches import Rows, put
from dispatchserver.stores.driver import Tx
from dispatchserver.stores.taskwrites import audit_head


class Spelled(NamedTuple):
    """What is written of new tasks, each a row of every kind. A tuple of lists, since it may come from another process."""

    keys: str
    tasks: Rows
    versions: Rows
    audit: Rows


def spell(tasks: Sequence[Task], actor: Actor) -> Spelled:
    """The rows of tasks that this actor adds. None of them names a calendar or a secret, whose standing only the
    database knows."""
    return Spelled(
        keys=dumps([[task.key.namespace, task.key.group, task.key.name] for task in tasks]),
        tasks=[rows.task_row(task) for task in tasks],
        versions=[rows.version_row(task, actor.who) for task in tasks],
        audit=[
            [*audit_head(actor, task.created_at, Action.ADDED, task), None, ""] for task in tasks
        ],
    )


async def add_new(tx: Tx, asked: Sequence[object]) -> list[bool]:
    """Writes each batch of which no key is taken."""
    return [await _add(tx, new) for new in asked]


async def _add(tx: Tx, new: object) -> bool:
    assert isinstance(new, Spelled), "what this room spelled comes back to it"
    if await tx.fetch(sql.ANY_TASK, new.keys):
        return False
    await put(tx, sql.PUT_TASKS, new.tasks)
    await put(tx, sql.PUT_VERSIONS, new.versions)
    await put(tx, sql.PUT_AUDIT, new.audit)
    return True
