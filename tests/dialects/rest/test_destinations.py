"""/api/v1/destinations: how receivers stand, their limits set, refused with every fault named, circuits closed."""

import asyncio
import json

import pytest

from tests.dialects.building import a_recall

NAME = "receiver.test:443"
LIMITS = {"slots": 16, "rate": "20/s", "burst": 5}


async def put(server, doc=None, name=NAME, **headers):
    body = doc if isinstance(doc, bytes) else json.dumps(LIMITS if doc is None else doc).encode()
    return await server.ask("PUT", f"/api/v1/destinations/{name}", body, headers)


async def listed(server):
    return (await server.get("/destinations")).doc["items"]


async def test_a_destination_is_shown_as_it_was_put(server):
    reply = await put(server)
    shown = (await server.get(f"/destinations/{NAME}")).doc
    assert (reply.status, reply.doc) == (200, shown)
    assert await listed(server) == [shown]
    assert shown.pop("updated_at").endswith("Z")
    assert shown == LIMITS | {
        "name": NAME,
        "paused": False,
        "settings": LIMITS,
        "in_flight": 0,
        "waiting": 0,
        "hindrance": None,
        "breaker": {"state": "closed", "until": None, "failures": 0},
        "last_failure": None,
        "version": 1,
    }


@pytest.mark.parametrize("doc", [{}, {"slots": None, "rate": "", "paused": False}])
async def test_what_is_left_out_is_the_servers(start, doc):
    server = await start(destination_slots=7, destination_rate="100/s")
    await put(server)
    shown = (await put(server, doc)).doc
    assert (shown["slots"], shown["rate"], shown["burst"]) == (7, "100/s", 1)
    assert (shown["settings"], shown["version"]) == ({}, 2)


async def test_a_name_is_taken_in_any_case_and_an_ipv6_address_in_brackets(server):
    for name, shown in (("Receiver.TEST:443", NAME), ("%5B::1%5D:80", "[::1]:80")):
        assert (await put(server, name=name)).doc["name"] == shown
        assert (await server.get(f"/destinations/{name}")).doc["name"] == shown


FAULTS = [
    ({"rate": "0/s"}, "rate", "destination.rate"),
    ({"slots": -1}, "slots", "fault.range"),
    ({"burst": 5}, "burst", "destination.burst"),
    ({"limit": 5}, "limit", "field.unknown"),
    ({"paused": "soon"}, "paused", "field.boolean"),
]


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize(("doc", "field", "code"), FAULTS)
async def test_what_can_be_no_limit_is_refused_by_its_field_and_nothing_is_changed(
    server, doc, field, code, lang
):
    await put(server)
    before = await listed(server)
    reply = await put(server, doc, **{"Accept-Language": lang})
    assert reply.status == 400
    assert [(e["field"], e["code"]) for e in reply.doc["errors"]] == [(field, code)]
    assert field in reply.detail and code not in reply.detail
    assert await listed(server) == before


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize(
    "name", ["receiver.test", "receiver.test:0", "receiver.test:http", "a%20b:80"]
)
async def test_what_names_no_destination_is_refused_with_what_does(server, name, lang):
    reply = await put(server, name=name, **{"Accept-Language": lang})
    assert (reply.status, [e["code"] for e in reply.doc["errors"]]) == (400, ["destination.name"])
    assert "api.example.com:443" in reply.detail
    assert await listed(server) == []


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b"{", b'{"slots": {}}', b'{"rate": [20]}'])
async def test_a_body_that_holds_no_limits_is_refused(server, body):
    reply = await put(server, body)
    assert (reply.status, len(reply.doc["errors"])) == (400, 1)
    assert await listed(server) == []


async def test_limits_that_are_taken_back_are_gone(server):
    await put(server)
    assert (await server.ask("DELETE", f"/api/v1/destinations/{NAME}")).status == 204
    assert await listed(server) == []
    assert (await server.ask("DELETE", f"/api/v1/destinations/{NAME}")).status == 404


@pytest.mark.parametrize("lang", ["en", "zh"])
async def test_an_unknown_destination_is_not_found_with_the_nearest_names(server, lang):
    await put(server)
    for name, code in (("reciever.test:443", "_nearest"), ("q:1", "")):
        for method, path in (("GET", ""), ("POST", "/reset")):
            headers = {"Accept-Language": lang}
            reply = await server.ask(method, f"/api/v1/destinations/{name}{path}", None, headers)
            assert (reply.status, reply.doc["code"]) == (404, f"destination.not_found{code}")
            assert name in reply.detail


async def shown_when(server, path, holds):
    """What REST shows, once that holds."""
    while not holds(doc := (await server.get(path)).doc):  # noqa: ASYNC110  (the server's own loops)
        await asyncio.sleep(0.01)
    return doc


async def test_fires_wait_behind_a_paused_receiver_and_go_when_it_is_taken_back(server):
    name = "127.0.0.1:9"
    await put(server, {"paused": True}, name)
    await server.added(recall=a_recall(f"http://{name}/x"))
    fire = await server.triggered()
    waits = await shown_when(server, f"/fires/{fire}", lambda doc: doc["behind"])
    assert (waits["behind"], waits["turn"], waits["attempts"]) == (name, "behind_destination", 0)
    shown = (await server.get(f"/destinations/{name}")).doc
    assert (shown["hindrance"], shown["in_flight"], shown["waiting"]) == ("paused", 0, 1)
    await put(server, {}, name)
    sent = await shown_when(server, f"/fires/{fire}", lambda doc: doc["attempt_log"])
    assert sent["attempt_log"][0]["outcome"]["reason"] == "connect"
    shown = (await server.get(f"/destinations/{name}")).doc
    assert (shown["last_failure"]["reason"], shown["breaker"]["failures"]) == ("connect", 1)
