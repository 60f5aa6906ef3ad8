"""/api/v1/fires/…/replay: what ended is sent once more; refusals name what is wrong and send nothing."""

import json

import pytest

from tests.dialects.building import a_cron


async def ended(server):
    """A fire that failed: nobody listens where it goes, and the task repeats nothing."""
    await server.added(a_cron(policies={"retry": {"max": 0}}))
    fire = await server.triggered()
    while (doc := (await server.get(f"/fires/{fire}")).doc)["state"] != "failed":
        assert doc["state"] in ("pending", "running")
    return fire


async def replay(server, fire, body=None, **headers):
    data = None if body is None else json.dumps(body).encode()
    return await server.ask("POST", f"/api/v1/fires/{fire}/replay", data, headers)


async def test_an_ended_fire_is_sent_once_more_and_linked(server):
    old = await ended(server)
    reply = await replay(server, old, {"data": {"fixed": True}})
    assert (reply.status, reply.doc["replay_of"], reply.doc["kind"]) == (201, old, "manual")
    shown = (await server.get(f"/fires/{reply.doc['id']}")).doc
    assert shown["recall"]["data"] == {"fixed": True}


async def test_all_failed_fires_of_a_group_are_sent_once_more(server):
    old = await ended(server)
    body = json.dumps({"group": "group", "since": "2020-01-01"}).encode()
    reply = await server.ask("POST", "/api/v1/fires/replay", body)
    assert reply.status == 200 and reply.doc["more"] is False
    assert [fire["replay_of"] for fire in reply.doc["items"]] == [old]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"datum": 1}, "datum"),
        ([1], "JSON object"),
    ],
)
async def test_what_is_wrong_is_named_and_nothing_is_sent(server, body, words):
    old = await ended(server)
    english = await replay(server, old, body, **{"Accept-Language": "en"})
    chinese = await replay(server, old, body, **{"Accept-Language": "zh"})
    assert english.status == 400 and words in english.detail
    assert chinese.detail != english.detail
    assert len(await server.fires()) == 1


async def test_a_filter_without_group_and_time_is_refused(server):
    old = await ended(server)
    reply = await server.ask("POST", "/api/v1/fires/replay", b'{"name": "task"}')
    assert (reply.status, reply.doc["code"]) == (400, "fire.replay_filter")
    assert [fire["id"] for fire in await server.fires()] == [old]


async def test_an_unknown_fire_is_not_found(server):
    assert (await replay(server, "0" * 32)).status == 404


async def test_a_task_is_run_by_hand_with_data_of_its_own(server):
    await server.added()
    reply = await server.ask("POST", "/api/v1/tasks/group/task/trigger", b'{"data": [1, 2]}')
    shown = (await server.get(f"/fires/{reply.doc['id']}")).doc
    assert (reply.status, shown["recall"]["data"]) == (201, [1, 2])
