"""What the store counts for the metrics and the audit: right, and by an index."""

import pytest

from dispatchserver.domain.fire import Decision, Reason
from dispatchserver.domain.task import TaskState
from dispatchserver.stores import figuresql
from tests.builders import NOON, an_attempt, at, every, once
from tests.stores.test_sqlite import crowd, explained


async def ended(house):
    return {
        (str(one.state), one.reason): one.fires for one in (await house.store.figures(NOON)).ended
    }


async def in_the_log(house):
    """The same, counted row by row."""
    found = await house.driver.page_reader.fetch(
        "SELECT state, coalesce(reason, '') AS reason, count(*) AS n FROM fires"
        " WHERE finished_at IS NOT NULL GROUP BY state, reason"
    )
    return {(row["state"], row["reason"]): row["n"] for row in found}


async def test_fires_are_counted_as_they_end_however_they_end(house):
    for n in range(3):
        fire = await house.claimed(f"done{n}", trigger=once())
        await house.store.settle(fire, an_attempt(fire))
    fire = await house.claimed("bad", trigger=once())
    await house.store.settle(fire, an_attempt(fire, Decision.FAILURE, reason=Reason.STATUS))
    fire = await house.claimed("again", trigger=once())
    await house.store.settle(fire, an_attempt(fire, Decision.RETRY, at=at(60)))
    await house.delete("again", at(1))
    await house.add("rested", every(60))
    await house.pause("rested")
    await house.resume("rested", at(600))
    await house.plan(at(600))
    counted = await ended(house)
    assert counted == await in_the_log(house)
    assert counted[("succeeded", "")] == 3
    assert counted[("failed", "status")] == 1
    assert {state for state, _ in counted} >= {"succeeded", "failed", "skipped", "cancelled"}


async def test_a_late_second_settlement_is_not_counted_again(house):
    fire = await house.claimed()
    for _ in range(2):
        await house.store.settle(fire, an_attempt(fire))
    assert await ended(house) == {("succeeded", ""): 1}


async def test_tasks_are_counted_by_state_through_all_their_changes(house):
    for n in range(4):
        await house.add(f"t{n}", every(60))
    await house.add("once", once())
    await house.pause("t0")
    await house.pause("t1")
    await house.resume("t1")
    await house.delete("t2")
    await house.add("t3", every(30), overwrite=True)
    await house.plan(ahead=0)
    assert (await house.store.figures(NOON)).tasks == {
        TaskState.ACTIVE: 2,
        TaskState.PAUSED: 1,
        TaskState.FINISHED: 1,
    }


async def test_the_queue_holds_what_is_due_and_neither_held_nor_to_come(house):
    for name, priority in {"a": 0, "b": 5, "c": 5, "paused": 5}.items():
        await house.add(name, once(), priority=priority)
    await house.add("later", once(at(0.5)), priority=5)
    await house.plan(ahead=1)
    await house.pause("paused")
    assert (await house.store.figures(NOON)).queue == {0: 1, 5: 2}
    assert (await house.store.figures(at(0.5))).queue == {0: 1, 5: 3}


@pytest.mark.parametrize(
    ("statement", "args", "index"),
    [
        (figuresql.QUEUE, (1, 2), "fires_ready"),
        (figuresql.OVERDUE_TASKS, (1, 2, "[]"), "tasks_due (next_fire_at<?)"),
        (figuresql.FORGOTTEN_TASKS, (1,), "fires_log_of_task (namespace=? AND grp=? AND name=?)"),
        (figuresql.FORGOTTEN_TASKS, (1,), "tasks_unplanned"),
        (figuresql.OVERDUE_FIRES, (1, 2), "fires_deadline (deadline_at<?)"),
        (figuresql.ENDLESS_FIRES, (1,), "fires_deadline (deadline_at=?)"),
    ],
)
async def test_what_watches_finds_its_rows_by_index(house, statement, args, index):
    await crowd(house)
    steps = await explained(house, statement, *args)
    assert any(index in step for step in steps), steps
    assert not any(step in ("SCAN fires", "SCAN tasks", "SCAN t") for step in steps), steps


async def test_the_counts_are_a_few_rows_whatever_the_log_holds(house):
    await crowd(house)
    rows = await house.driver.page_reader.fetch(figuresql.COUNTS)
    assert len(rows) <= 4
    assert await house.count("fires") > 50
