"""The self-audit finds rows that nothing will ever move on, and says so once."""

import pytest

from dispatchserver.domain.figures import Ailment
from dispatchserver.domain.fire import FireState
from tests.builders import at, cron, every, once
from tests.clocks import s
from tests.shapes import after_runs


def told(caplog):
    return [record for record in caplog.records if record.name.endswith(".auditor")]


async def spoil(works, statement, *args):
    """What no part of the server would write, nor the database take from it."""
    await works.house.driver.writer.execute("PRAGMA ignore_check_constraints = ON")
    await works.house.driver.writer.execute(statement, *args)


async def look(works):
    """The audit's findings, each with how many rows."""
    await works.engine.auditor.look()
    return {kind: len(ids) for kind, ids in works.engine.auditor.found.ids.items() if ids}


async def an_open_fire(works, name="task"):
    """The id of a fire that is to run in a minute."""
    await works.add(name, once(at(0.5)))
    await works.engine.planner.run_once()
    (fire,) = await works.house.fires(name=name)
    return fire.id


async def test_a_busy_server_has_nothing_stuck(works):
    for n in range(5):
        await works.add(f"often{n}", every(1))
    await works.add("daily", cron("0 0 3 * * ?"))
    await works.turns(65, 1)
    assert await look(works) == {}


async def test_a_task_that_nobody_planned_for_a_minute_is_told(works):
    task = await works.add(trigger=every(3600, start=at(3600)))
    await spoil(works, "UPDATE tasks SET next_fire_at = next_fire_at - 3600000")
    works.clock.advance(60)
    assert await look(works) == {}
    works.clock.advance(0.001)
    assert await look(works) == {Ailment.OVERDUE_TASK: 1}
    assert works.engine.auditor.found.ids[Ailment.OVERDUE_TASK] == [task.id]


async def test_a_task_that_waits_for_a_run_which_is_not_there_is_told(works):
    task = await works.add("delayed", after_runs(60))
    await works.add("fine", after_runs(60))
    works.receiver.hold(2)
    await works.engine.planner.run_once()
    await works.engine.dispatcher.run_once()
    assert (await works.house.find("delayed")).task.next_fire_at is None
    assert await look(works) == {}
    await spoil(works, "UPDATE fires SET state = 'failed' WHERE task_id = $1", task.id)
    assert await look(works) == {Ailment.FORGOTTEN_TASK: 1}
    assert works.engine.auditor.found.ids[Ailment.FORGOTTEN_TASK] == [task.id]
    await works.engine.crew.drain(s(0))


@pytest.mark.parametrize("state", ["pending", "running", "waiting"])
async def test_an_open_fire_that_nobody_ended_at_its_deadline_is_told(works, state):
    fire = await an_open_fire(works)
    await spoil(works, "UPDATE fires SET state = $1, deadline_at = 1", state)
    assert await look(works) == {Ailment.OVERDUE_FIRE: 1}
    assert works.engine.auditor.found.ids[Ailment.OVERDUE_FIRE] == [fire]


@pytest.mark.parametrize("state", ["pending", "running", "waiting"])
async def test_an_open_fire_without_a_deadline_is_told(works, state):
    await an_open_fire(works)
    await spoil(works, "UPDATE fires SET state = $1, deadline_at = NULL", state)
    assert await look(works) == {Ailment.ENDLESS_FIRE: 1}


async def test_the_sweeper_ends_what_passed_its_deadline_so_that_it_does_not_get_stuck(works):
    await an_open_fire(works)
    await spoil(works, "UPDATE fires SET deadline_at = 1")
    await works.engine.sweeper.run_once()
    assert await look(works) == {}
    (fire,) = await works.house.fires()
    assert fire.state is FireState.SKIPPED or not fire.state.open


async def test_a_paused_task_and_an_unreadable_one_are_not_stuck(works):
    paused = await works.add("paused", every(60))
    unreadable = await works.add("unreadable", every(60))
    await works.house.pause("paused")
    await spoil(
        works, "UPDATE task_versions SET trigger_json = '{' WHERE task_id = $1", unreadable.id
    )
    works.clock.advance(120)
    await works.engine.planner.run_once()
    assert (await works.house.store.find_stuck(works.clock.now())).ids[Ailment.OVERDUE_TASK] == []
    assert paused.id != unreadable.id


async def test_the_log_says_once_that_rows_are_stuck_and_once_that_none_is(works, caplog):
    caplog.set_level("INFO")
    ids = [await an_open_fire(works, f"task{n}") for n in range(5)]
    await spoil(works, "UPDATE fires SET deadline_at = NULL")
    for _ in range(3):
        await look(works)
    (stuck,) = told(caplog)
    assert (stuck.message, stuck.levelname) == ("auditor.stuck", "ERROR")
    assert stuck.endless_fire["rows"] == 5
    assert len(stuck.endless_fire["first"]) == 3 and set(stuck.endless_fire["first"]) < set(ids)
    await spoil(works, "UPDATE fires SET deadline_at = $1", 2**52)
    for _ in range(2):
        await look(works)
    assert [record.message for record in told(caplog)] == ["auditor.stuck", "auditor.none_stuck"]


async def test_it_looks_a_minute_after_the_start_and_then_every_minute(works):
    auditor = works.engine.auditor
    await an_open_fire(works)
    await spoil(works, "UPDATE fires SET deadline_at = NULL")
    assert await auditor.run_once() == at(60)
    assert not auditor.found
    works.clock.advance(60)
    assert await auditor.run_once() == at(120)
    assert auditor.found
