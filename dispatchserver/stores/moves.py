"""Fires moved on in batches, each from exactly the state it was decided on, with all that follows from it."""

from collections import Counter
from collections.abc import Sequence

from dispatchserver.domain.fire import Fire, FireState, Turn
from dispatchserver.domain.jsontext import dumps
from dispatchserver.domain.judging import Settlement, Standing
from dispatchserver.stores import rows, sql, turnsql
from dispatchserver.stores.batches import put, put_fenced
from dispatchserver.stores.completions import go_on
from dispatchserver.stores.driver import Tx
from dispatchserver.stores.triggerspecs import ms

CLAIM_KEY = (0, 1)  # where these stand in the row of a move
NONE = None, None, None
HOLDS_TASK = (Turn.READY, Turn.BEHIND_KEY, Turn.ASKS_KEY)
WAITS_FOR_KEY = (Turn.BEHIND_TASK, Turn.BEHIND_KEY)


def claim_key(fire: Fire) -> tuple[str, int]:
    """What tells one claim of a fire from another: every claim is a new attempt."""
    return fire.id, fire.attempts


async def standing_of(tx: Tx, fire_ids: Sequence[str]) -> dict[str, Standing]:
    """How the tasks of these fires stand."""
    asked = dumps([[fire_id] for fire_id in fire_ids])
    found = await tx.fetch(sql.STANDING, asked) if fire_ids else []
    return {row["id"]: rows.read_standing(row) for row in found}


async def move(
    tx: Tx, moves: Sequence[tuple[Fire, Settlement]], *, awaited: bool = True
) -> set[tuple[object, ...]]:
    """Moves fires on from exactly the state they were decided on; returns the claims of those that moved. Tasks are not
    looked for that wait for their ends where none of these is `awaited`.
    """
    if not moves:
        return set()
    decided = [_move_row(fire, to) for fire, to in moves]
    moved = await put_fenced(tx, sql.MOVE_FIRES, decided, CLAIM_KEY)
    counted = moves
    if len(moved) < len(moves):
        counted = [(fire, to) for fire, to in moves if claim_key(fire) in moved]
    if counted:
        await put(tx, sql.COUNT_ENDED, _tallies(counted))
        if awaited:
            await go_on(tx, counted)
        await make_way(tx, [fire for fire, to in counted if not to.state.open])
    return moved


async def make_way(tx: Tx, ended: Sequence[Fire]) -> None:
    """Lets the next ask for what these fires held: their task's turn, their key.

    One that still asked may have been the one whom its turn was offered to, and nobody else was.
    """
    tasks = {fire.task_id for fire in ended if fire.serial and fire.turn is not Turn.BEHIND_TASK}
    for task_id in sorted(tasks):
        await tx.execute(turnsql.ASK_FOR_TASK, task_id)
    freed = Counter(
        (fire.key.namespace, fire.key_name)
        for fire in ended
        if fire.key_name is not None and fire.turn not in WAITS_FOR_KEY
    )
    for (namespace, name), count in sorted(freed.items()):
        await tx.execute(turnsql.ASK_FOR_KEY, namespace, name, count)


def _move_row(fire: Fire, to: Settlement) -> list[object]:
    return [
        fire.id,
        fire.attempts,
        ms(to.finished_at),
        to.result,
        fire.state,
        fire.claimed_by,
        to.state,
        to.reason,
        ms(to.run_at),
        int(to.held),
        ms(to.deadline_at),
        int(to.lost),
        int(to.onward),
        ms(to.give_up_at),
    ]


def _tallies(moves: Sequence[tuple[Fire, Settlement]]) -> list[list[object]]:
    """One row a task: how its counters change, and its newest ended fire."""
    counts: dict[str, list[int]] = {}
    last: dict[str, tuple[str | None, int | None, FireState | None]] = {}
    for fire, to in moves:
        count = counts.setdefault(fire.task_id, [0, 0, 0])
        count[0] += to.state is FireState.SUCCEEDED
        count[1] += to.state is FireState.FAILED
        count[2] += (to.state is FireState.WAITING) - (fire.state is FireState.WAITING)
        if not to.state.open:
            last[fire.task_id] = fire.id, ms(to.finished_at), to.state
    found = ((task_id, count, *last.get(task_id, NONE)) for task_id, count in counts.items())
    return [[task_id, fire_id, at, *count, state] for task_id, count, fire_id, at, state in found]
