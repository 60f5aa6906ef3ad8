"""Several addresses from end to end: tasks put through both doors, real receivers, and what each of them got."""

import asyncio
import json
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from dispatchserver.domain.route import RouteRule
from tests.dialects.building import a_recall, a_simple, a_socket, times
from tests.processes import until

JSON = {"Content-Type": "application/json", "Accept-Language": "en"}
DATA = {"order": {"customer": "c-7"}}


@dataclass
class Receiver:
    """Records what calls it, and says yes."""

    url: str = ""
    got: list = field(default_factory=list)

    async def take(self, request):
        self.got.append((await request.json(), dict(request.headers)))
        return web.json_response({"success": "true"})


@asynccontextmanager
async def a_receiver():
    receiver, app = Receiver(), web.Application()
    app.router.add_post("/", receiver.take)
    async with TestServer(app) as server:
        receiver.url = str(server.make_url("/"))
        yield receiver


@pytest.fixture
async def three():
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(a_receiver()) for _ in range(3)]


def urls(receivers):
    return [receiver.url for receiver in receivers]


def a_dead_url():
    return f"http://127.0.0.1:{unused_port()}/"


def several(addresses, route=None):
    option = {"urls": addresses} | ({"route": route} if route else {})
    return {"recallType": "HTTP", "option": option, "data": DATA}


async def ended(server, count):
    async def look():
        fires = await server.fires()
        done = [fire for fire in fires if fire["finished_at"]]
        return done if len(done) == count else []

    return sorted(await until(look), key=lambda fire: fire["shard"])


async def played(server, recall, runs=6, fires=None):
    """A task of so many runs, soon one after the other, and what came of them."""
    soon = times(50, "MILLISECOND", repeat=runs)
    await server.added(a_simple(soon, policies={"retry": {"max": 0}}), recall)
    return await ended(server, fires or runs)


async def test_one_of_three_stopped_receivers_fails_no_run(server, three):
    dead = a_dead_url()
    for_all = several([dead, *urls(three[:2])])
    fires = await played(server, for_all)
    assert {fire["state"] for fire in fires} == {"succeeded"}
    assert len(three[0].got) == 6 and not three[1].got
    log = (await server.get(f"/fires/{fires[0]['id']}")).doc["attempt_log"]
    assert [(each["address"], each["outcome"]["reason"]) for each in log] == [
        (dead, "connect"),
        (three[0].url, None),
    ]


async def test_each_in_turn_gets_the_same_number_of_calls(server, three):
    await played(server, several(urls(three), "round_robin"))
    assert [len(receiver.got) for receiver in three] == [2, 2, 2]


@pytest.mark.parametrize("rule", ["failover", "first"])
async def test_the_first_gets_all_while_it_can_be_reached(server, three, rule):
    await played(server, several(urls(three), rule), 3)
    assert [len(receiver.got) for receiver in three] == [3, 0, 0]


@pytest.mark.parametrize("rule", ["random", "least_busy"])
async def test_chance_and_load_lose_no_call(server, three, rule):
    await played(server, several(urls(three), rule))
    assert sum(len(receiver.got) for receiver in three) == 6


async def test_the_same_customer_is_called_at_the_same_place(server, three):
    await played(server, several(urls(three), {"policy": "hash", "by": "$.order.customer"}), 4)
    assert sorted(len(receiver.got) for receiver in three) == [0, 0, 4]


async def test_a_broadcast_calls_each_with_its_number(server, three):
    fires = await played(server, several(urls(three), "broadcast"), 1, 3)
    told = [(body["shardIndex"], body["shardTotal"]) for r in three for body, _ in r.got]
    heads = [
        (head["X-Dispatch-Shard-Index"], head["X-Dispatch-Shard-Total"])
        for receiver in three
        for _, head in receiver.got
    ]
    assert told == [(0, 3), (1, 3), (2, 3)]
    assert heads == [("0", "3"), ("1", "3"), ("2", "3")]
    assert [fire["shards"] for fire in fires] == [3, 3, 3]
    assert [body["tasklogid"] for r in three for body, _ in r.got] == [f["id"] for f in fires]
    assert {json.dumps(body["data"]) for r in three for body, _ in r.got} == {json.dumps(DATA)}


async def test_a_broadcast_by_hand_calls_each_as_well_and_answers_the_first(server, three):
    await server.added(recall=several(urls(three), "broadcast"))
    first = await server.triggered()
    fires = await ended(server, 3)
    assert [len(receiver.got) for receiver in three] == [1, 1, 1]
    assert first == fires[0]["id"]


async def test_a_shard_that_failed_is_sent_once_more_to_the_same_receiver(server, three):
    spoiled = [three[0].url, a_dead_url(), three[2].url]
    fires = await played(server, several(spoiled, "broadcast"), 1, 3)
    assert [fire["state"] for fire in fires] == ["succeeded", "failed", "succeeded"]
    reply = await server.ask("POST", f"/api/v1/fires/{fires[1]['id']}/replay", "{}", JSON)
    assert (reply.doc["shard"], reply.doc["shards"]) == (1, 3), reply.doc
    await ended(server, 4)
    assert [len(receiver.got) for receiver in three] == [1, 0, 1]


async def test_sockets_fail_over_as_well(server):
    got = []

    async def take(reader, writer):
        got.append(json.loads(await reader.readline()))
        writer.write(b'{"success":"true"}\n')
        await writer.drain()
        writer.close()

    listener = await asyncio.start_server(take, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    addresses = [f"127.0.0.1:{unused_port()}", f"127.0.0.1:{port}"]
    try:
        fires = await played(server, a_socket({"addresses": addresses}), 1)
    finally:
        listener.close()
    assert (fires[0]["state"], fires[0]["attempts"], len(got)) == ("succeeded", 2, 1)


async def put(server, recall, **more):
    task = {"trigger": {"kind": "cron", "expression": "0 0 12 * * ?"}, "recall": recall} | more
    return await server.ask("PUT", "/api/v1/tasks/group/task", json.dumps(task), JSON)


async def test_a_task_put_as_it_is_shown_is_the_same_task(server, three):
    said = {"kind": "HTTP", "urls": urls(three), "route": {"policy": "hash", "by": "$.a"}}
    made = await put(server, said)
    shown = made.doc["recall"]
    assert (made.status, shown["urls"], shown["route"]) == (201, urls(three), said["route"])
    again = await put(server, shown)
    assert (again.status, again.doc["version"]) == (200, 1)


REFUSED = [
    ({"kind": "HTTP", "urls": ["http://a.test/"]}, {}, "recall.urls", "2 to 50"),
    ({"kind": "HTTP", "urls": ["http://a.test/", "x"]}, {}, "recall.urls[1]", "http"),
    (
        {"kind": "HTTP", "urls": ["http://a.test/", "http://b.test/"], "route": "broadcast"},
        {"policies": {"overlap": "skip"}},
        "recall.route",
        "overlap policy skip",
    ),
]


@pytest.mark.parametrize(("recall", "more", "at", "words"), REFUSED, ids=["one", "bad", "overlap"])
async def test_what_cannot_be_is_refused_under_its_field(server, recall, more, at, words):
    english = await put(server, recall, **more)
    assert english.status in (400, 422), english.doc
    assert at in json.dumps(english.doc) and words in json.dumps(english.doc)
    assert await server.task() is None


async def test_add_do_names_what_is_wrong_in_both_languages(server):
    recall = several(["http://a.test/", "http://a.test/"], {"policy": "hash"})
    for lang in ("en", "zh"):
        reply = await server.add(recall=recall, headers={"Accept-Language": lang})
        assert reply.doc["success"] is False
        assert "recallConfig.option.urls[1]" in reply.error
        assert "recallConfig.option.route.by" in reply.error
    beside = a_recall() | {"option": {"url": "http://a.test/", "route": "random"}}
    assert "recallConfig.option.route" in (await server.add(recall=beside)).error


FORBIDDEN = "http://169.254.169.254/"


async def test_an_address_that_is_forbidden_is_refused_under_its_number(server, three):
    put_one = await put(server, {"kind": "HTTP", "urls": [three[0].url, FORBIDDEN]})
    assert put_one.detail.startswith("recall.urls[1]: ") and FORBIDDEN in put_one.detail
    socket = a_socket({"addresses": ["10.0.0.7:9100", "169.254.169.254:9100"]})
    for recall, name in ((several([three[0].url, FORBIDDEN]), "urls"), (socket, "addresses")):
        error = (await server.add(recall=recall)).error
        assert error.startswith(f"recallConfig.option.{name}[1]"), error
    assert await server.task() is None


async def test_an_unknown_route_is_answered_with_those_there_are(server, three):
    reply = await put(server, {"kind": "HTTP", "urls": urls(three), "route": "nearest"})
    assert ", ".join(RouteRule) in reply.doc["detail"]
