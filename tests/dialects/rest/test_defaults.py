"""Default policies of groups and of the server: what a task takes where it says nothing, through every door."""

import json

import pytest

from tests.dialects.building import NOWHERE, a_cron, a_simple, text, times
from tests.dialects.rest.putting import EN, a_put, faults, put, put_calendar

RETRY = {"retry": {"delays": ["1s", "5s"]}}
DELAY = {"kind": "delay", "delay_s": 60}


async def say(server, name="group", **policies):
    """What the group is to say of policies from now on."""
    body = json.dumps({"policies": policies}).encode()
    return await server.ask("PUT", f"/api/v1/groups/{name}", body, EN)


async def policies_of(server, name="task", group="group"):
    return (await server.task(name, group))["policies"]


def a_save(**changed):
    """saveTask.do of a task every day at noon."""
    period = {"periodmode": 0, "periodstart": "12:00", "periodend": "12:00"}
    dura = {"duramode": 0, "duravalue": "12:00", "period": period}
    way = {"modetime": {"modetype": 0, "modefrequency": 1}, "dura": dura}
    task = {"taskcode": "task", "gid": "group", "timeway": way, "taskway": {"url": NOWHERE}}
    return {"data": text({"task": task | changed})}


async def test_a_group_shows_just_what_it_says(server):
    reply = await say(server, timeout="90s", spread=None)
    assert (reply.status, reply.doc["policies"]) == (200, {"timeout": "90s", "spread": None})
    shown = (await server.get("/groups/group")).doc
    again = await server.ask(
        "PUT", "/api/v1/groups/group", json.dumps({"policies": shown["policies"]}).encode()
    )
    assert again.doc == shown


async def test_a_task_takes_key_by_key_what_it_does_not_say(start):
    server = await start(policies={"timeout": "70s", "overlap": "skip", "jitter": "3s"})
    await say(server, timeout="90s", jitter=None, **RETRY)
    await put(server, a_put(policies={"overlap": "queue_one"}))
    found = await policies_of(server)
    assert (found["timeout"], found["overlap"]) == ("90s", {"policy": "queue_one"})
    assert found["retry"]["delays"] == ["1s", "5s"]
    assert (found["jitter"], found["connectTimeout"]) == (None, None)
    await put(server, a_put(), group="elsewhere")
    found = await policies_of(server, group="elsewhere")
    assert (found["timeout"], found["overlap"], found["jitter"]) == (
        "70s",
        {"policy": "skip"},
        "3s",
    )


async def test_null_is_the_products_own_whatever_the_group_says(server):
    await say(server, timeout="90s", overlap="skip", misfire="skip", **RETRY)
    nothing = dict.fromkeys(("timeout", "overlap", "misfire", "retry"))
    await put(server, a_put(policies=nothing))
    await put(server, a_put(policies=nothing), group="elsewhere")
    assert await policies_of(server) == await policies_of(server, group="elsewhere")


async def test_a_task_keeps_what_it_took_until_it_is_said_again(server):
    await say(server, timeout="90s")
    await put(server, a_put())
    await say(server, timeout="10s")
    assert (await policies_of(server))["timeout"] == "90s"
    shown = await server.task()
    reply = await put(server, shown)
    assert (reply.doc["version"], reply.doc["policies"]["timeout"]) == (1, "90s")
    reply = await put(server, a_put())
    assert (reply.doc["version"], reply.doc["policies"]["timeout"]) == (2, "10s")


async def test_every_do_call_takes_them_too(server):
    await say(server, timeout="90s")
    await server.added()
    assert (await policies_of(server))["timeout"] == "90s"
    await server.added(a_cron(policies={"timeout": None}), replace="true")
    assert (await policies_of(server))["timeout"] is None
    reply = await server.post("taskrest/saveTask.do", a_save(taskcode="saved"))
    assert reply.doc["success"], reply.error
    assert (await policies_of(server, "saved"))["timeout"] == "90s"


async def test_a_calendar_of_the_group_goes_with_what_the_task_says_of_it(server):
    await put_calendar(server)
    await say(server, calendar="CN")
    await put(server, a_put(policies={"shift": "next_working_day"}))
    found = await policies_of(server)
    assert (found["calendar"], found["shift"]) == ("CN", "next_working_day")
    await say(server, calendar="CN", shift="previous_working_day")
    reply = await put(server, a_put(policies={"calendar": None}))
    assert (reply.doc["policies"]["calendar"], reply.doc["policies"]["shift"]) == (None, None)
    refused = await put(server, a_put(policies={"calendar": None, "shift": "next_working_day"}))
    assert faults(refused) == {"policies.shift": "calendar.shift_alone"}


async def test_a_default_that_does_not_fit_the_trigger_tells_whose_it_is_and_what_to_do(server):
    await put_calendar(server)
    await say(server, misfire="DO_NOTHING", calendar="CN")
    reply = await put(server, a_put(DELAY))
    assert faults(reply) == {
        "policies.misfire": "defaults.group.misfire",
        "policies.calendar": "defaults.group.calendar",
    }
    assert "DO_NOTHING by the defaults of the group group" in reply.detail
    assert "null for fire_once" in reply.detail
    assert await server.task() is None
    reply = await put(server, a_put(DELAY, policies={"misfire": None, "calendar": None}))
    assert reply.status == 201, reply.body
    reply = await put(server, a_put(), name="cron")
    assert reply.doc["policies"]["misfire"] == {"policy": "DO_NOTHING"}


@pytest.mark.parametrize("lang", ["en", "zh"])
async def test_the_do_dialect_tells_it_in_its_own_way(start, lang):
    server = await start(policies={"misfire": "DO_NOTHING"})
    reply = await server.add(a_simple(times(forever=True)), headers={"Accept-Language": lang})
    assert not reply.doc["success"]
    assert "policies.misfire" in reply.error and "DO_NOTHING" in reply.error
    assert {"en": "by the server's defaults", "zh": "服务器的默认策略"}[lang] in reply.error
    assert (await server.add(a_simple(times(forever=True), policies={"misfire": "skip"}))).doc[
        "success"
    ]


async def test_every_fault_of_a_groups_policies_is_named_and_nothing_is_changed(server):
    await say(server, timeout="90s")
    reply = await say(server, timeout="2h", retry={"max": 99, "factr": 2}, bogus=1)
    assert set(faults(reply)) == {
        "policies.timeout",
        "policies.retry.max",
        "policies.retry.factr",
        "policies.bogus",
    }
    reply = await say(server, calendar="CN")
    assert faults(reply) == {"policies.calendar": "calendar.not_found"}
    shown = (await server.get("/groups/group")).doc
    assert (shown["policies"], shown["version"]) == ({"timeout": "90s"}, 1)


async def test_a_calendar_that_a_group_gives_to_its_tasks_cannot_be_deleted(server):
    await put_calendar(server)
    await say(server, "nights", calendar="CN")
    reply = await server.ask("DELETE", "/api/v1/calendars/CN", headers=EN)
    assert (reply.status, "group nights" in reply.detail) == (409, True)
    await say(server, "nights")
    assert (await server.ask("DELETE", "/api/v1/calendars/CN")).status == 204


async def test_a_calendar_of_the_server_that_there_is_not_is_told_as_the_servers(start):
    server = await start(policies={"calendar": "CN"})
    reply = await put(server, a_put())
    assert faults(reply) == {"policies.calendar": "defaults.server.lost"}
    assert "server's defaults" in (await server.add(headers=EN)).error
    assert (await put(server, a_put(policies={"calendar": None}))).status == 201
    reply = await put(server, a_put(policies={"calendar": "DE"}))
    assert faults(reply) == {"policies.calendar": "calendar.not_found"}
