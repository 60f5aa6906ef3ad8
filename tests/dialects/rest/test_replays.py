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


async def test_a_filter_that_names_nothing_but_an_end_is_refused(server):
    old = await ended(server)
    reply = await server.ask("POST", "/api/v1/fires/replay", b'{"until": "2099-01-01"}')
    assert (reply.status, reply.doc["code"]) == (400, "fire.replay_filter")
    assert [fire["id"] for fire in await server.fires()] == [old]


async def test_an_unknown_fire_is_not_found(server):
    assert (await replay(server, "0" * 32)).status == 404


async def test_a_task_is_run_by_hand_with_data_of_its_own(server):
    await server.added()
    reply = await server.ask("POST", "/api/v1/tasks/group/task/trigger", b'{"data": [1, 2]}')
    shown = (await server.get(f"/fires/{reply.doc['id']}")).doc
    assert (reply.status, shown["recall"]["data"]) == (201, [1, 2])


async def replay_all(server, **asked):
    body = json.dumps(asked).encode()
    return await server.ask("POST", "/api/v1/fires/replay", body, {"Accept-Language": "en"})


async def test_a_dry_run_tells_how_many_and_which_and_until_when_and_sends_nothing(server):
    old = await ended(server)
    reply = await replay_all(server, address="127.0.0.1:9", reason="connect", dryRun=True)
    assert reply.status == 200, reply.body
    told = reply.doc
    assert (told["dryRun"], told["count"], told["more"]) == (True, 1, False)
    assert [fire["id"] for fire in told["items"]] == [old]
    assert len(await server.fires()) == 1
    asked = {"group": "group", "until": told["until"]}
    assert len((await replay_all(server, **asked)).doc["items"]) == 1
    assert (await replay_all(server, **asked)).doc == {"items": [], "more": False}


async def test_a_filter_may_name_a_reason_and_an_address_which_must_be_ones(server):
    await ended(server)
    assert (await replay_all(server, address="elsewhere")).doc["items"] == []
    reply = await replay_all(server, reason="bad luck", dryRun="perhaps")
    assert reply.status == 400
    assert {e["field"]: e["code"] for e in reply.doc["errors"]} == {
        "reason": "field.choice",
        "dryRun": "field.boolean",
    }


async def test_the_log_is_asked_for_dead_letters_in_the_same_words(server):
    old = await ended(server)
    wanted = {"state": "failed", "replayed": "false", "address": "127.0.0.1", "reason": "connect"}
    assert [fire["id"] for fire in await server.fires(**wanted)] == [old]
    await replay(server, old)
    assert old not in [fire["id"] for fire in await server.fires(**wanted)]
    found = await server.fires(**wanted | {"replayed": "true"})
    assert [fire["id"] for fire in found] == [old]
