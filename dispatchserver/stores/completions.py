"""What the end of a fire means for a task that waited for it: its next occasion, in the same transaction."""

from collections.abc import Sequence

from dispatchserver.domain.fire import Fire, FireKind
from dispatchserver.domain.jsontext import dumps
from dispatchserver.domain.judging import Settlement
from dispatchserver.domain.planning import next_after_completion
from dispatchserver.domain.triggers import waits_for_completion
from dispatchserver.stores import rows, sql
from dispatchserver.stores.batches import put
from dispatchserver.stores.driver import Tx
from dispatchserver.stores.triggerspecs import ms


async def go_on(tx: Tx, moves: Sequence[tuple[Fire, Settlement]]) -> None:
    """Writes when tasks of a fixed delay fire next, where one of these moves ended the fire they waited for."""
    ended = {
        (fire.task_id, fire.version): to
        for fire, to in moves
        if fire.kind is FireKind.SCHEDULED and not to.state.open
    }
    if not ended:
        return
    steps: list[list[object]] = []
    for row in await tx.fetch(sql.WAITING_TASKS, dumps([list(key) for key in ended])):
        task = rows.read_task(row)
        to = ended[task.id, task.version]
        if waits_for_completion(task.spec.trigger) and to.finished_at is not None:
            following = next_after_completion(task, to.finished_at)
            steps.append([task.id, task.version, ms(following)])
    await put(tx, sql.GO_ON, steps)
