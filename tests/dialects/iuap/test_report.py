"""taskcallback/updateTaskLog: the asynchronous result of a fire."""

import asyncio
import json

import pytest
from aiohttp import web

from tests.dialects.building import a_recall, a_simple

REPORT = "/taskcallback/updateTaskLog"


@pytest.fixture
async def fire_id(server):
    """A fire whose receiver has accepted it and owes a report."""
    asked = asyncio.Queue()

    async def accept(request):
        await asked.put((await request.json())["tasklogid"])
        return web.json_response({"success": "true", "asynchronized": "true"})

    app = web.Application()
    app.router.add_post("/work", accept)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    await server.added(a_simple(), a_recall(f"http://127.0.0.1:{runner.addresses[0][1]}/work"))
    fire_id = await asked.get()
    while (await server.get(f"/fires/{fire_id}")).doc["state"] != "waiting":  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    yield fire_id
    await runner.cleanup()


async def report(server, **said):
    body = json.dumps(said).encode()
    headers = {"Content-Type": "application/json"}
    return await server.ask("POST", REPORT, body, headers)


async def ending(server, fire_id):
    fire = (await server.get(f"/fires/{fire_id}")).doc
    return fire["state"], fire["result"]


@pytest.mark.parametrize("word", ["true", True, "TRUE"])
async def test_true_is_success(server, fire_id, word):
    reply = await report(server, id=fire_id, success=word, resultValue="n=3")
    assert reply.body == b'{"success":true,"error":null,"resultValue":null}'
    assert await ending(server, fire_id) == ("succeeded", "n=3")


@pytest.mark.parametrize("word", ["false", False, None, "", "yes", 1])
async def test_anything_else_is_failure(server, fire_id, word):
    await report(server, id=fire_id, success=word, resultValue="broken")
    assert await ending(server, fire_id) == ("failed", "broken")


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("%E5%AE%8C%E6%88%90", "完成"),
        ("完成", "完成"),
        ("100% done", "100% done"),
        ("%ff", "%ff"),
        ({"rows": [3], "all": True}, '{"rows":[3],"all":true}'),
        (None, None),
    ],
)
async def test_the_result_is_kept_as_it_was_meant(server, fire_id, sent, kept):
    await report(server, id=fire_id, success="true", resultValue=sent)
    assert await ending(server, fire_id) == ("succeeded", kept)


async def test_a_form_does_as_well(server, fire_id):
    said = {"tasklogid": fire_id, "success": "true", "resultValue": "完成"}
    assert (await server.ask("POST", f"/iuap-dispatch-service{REPORT}", said)).doc[
        "success"
    ] is True
    assert await ending(server, fire_id) == ("succeeded", "完成")


async def test_a_second_report_is_refused_and_changes_nothing(server, fire_id):
    await report(server, id=fire_id, success="true", resultValue="first")
    reply = await report(server, id=fire_id, success="false", resultValue="second")
    assert (reply.status, reply.doc["success"]) == (200, False)
    assert fire_id in reply.error
    assert await ending(server, fire_id) == ("succeeded", "first")


async def test_an_unknown_fire_is_named(server):
    reply = await report(server, id="f" * 32, success="true")
    assert (reply.doc["success"], "f" * 32 in reply.error) == (False, True)


async def test_a_report_without_an_id_is_told_so(server):
    reply = await report(server, success="true")
    assert reply.error.startswith("id：")


async def test_a_receiver_needs_no_token_to_report(start):
    server = await start(auth="token")
    assert (await report(server, id="0", success="true")).status == 200
