"""/api/v1/groups/{group}/signing-keys: made and shown once, masked after, retired; refused without repeating a key."""

import json

import pytest

from dispatchserver.domain.signing import check_key, key_text

OWN = key_text(b"own key " * 4)
KEYS = "/api/v1/groups/group/signing-keys"


async def rotate(server, path=KEYS, lang="en", **asked):
    body = json.dumps(asked).encode() if asked else b""
    return await server.ask("POST", path, body, {"Accept-Language": lang})


async def listed(server):
    return (await server.get("/groups/group/signing-keys")).doc["items"]


async def test_a_new_key_is_shown_whole_once_and_masked_after(server):
    reply = await rotate(server)
    made = reply.doc
    assert reply.status == 201
    assert check_key(made["key"]) == made["key"]
    assert (made["until"], made["former"]) == (None, None)
    (shown,) = await listed(server)
    assert shown == {name: made[name] for name in ("id", "masked", "since", "until")}
    assert shown["masked"] == made["key"][:10] + "…"


async def test_every_key_that_the_server_makes_is_another(server):
    keys = {(await rotate(server, keep="0s")).doc["key"] for _ in range(5)}
    assert len(keys) == 5


async def test_a_rotated_key_stays_for_a_day_or_as_long_as_asked(server):
    first = (await rotate(server)).doc
    second = (await rotate(server, key=OWN, keep="forever")).doc
    assert second["key"] == OWN
    assert second["former"]["id"] == first["id"]
    assert [key["until"] for key in await listed(server)] == [None, None]
    await server.ask("DELETE", f"{KEYS}/{first['id']}")
    third = (await rotate(server)).doc
    assert third["former"]["until"] > third["since"]


async def test_a_group_without_tasks_may_have_a_key_and_is_listed_then(server):
    await rotate(server)
    (group,) = (await server.get("/groups")).doc["items"]
    assert (group["group"], group["tasks"], group["version"]) == ("group", 0, 0)


async def test_keys_are_retired_one_by_one_or_all_at_once(server):
    first, second = (await rotate(server)).doc, (await rotate(server)).doc
    reply = await server.ask("DELETE", f"{KEYS}/{first['id']}")
    assert (reply.status, [key["id"] for key in await listed(server)]) == (204, [second["id"]])
    assert (await server.ask("DELETE", KEYS)).status == 204
    assert await listed(server) == []


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize(
    ("asked", "field", "code"),
    [
        ({"key": "whsec_c2hvcnQ="}, "key", "signing.key"),
        ({"key": 12}, "key", "signing.key"),
        ({"key": {"a": OWN}}, "key", "field.text"),
        ({"key": OWN.removeprefix("whsec_")}, "key", "signing.key"),
        ({"keep": "soon"}, "keep", "field.duration"),
        ({"keep": "366d"}, "keep", "signing.keep"),
        ({"keep": "-1s"}, "keep", "field.duration"),
        ({"secret": OWN}, "secret", "field.unknown"),
    ],
)
async def test_what_cannot_be_made_is_refused_and_nothing_is_changed(
    server, lang, asked, field, code
):
    reply = await rotate(server, lang=lang, **asked)
    assert (reply.status, [(e["field"], e["code"]) for e in reply.doc["errors"]]) == (
        400,
        [(field, code)],
    )
    assert OWN not in reply.body.decode() and "c2hvcnQ" not in reply.body.decode()
    assert await listed(server) == []


@pytest.mark.parametrize("body", [b"[]", b"\xff", b"{", b"7"])
async def test_a_body_that_is_no_object_is_refused(server, body):
    reply = await server.ask("POST", KEYS, body)
    assert (reply.status, [e["field"] for e in reply.doc["errors"]]) == (400, ["body"])


@pytest.mark.parametrize("lang", ["en", "zh"])
async def test_a_third_key_and_a_key_twice_are_refused_with_what_to_do(server, lang):
    first = (await rotate(server, key=OWN)).doc
    again = await rotate(server, lang=lang, key=OWN)
    assert (again.status, again.doc["errors"][0]["code"]) == (400, "signing.same")
    await rotate(server)
    full = await rotate(server, lang=lang)
    assert (full.status, full.doc["code"]) == (409, "signing.full")
    assert first["id"] in full.detail
    assert len(await listed(server)) == 2


@pytest.mark.parametrize("lang", ["en", "zh"])
async def test_an_unknown_key_is_not_found_and_those_there_are_named(server, lang):
    made = (await rotate(server)).doc
    reply = await server.ask("DELETE", f"{KEYS}/nope", headers={"Accept-Language": lang})
    assert (reply.status, reply.doc["code"]) == (404, "signing.not_found")
    assert made["id"] in reply.detail and "nope" in reply.detail
    assert len(await listed(server)) == 1


async def test_a_name_that_can_be_no_groups_gets_no_key(server):
    reply = await rotate(server, "/api/v1/groups/%20a/signing-keys")
    assert (reply.status, [e["field"] for e in reply.doc["errors"]]) == (400, ["group"])
