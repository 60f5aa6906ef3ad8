"""What is on record of a task around a moment, and that finding it never reads whole tables."""

from datetime import timedelta

import pytest

from dispatchserver.domain.changing import Action
from dispatchserver.stores import ledger, ledgersql, sql
from tests.builders import NOON, a_key, at, cron, every

MINUTE = timedelta(minutes=1)
NAME = ("default", "group", "task")

STATEMENTS = [
    (sql.FIND_TASK, NAME, "tasks_"),
    (ledgersql.FIRES_OF_MINUTE, (*NAME, 1, 2, 3), "fires_log_of_task"),
    (ledgersql.FIRES_OF_RANGES, (*NAME, 1, 2, 3), "fires_missed"),
    (ledgersql.FIRE_OF_LIFE, (*NAME, 1, 2), "fires_log_of_task"),
    (ledgersql.CHANGES_BEFORE, (*NAME, 1, 2, 3), "audit_of_task"),
    (ledgersql.CHANGES_SINCE, (*NAME, 1, 2), "audit_of_task"),
    (ledgersql.VERSION_AT, ("id", *NAME, 1), "task_versions_1"),
]


@pytest.mark.parametrize(("statement", "args", "index"), STATEMENTS)
async def test_every_read_walks_an_index_and_never_sorts(house, statement, args, index):
    rows = await house.driver.page_reader.fetch(f"EXPLAIN QUERY PLAN {statement}", *args)
    steps = [row["detail"] for row in rows]
    assert any(index in step for step in steps), steps
    assert not [step for step in steps if step.startswith("SCAN") or "TEMP B-TREE" in step], steps


async def test_it_reads_nothing_but_by_those_statements(house):
    asked = []

    class Listener:
        async def fetch(self, statement, *args):
            asked.append(statement)
            return await house.driver.page_reader.fetch(statement, *args)

    await house.add(trigger=cron("0 0 * * * ?"))
    await house.plan()
    await house.delete()
    for moment in (at(30), at(-60), at(3600)):
        await ledger.gather(Listener(), ledger.Asked(a_key(), moment, moment + MINUTE))
    assert set(asked) <= {statement for statement, _, _ in STATEMENTS}


async def test_changes_are_the_nearest_ones_however_many_there_were(house):
    await house.add(trigger=cron("0 0 * * * ?"))
    for n in range(60):
        await house.pause(now=at(n * 60))
        await house.resume(now=at(n * 60 + 30))
    found = await house.store.evidence(a_key(), at(1800), at(1860))
    times = [entry.at for entry in found.changes]
    assert times == sorted(times, reverse=True)
    assert len(times) == 2 * ledger.CHANGES_LIMIT
    assert times[49:51] == [at(1860), at(1830)]


async def test_who_ran_it_by_hand_is_told_in_that_minute_alone(house):
    await house.add(trigger=cron("0 0 * * * ?"))
    await house.trigger_now(now=at(90))
    inside = await house.store.evidence(a_key(), at(60), at(120))
    after = await house.store.evidence(a_key(), at(120), at(180))
    assert [entry.action for entry in inside.changes] == [Action.TRIGGERED, Action.ADDED]
    assert [entry.action for entry in after.changes] == [Action.ADDED]


async def test_the_version_is_the_one_in_force_also_of_a_deleted_task(house):
    await house.add(trigger=every(60))
    await house.plan()
    await house.add(trigger=every(120), overwrite=True, now=at(600))
    await house.delete(now=at(1200))
    for moment, version in ((at(30), 1), (at(630), 2)):
        then = (await house.store.evidence(a_key(), moment, moment + MINUTE)).then
        assert then.version == version
    later = await house.store.evidence(a_key(), at(1300), at(1360))
    assert (later.task, later.then, later.heard_of) == (None, None, True)


async def test_other_tasks_leave_no_evidence(house):
    await house.add("other", trigger=every(60))
    await house.plan()
    found = await house.store.evidence(a_key(), NOON, NOON + MINUTE)
    assert not found.heard_of
