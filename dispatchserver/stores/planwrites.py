"""Plans as batched writes: tasks move on, and their fires are made, both or neither."""

from collections.abc import Sequence, Set
from dataclasses import dataclass

from dispatchserver.domain.moments import to_ms
from dispatchserver.domain.planning import Plan
from dispatchserver.domain.task import TaskState
from dispatchserver.stores import rows, setbacksql, sql
from dispatchserver.stores.batches import put, put_fenced
from dispatchserver.stores.driver import Tx
from dispatchserver.stores.triggerspecs import ms


@dataclass(frozen=True, slots=True)
class Planned:
    """The plans of one pass, and the ids of those of their fires that the planner's node takes in hand."""

    plans: Sequence[Plan]
    in_hand: Set[str]


async def record_plans(tx: Tx, batches: Sequence[Planned]) -> Sequence[int | Exception]:
    """Writes plans batch by batch: one made from the same task twice must find that it comes second."""
    return [await _record_batch(tx, planned.plans, planned.in_hand) for planned in batches]


async def _record_batch(tx: Tx, plans: Sequence[Plan], in_hand: Set[str]) -> int:
    """Moves tasks on and creates their fires, for every plan whose task still stands as planned."""
    steps = [
        [
            plan.task.id,
            plan.task.version,
            ms(plan.task.next_fire_at),
            ms(plan.next_fire_at),
            plan.state,
            plan.task.edition and plan.task.edition.version,
        ]
        for plan in plans
    ]
    moved = await put_fenced(tx, sql.MOVE_TASKS, steps)
    written = [plan for plan in plans if (plan.task.id,) in moved]
    fires = [
        rows.fire_row(fire, sql.IN_HAND if fire.id in in_hand else None)
        for plan in written
        for fire in plan.fires
    ]
    await put(tx, sql.PUT_FIRES, fires)
    restarted = [plan for plan in written if plan.restart != plan.task.restart]
    await put(tx, sql.RESTART_TASKS, [_restart_row(plan) for plan in restarted])
    awaited = [plan.fires[-1] for plan in written if plan.fires and _waits(plan)]
    await put(tx, setbacksql.PLAN_AGAIN, [[fire.task_id, to_ms(fire.due_at)] for fire in awaited])
    return len(written)


def _waits(plan: Plan) -> bool:
    """Whether its fires must end before the task's next occasion is known."""
    return plan.next_fire_at is None and plan.state is TaskState.ACTIVE


def _restart_row(plan: Plan) -> list[object]:
    return [plan.task.id, *rows.restart_columns(plan.restart)]
