"""/api/v1/groups: shown with their tasks, set, refused with every fault named."""

import json

import pytest

from tests.dialects.building import a_cron

BERLIN = {"zone": "Europe/Berlin", "note": "问 Anna"}


async def put(server, doc=BERLIN, name="group", **headers):
    body = doc if isinstance(doc, bytes) else json.dumps(doc).encode()
    return await server.ask("PUT", f"/api/v1/groups/{name}", body, headers)


async def show(server, name="group"):
    return await server.get(f"/groups/{name}")


async def test_a_group_is_shown_as_it_was_put_with_its_tasks(task_server):
    reply = await put(task_server)
    shown = (await show(task_server)).doc
    assert (reply.status, reply.doc) == (200, shown)
    assert (await task_server.get("/groups")).doc == {"items": [shown]}
    assert shown.pop("updated_at").endswith("Z")
    assert shown == BERLIN | {
        "policies": {},
        "namespace": "default",
        "group": "group",
        "tasks": 1,
        "version": 1,
    }


async def test_a_group_nothing_was_said_of_has_the_servers_zone(task_server):
    shown = (await show(task_server)).doc
    assert (shown["zone"], shown["note"], shown["version"]) == (None, "", 0)


@pytest.mark.parametrize("doc", [{}, {"zone": None}, {"zone": "", "note": None}])
async def test_what_is_left_out_is_taken_back(task_server, doc):
    await put(task_server)
    reply = await put(task_server, doc)
    assert (reply.doc["zone"], reply.doc["note"], reply.doc["version"]) == (None, "", 2)


async def test_a_name_with_a_slash_and_a_blank_is_a_group(server):
    await put(server, name="%E5%A4%9C%20%2F")
    assert [each["group"] for each in (await server.get("/groups")).doc["items"]] == ["夜 /"]


@pytest.mark.parametrize("lang", ["en", "zh"])
async def test_a_zone_that_is_none_is_refused_with_the_nearest_and_nothing_is_changed(
    task_server, lang
):
    await put(task_server, {"zone": "Asia/Tokyo"})
    before = (await show(task_server)).doc
    reply = await put(task_server, {"zone": "Europe/Berln"}, **{"Accept-Language": lang})
    assert reply.status == 400
    assert [(e["field"], e["code"]) for e in reply.doc["errors"]] == [("zone", "trigger.zone")]
    assert "Europe/Berlin" in reply.detail
    assert (await show(task_server)).doc == before


async def test_every_fault_of_a_group_is_named(server):
    reply = await put(server, {"zone": 7, "note": "x" * 2001, "colour": "red"})
    assert {(each["field"], each["code"]) for each in reply.doc["errors"]} == {
        ("zone", "trigger.zone"),
        ("note", "task.note"),
        ("colour", "field.unknown"),
    }
    assert (await show(server)).status == 404


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b"{", b'{"zone": {}}'])
async def test_a_body_that_is_no_group_is_refused(server, body):
    reply = await put(server, body)
    assert (reply.status, len(reply.doc["errors"])) == (400, 1)


@pytest.mark.parametrize("name", ["%20a", "a%0A", "a" * 201])
async def test_a_name_that_can_be_no_groups_is_refused(server, name):
    reply = await put(server, name=name)
    assert (reply.status, [each["field"] for each in reply.doc["errors"]]) == (400, ["group"])


@pytest.mark.parametrize("lang", ["en", "zh"])
async def test_an_unknown_group_is_not_found_with_the_nearest_names(server, lang):
    await put(server, name="nightly")
    for name, code in (("nightli", "group.not_found_nearest"), ("q", "group.not_found")):
        reply = await server.get(f"/groups/{name}", {"Accept-Language": lang})
        assert (reply.status, reply.doc["code"]) == (404, code)
        assert name in reply.detail


async def test_a_change_of_the_group_moves_no_task_that_stands(server):
    await put(server)
    task = a_cron(timeZone=None)
    await server.added(task)
    before = await server.task()
    await put(server, {"zone": "Asia/Tokyo"})
    assert await server.task() == before
    assert before["trigger"]["zone"] == "Europe/Berlin"


async def test_a_task_that_is_put_without_a_zone_fires_by_its_group_s(server):
    await server.ask("PUT", "/api/v1/groups/group", b'{"zone": "Asia/Tokyo"}')
    trigger = {"kind": "cron", "expression": "0 0 9 * * ?"}
    recall = {"kind": "HTTP", "url": "http://127.0.0.1:9/"}
    body = json.dumps({"trigger": trigger, "recall": recall}).encode()
    assert (await server.ask("PUT", "/api/v1/tasks/group/task", body)).status == 201
    task = await server.task()
    assert task["trigger"]["zone"] == "Asia/Tokyo"
    assert task["upcoming"][0].endswith("T00:00:00Z")
