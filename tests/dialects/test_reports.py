"""What receivers report, through both doors: REST and `.do` take the same, and refuse the same in their own ways."""

import asyncio
import json
from datetime import datetime

import pytest
from aiohttp import web

from tests.dialects.building import a_recall, a_simple

JSON = {"Content-Type": "application/json"}
UNKNOWN = "0" * 32


class Rest:
    """`POST /api/v1/fires/{id}/report` and `/progress`."""

    refused = {"late": 409, "again": 409, "unknown": 404, "unsent": 409, "faulty": 400}

    def __init__(self, server):
        self._server = server

    def result(self, fire_id, *, success=True, text="done"):
        return self._ask(fire_id, "report", {"success": success, "result": text})

    def progress(self, fire_id, percent, text=None):
        said = {"percent": percent} | ({} if text is None else {"text": text})
        return self._ask(fire_id, "progress", said)

    async def _ask(self, fire_id, name, said, lang="en"):
        headers = JSON | {"Accept-Language": lang}
        body = json.dumps(said).encode()
        path = f"/api/v1/fires/{fire_id}/{name}"
        reply = await self._server.ask("POST", path, body, headers)
        return reply.status, reply.doc.get("detail", "")


class Do:
    """`/taskcallback/updateTaskLog`, which answers 200 whatever it thinks of a report."""

    refused = dict.fromkeys(("late", "again", "unknown", "unsent", "faulty"), 200)

    def __init__(self, server):
        self._server = server

    def result(self, fire_id, *, success=True, text="done"):
        said = {"success": "true" if success else "false", "resultValue": text}
        return self._ask(fire_id, said)

    def progress(self, fire_id, percent, text=None):
        said = {"progress": percent} | ({} if text is None else {"resultValue": text})
        return self._ask(fire_id, said)

    async def _ask(self, fire_id, said):
        body = json.dumps({"id": fire_id} | said).encode()
        headers = JSON | {"Accept-Language": "en"}
        reply = await self._server.ask("POST", "/taskcallback/updateTaskLog", body, headers)
        assert reply.doc["success"] is (reply.error is None)
        return reply.status, reply.error or ""


@pytest.fixture(params=[Rest, Do])
def door(request, server):
    return request.param(server)


@pytest.fixture
async def receiver():
    """Accepts every call and owes a report; answers where it listens, and the ids of the calls."""
    asked = asyncio.Queue()

    async def accept(request):
        await asked.put((await request.json())["tasklogid"])
        return web.json_response({"success": "true", "asynchronized": "true"})

    app = web.Application()
    app.router.add_post("/work", accept)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/work", asked
    await runner.cleanup()


async def awaited(server, receiver, **policies):
    """The id of a fire whose report is awaited."""
    url, asked = receiver
    await server.added(a_simple(policies=policies), a_recall(url))
    fire_id = await asked.get()
    await reached(server, fire_id, "waiting")
    return fire_id


async def reached(server, fire_id, state):
    while (fire := (await server.get(f"/fires/{fire_id}")).doc)["state"] != state:  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    return fire


def moment(text):
    return datetime.fromisoformat(text)


async def notes(server, fire_id):
    fire = (await server.get(f"/fires/{fire_id}")).doc
    return [(note["taken"], note["mark"], note["text"]) for note in fire["reports"]]


async def test_progress_is_shown_and_then_the_result(server, receiver, door):
    fire_id = await awaited(server, receiver)
    before = (await server.get(f"/fires/{fire_id}")).doc
    assert before["progress"] is None
    assert await door.progress(fire_id, 40, "copying") == (200, "")
    fire = (await server.get(f"/fires/{fire_id}")).doc
    assert (fire["progress"]["percent"], fire["progress"]["text"]) == (40, "copying")
    assert moment(fire["deadline_at"]) > moment(before["deadline_at"])
    assert await door.result(fire_id) == (200, "")
    assert (await server.get(f"/fires/{fire_id}")).doc["result"] == "done"
    assert await notes(server, fire_id) == [(True, None, "copying"), (True, None, "done")]


async def test_a_late_report_is_refused_and_kept_with_its_mark(server, receiver, door):
    fire_id = await awaited(server, receiver, reportTimeout="50ms")
    await reached(server, fire_id, "failed")
    status, words = await door.result(fire_id, text="3 rows")
    assert status == door.refused["late"]
    assert fire_id in words and "too late" in words and "reportTimeout" in words
    assert await notes(server, fire_id) == [(False, "late", "3 rows")]
    assert (await server.get(f"/fires/{fire_id}")).doc["reason"] == "report_timeout"


async def test_a_second_report_is_refused_and_kept_with_its_mark(server, receiver, door):
    fire_id = await awaited(server, receiver)
    await door.result(fire_id, text="first")
    for _ in range(2):
        status, words = await door.result(fire_id, success=False, text="second")
        assert status == door.refused["again"]
        assert fire_id in words and "result already" in words
    status, _ = await door.progress(fire_id, 50)
    assert status == door.refused["again"]
    assert [mark for _, mark, _ in await notes(server, fire_id)] == [None, *["again"] * 3]
    fire = (await server.get(f"/fires/{fire_id}")).doc
    assert (fire["state"], fire["result"]) == ("succeeded", "first")


async def test_a_report_on_an_unknown_fire_tells_what_to_send(door):
    for answer in (await door.result(UNKNOWN), await door.progress(UNKNOWN, 5)):
        assert answer[0] == door.refused["unknown"]
        assert UNKNOWN in answer[1] and "tasklogid" in answer[1]


async def test_a_report_on_a_fire_that_nobody_was_sent_is_refused(server, receiver, door):
    await awaited(server, receiver, concurrencyKey="k")
    second = await server.triggered()
    assert (await server.get(f"/fires/{second}")).doc["attempts"] == 0
    for status, words in (await door.progress(second, 5), await door.result(second)):
        assert status == door.refused["unsent"]
        assert second in words and "has not been sent" in words


@pytest.mark.parametrize("percent", [-1, 101, "half", "1e2", True, [], {}])
async def test_a_faulty_percentage_is_told_and_changes_nothing(server, receiver, door, percent):
    fire_id = await awaited(server, receiver)
    status, words = await door.progress(fire_id, percent)
    assert status == door.refused["faulty"]
    assert "must be a number from 0 to 100" in words
    fire = (await server.get(f"/fires/{fire_id}")).doc
    assert (fire["progress"], fire["state"]) == (None, "waiting")


async def test_no_number_is_no_json(server, receiver):
    fire_id = await awaited(server, receiver)
    rest = await server.ask("POST", f"/api/v1/fires/{fire_id}/progress", b'{"percent":NaN}', JSON)
    body = b'{"id":"%s","progress":NaN}' % fire_id.encode()
    do = await server.ask("POST", "/taskcallback/updateTaskLog", body, JSON)
    assert (rest.status, do.doc["success"]) == (400, False)
    assert "NaN" in rest.detail and "NaN" in do.error


async def test_a_beat_of_the_heart_says_nothing_more(server, receiver):
    fire_id = await awaited(server, receiver)
    reply = await server.ask("POST", f"/api/v1/fires/{fire_id}/progress")
    doc = reply.doc
    assert (doc["state"], doc["progress"]["percent"]) == ("waiting", None)
    assert doc["report_by"] == (await server.get(f"/fires/{fire_id}")).doc["deadline_at"]


async def test_a_form_reports_progress_too(server, receiver):
    fire_id = await awaited(server, receiver)
    said = {"id": fire_id, "progress": "66.6", "resultValue": "%E5%A4%84%E7%90%86%E4%B8%AD"}
    reply = await server.ask("POST", "/taskcallback/updateTaskLog", said)
    assert (reply.doc["success"], reply.doc["reportBy"] is not None) == (True, True)
    progress = (await server.get(f"/fires/{fire_id}")).doc["progress"]
    assert (progress["percent"], progress["text"]) == (66, "处理中")


async def test_a_misspelt_field_of_a_report_is_told(server, receiver):
    fire_id = await awaited(server, receiver)
    for name, body in (("report", b'{"sucess":true}'), ("progress", b'{"percentage":4}')):
        reply = await server.ask("POST", f"/api/v1/fires/{fire_id}/{name}", body, JSON)
        assert reply.status == 400
        assert "is not a known parameter" in str(reply.doc["errors"]) or "未知参数" in reply.detail


async def test_a_receiver_needs_no_token(start):
    server = await start(auth="token")
    for name in ("report", "progress"):
        body = b'{"success":true}' if name == "report" else b"{}"
        reply = await server.ask("POST", f"/api/v1/fires/{UNKNOWN}/{name}", body, JSON)
        assert reply.status == 404


async def test_refusals_are_told_in_chinese_too(server, receiver):
    fire_id = await awaited(server, receiver)
    rest = Rest(server)
    await rest.result(fire_id)
    _, words = await rest._ask(fire_id, "report", {"success": True}, lang="zh")
    assert "重复回报" in words and "成功" in words
