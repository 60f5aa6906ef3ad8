"""The use cases: durable when they return, and the loops know of it."""

import pytest

from dispatchserver.domain.changing import Addition
from dispatchserver.domain.errors import FireNotFound, Invalid, TaskExists, TaskNotFound
from dispatchserver.domain.fire import FireState
from dispatchserver.domain.listing import FireFilter, PageRequest, TaskFilter
from dispatchserver.domain.task import TaskState
from dispatchserver.engine.tasks import Tasks, Wakes
from tests.builders import ALICE, NOON, RECALL, a_key, a_spec, at, cron, every, once

KEY = a_key()


@pytest.fixture
def woken():
    return []


@pytest.fixture
def tasks(house, clock, woken):
    ids = iter(f"{n:032x}" for n in range(1, 999))
    return Tasks(
        house.store,
        house.calendars,
        clock,
        lambda: next(ids),
        Wakes(
            plan_by=lambda due_at: woken.append(("planner", due_at)),
            dispatch_by=lambda run_at: woken.append(("dispatcher", run_at)),
        ),
    )


async def add(tasks, trigger=None, **more):
    addition = Addition(key=KEY, spec=a_spec(trigger), at=NOON, **more)
    return await tasks.add(addition, ALICE)


async def test_an_added_task_is_planned_by_its_first_fire(tasks, woken):
    await add(tasks, once(at(60)))
    assert woken == [("planner", at(60))]


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("pause", ["dispatcher"]),
        ("delete", ["dispatcher"]),
        ("resume", ["planner"]),
        ("trigger_now", ["planner", "dispatcher"]),
    ],
)
async def test_a_change_wakes_only_who_may_have_something_to_do(tasks, woken, command, told):
    await add(tasks, once(at(60)))
    woken.clear()
    await getattr(tasks, command)(KEY, ALICE)
    assert [who for who, _ in woken] == told


async def test_a_resumed_tasks_held_fires_are_dispatched_at_once(tasks, woken):
    await add(tasks, once(at(60)))
    await tasks.pause(KEY, ALICE)
    woken.clear()
    await tasks.resume(KEY, ALICE)
    assert woken == [("planner", at(60)), ("dispatcher", NOON)]


@pytest.mark.parametrize("command", ["pause", "resume", "delete", "trigger_now"])
async def test_a_refused_change_wakes_nobody(tasks, woken, command):
    with pytest.raises(TaskNotFound):
        await getattr(tasks, command)(KEY, ALICE)
    assert woken == []


async def test_adding_answers_the_task_with_its_first_fire(tasks):
    task = await add(tasks, once(at(-60)))
    assert (task.version, task.state, task.next_fire_at) == (1, TaskState.ACTIVE, NOON)
    assert (await tasks.find(KEY)).task == task


async def test_adding_twice_needs_leave_to_replace(tasks):
    await add(tasks)
    with pytest.raises(TaskExists):
        await add(tasks)
    assert (await add(tasks, overwrite=True)).version == 2


async def test_a_trigger_without_a_future_is_refused(tasks):
    with pytest.raises(Invalid, match=r"trigger\.never"):
        await add(tasks, cron("0 0 0 * * ?", end=at(-1)))


async def test_finding_what_is_not_there_is_told(tasks):
    with pytest.raises(TaskNotFound):
        await tasks.find(KEY)
    with pytest.raises(FireNotFound):
        await tasks.history("f" * 32)


async def test_a_triggered_fire_is_answered_with_its_own_id_each_time(tasks):
    await add(tasks, once(at(60)))
    fires = [await tasks.trigger_now(KEY, ALICE) for _ in range(2)]
    assert len({fire.id for fire in fires}) == 2
    page = await tasks.fires(FireFilter(namespace="default"), PageRequest())
    assert {fire.id for fire in page.items} == {fire.id for fire in fires}


async def test_the_history_of_a_fire_holds_its_attempts_and_what_was_called(works):
    await works.add(trigger=once())
    await works.turn()
    (fire,) = await works.house.fires()
    history = await works.tasks.history(fire.id)
    assert history.fire.state is FireState.SUCCEEDED
    assert [attempt.number for attempt in history.attempts] == [1]
    assert history.recall == RECALL


async def test_lists_and_groups_come_from_the_store(tasks):
    await add(tasks)
    page = await tasks.list(TaskFilter(namespace="default"), PageRequest())
    assert [status.task.key for status in page.items] == [KEY]
    assert list(await tasks.groups("default")) == [("group", 1)]


async def test_upcoming_fires_are_told_in_the_tasks_zone(tasks):
    task = await add(tasks, cron("0 0 9 * * ?", "Asia/Shanghai"))
    fires = tasks.upcoming(task, 2)
    assert [fire.isoformat() for fire in fires] == [
        "2026-03-05T09:00:00+08:00",
        "2026-03-06T09:00:00+08:00",
    ]


async def test_upcoming_fires_include_the_present_moment_or_begin_where_asked(tasks):
    task = await add(tasks, every(10))
    assert list(tasks.upcoming(task, 2)) == [at(0), at(10)]
    assert list(tasks.upcoming(task, 2, since=at(11))) == [at(20), at(30)]


async def test_a_finished_run_has_nothing_upcoming(tasks, clock):
    task = await add(tasks, every(10, count=2))
    clock.advance(11)
    assert list(tasks.upcoming(task, 5)) == []
