"""add.do and saveTask.do of a task that names no time zone: it fires by its group's, else by the server's."""

import json

import pytest

from tests.dialects.building import NOWHERE, a_cron, a_simple, text

NIGHT = "group of the night"


@pytest.fixture
async def berlin(server):
    """A server in Shanghai; one group is in Berlin."""
    body = json.dumps({"zone": "Europe/Berlin"}).encode()
    reply = await server.ask("PUT", f"/api/v1/groups/{NIGHT.replace(' ', '%20')}", body)
    assert reply.status == 200
    return server


def a_save(**changed):
    """saveTask.do of a task every day at noon."""
    period = {"periodmode": 0, "periodstart": "12:00", "periodend": "12:00"}
    dura = {"duramode": 0, "duravalue": "12:00", "period": period}
    way = {"modetime": {"modetype": 0, "modefrequency": 1}, "dura": dura}
    task = {"taskcode": "task", "gid": NIGHT, "timeway": way, "taskway": {"url": NOWHERE}}
    return {"data": text({"task": task | changed})}


async def add(server, **changed):
    """The first planned fires of a task of the night that names no time zone."""
    doc = await server.added(a_cron(groupCode=NIGHT, timeZone=None) | changed)
    return doc["plannedFires"]


def clocks(fires):
    return {fire[10:16] for fire in fires}


def offsets(fires):
    return {fire[19:] for fire in fires}


async def test_a_task_that_names_no_zone_fires_by_its_groups(berlin):
    fires = await add(berlin)
    assert clocks(fires) == {"T12:00"}
    assert offsets(fires) <= {"+01:00", "+02:00"}
    assert (await berlin.task("task", NIGHT))["trigger"]["zone"] == "Europe/Berlin"


async def test_the_group_may_be_named_in_either_way(berlin):
    fires = await add(berlin, groupCode=None, groupName=NIGHT)
    assert offsets(fires) <= {"+01:00", "+02:00"}


async def test_a_start_without_an_offset_is_by_the_groups_clock(berlin):
    times = {"interval": 24, "intervalType": "HOUR", "isForever": True}
    task = a_simple(times, groupCode=NIGHT, timeZone="", startDate="2099-01-01 09:00:00")
    assert (await berlin.added(task))["plannedFires"][0] == "2099-01-01T09:00:00+01:00"


async def test_a_task_that_names_a_zone_keeps_to_it(berlin):
    assert offsets(await add(berlin, timeZone="Asia/Tokyo")) == {"+09:00"}


async def test_a_task_of_another_group_fires_by_the_servers(berlin):
    assert offsets(await add(berlin, groupCode="day")) == {"+08:00"}


async def test_a_saved_task_fires_by_its_groups_zone_else_the_servers(berlin):
    for group, expected in ((NIGHT, {"+01:00", "+02:00"}), ("day", {"+08:00"})):
        reply = await berlin.post("taskrest/saveTask.do", a_save(gid=group))
        assert reply.doc["success"] is True, reply.error
        assert clocks(reply.doc["plannedFires"]) == {"T12:00"}
        assert offsets(reply.doc["plannedFires"]) <= expected


async def test_a_replaced_task_takes_the_zone_that_its_group_has_then(berlin):
    await add(berlin)
    body = b'{"zone": "Asia/Tokyo"}'
    await berlin.ask("PUT", f"/api/v1/groups/{NIGHT.replace(' ', '%20')}", body)
    assert (await berlin.task("task", NIGHT))["trigger"]["zone"] == "Europe/Berlin"
    await berlin.added(a_cron(groupCode=NIGHT, timeZone=None), replace="true")
    assert (await berlin.task("task", NIGHT))["trigger"]["zone"] == "Asia/Tokyo"


@pytest.mark.parametrize(
    ("task", "field"),
    [
        (a_cron(groupCode=" x", timeZone=None), "taskConfig.groupCode"),
        (a_cron(groupCode=None, timeZone=None), "taskConfig.groupCode"),
        (a_cron(timeZone="Europe/Berln"), "taskConfig.timeZone"),
    ],
)
async def test_what_is_faulty_is_told_once_and_nothing_is_added(berlin, task, field):
    error = (await berlin.add(task)).error
    assert error.count(field) == 1
    assert (await berlin.get("/tasks")).doc["items"] == []
