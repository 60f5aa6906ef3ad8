"""A task whose stored row cannot be read: told once, and in nobody's way."""

from datetime import timedelta

import pytest

from dispatchserver.domain import changing
from dispatchserver.domain.changing import Action
from dispatchserver.domain.errors import TaskUnreadable
from dispatchserver.domain.listing import PageRequest, TaskFilter
from dispatchserver.engine.hand import Hand
from dispatchserver.engine.planner import Planner
from dispatchserver.ports import Actor
from tests.builders import NOON, a_key, at, every, once


@pytest.fixture
def planner(house, clock):
    return Planner(house.store, clock, lambda moment: None, Hand())


async def spoil(house, task, trigger):
    """As a later version might have left it, or tzdata a zone that it forgot."""
    await house.driver.writer.execute(
        "UPDATE task_versions SET trigger_json = $2 WHERE task_id = $1", task.id, trigger
    )


FORGOTTEN_ZONE = '{"kind":"cron","expression":"0 0 12 * * ?","zone":"Mars/Base","dst":"skip","start":null,"end":null}'
LATER_KIND = '{"kind":"sunrise","zone":"UTC","end":null}'


@pytest.mark.parametrize(
    ("trigger", "why"), [(FORGOTTEN_ZONE, "Mars/Base"), (LATER_KIND, "sunrise"), ("{", "JSON")]
)
async def test_the_others_fire_on_time_and_the_log_says_once_why_it_does_not(
    house, planner, clock, caplog, trigger, why
):
    await spoil(house, await house.add("spoilt", once()), trigger)
    await house.add("a", once())
    await house.add("z", every(60))
    assert await planner.run_once() == at(60 - 0.5)
    assert sorted(fire.key.name for fire in await house.fires()) == ["a", "z"]
    for _ in range(20):
        clock.advance(60)
        await planner.run_once()
    told = [record for record in caplog.records if record.message == "store.task_unreadable"]
    assert [(record.group, record.task) for record in told] == [("group", "spoilt")]
    assert why in told[0].why


async def test_it_is_tried_again_after_five_minutes_and_fires_once_it_can_be_read(
    house, planner, clock
):
    task = await house.add("spoilt", once())
    (row,) = await house.driver.writer.fetch("SELECT trigger_json FROM task_versions")
    await spoil(house, task, FORGOTTEN_ZONE)
    look_at = await planner.run_once()
    assert NOON + timedelta(minutes=4) < look_at <= NOON + timedelta(minutes=5, seconds=1)
    await spoil(house, task, row["trigger_json"])
    clock.advance((look_at - NOON).total_seconds() + 1)
    await planner.run_once()
    assert [fire.key.name for fire in await house.fires()] == ["spoilt"]


async def test_asked_for_by_name_it_says_why_and_a_list_shows_the_others(house):
    await spoil(house, await house.add("spoilt", once()), FORGOTTEN_ZONE)
    await house.add("a", once())
    await house.add("z", once())
    with pytest.raises(TaskUnreadable) as caught:
        await house.store.find_task(a_key("spoilt"))
    assert "Mars/Base" in caught.value.params["why"]
    first = await house.store.list_tasks(TaskFilter(namespace="default"), PageRequest(limit=2))
    rest = await house.store.list_tasks(
        TaskFilter(namespace="default"), PageRequest(limit=2, cursor=first.next_cursor)
    )
    assert [s.task.key.name for s in (*first.items, *rest.items)] == ["a", "z"]


async def test_who_changes_it_with_others_is_told_and_the_others_are_changed(house, clock):
    await spoil(house, await house.add("spoilt", every(60)), LATER_KIND)
    await house.add("fine", every(60))
    now, actor = clock.now(), Actor(who="a", door="test")
    asked = [(a_key(name), changing.delete(a_key(name), now)) for name in ("fine", "spoilt")]
    fine, spoilt = await house.store.change_tasks(asked, actor, now, stop=False)
    assert fine.action is Action.DELETED
    assert isinstance(spoilt, TaskUnreadable)
    assert spoilt.params["name"] == "spoilt"
