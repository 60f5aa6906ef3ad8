"""The built-in receiver, called the way it will be: by our own targets."""

import asyncio
import json
from datetime import timedelta

import aiohttp
import pytest

from dispatchserver.clock import SystemClock
from dispatchserver.domain.fire import Delivery
from dispatchserver.domain.recall import HttpRecall, SocketRecall, render_body
from dispatchserver.ports import SendOrder
from dispatchserver.recalls.http import HttpTarget
from dispatchserver.recalls.socket import SocketTarget
from dispatchserver.receiver.server import Call, Receiver, make_app, serve

FIRE = "0123456789abcdef0123456789abcdef"
YES, NO = "true", "false"


class FastClock(SystemClock):
    """Waits a hundredth of what it should."""

    async def sleep_until(self, moment):
        await super().sleep_until(self.now() + (moment - self.now()) / 100)


@pytest.fixture
async def reports():
    """Takes asynchronous reports, and serves them in the order they come."""
    queue = asyncio.Queue()

    async def take(request):
        await queue.put(await request.json())
        return aiohttp.web.json_response({"success": True})

    app = aiohttp.web.Application()
    app.router.add_post("/report", take)
    runner = aiohttp.web.AppRunner(app)
    await runner.setup()
    await aiohttp.web.TCPSite(runner, "127.0.0.1", 0).start()
    queue.url = f"http://127.0.0.1:{runner.addresses[0][1]}/report"
    yield queue
    await runner.cleanup()


@pytest.fixture
async def serving(reports):
    heard = []
    receiver = Receiver(clock=FastClock(), on_call=heard.append, report_url=reports.url)
    serving = await serve("127.0.0.1", 0, 0, receiver)
    serving.heard = heard
    yield serving
    await serving.close()
    await asyncio.sleep(0)


@pytest.fixture
async def post(serving):
    """POSTs as the engine does; answers the status and the reply's map."""
    target = HttpTarget()

    async def send(path, *, attempt="1", data=None, body=None):
        recall = HttpRecall(url=f"http://127.0.0.1:{serving.http_port}{path}", data=data)
        headers = (
            ("X-Dispatch-Group", "%E7%BB%84"),
            ("X-Dispatch-Name", "n"),
            ("X-Dispatch-Fire-Id", FIRE),
            ("X-Dispatch-Attempt", attempt),
        )
        order = SendOrder(
            recall=recall,
            body=render_body(recall, FIRE) if body is None else body,
            headers=headers,
            connect_timeout=timedelta(seconds=2),
            total_timeout=timedelta(seconds=5),
        )
        outcome = await target.send(order)
        assert outcome.delivery is Delivery.ANSWERED, outcome.detail
        return outcome.status, json.loads(outcome.body)

    yield send
    await target.close()


async def get(serving, path):
    url = f"http://127.0.0.1:{serving.http_port}{path}"
    async with aiohttp.ClientSession() as session, session.get(url) as reply:
        return await reply.text()


async def test_ok_says_yes_and_the_call_is_heard(post, serving):
    status, reply = await post("/ok", data={"a": 1})
    call = serving.heard[0]
    assert (status, reply["success"]) == (200, YES)
    assert isinstance(call, Call)
    assert (call.kind, call.path, call.group, call.name) == ("HTTP", "/ok", "组", "n")
    assert (call.fire_id, call.attempt, call.data) == (FIRE, 1, {"a": 1})


async def test_fail_says_no(post):
    status, reply = await post("/fail")
    assert (status, reply["success"]) == (200, NO)


async def test_fail_uses_the_status_that_is_asked_for(post):
    assert (await post("/fail?status=500"))[0] == 500


async def test_slow_says_yes_in_the_end(post):
    status, reply = await post("/slow?seconds=1")
    assert (status, reply["success"]) == (200, YES)


async def test_slow_waits_for_two_minutes_at_most(post):
    assert (await post("/slow?seconds=1e9"))[1]["resultValue"] == "after 120 s"


@pytest.mark.parametrize("seconds", ["soon", "nan", ""])
async def test_a_wait_that_is_no_number_is_refused(serving, seconds):
    url = f"http://127.0.0.1:{serving.http_port}/slow?seconds={seconds}"
    async with aiohttp.ClientSession() as session, session.post(url, json={}) as reply:
        assert reply.status == 400


async def test_async_accepts_and_reports_later(post, reports):
    _, reply = await post("/async?after=1")
    report = await asyncio.wait_for(reports.get(), 5)
    assert (reply["success"], reply["asynchronized"]) == (YES, YES)
    assert (report["id"], report["success"]) == (FIRE, YES)


async def test_async_can_report_a_failure(post, reports):
    await post("/async?after=0&success=false")
    report = await asyncio.wait_for(reports.get(), 5)
    assert (report["id"], report["success"]) == (FIRE, NO)


async def test_a_report_that_nobody_takes_does_no_harm(post, reports, serving):
    serving._receiver._report_url = "http://127.0.0.1:1/"
    await post("/async?after=0")
    assert (await post("/ok"))[0] == 200


async def test_flaky_fails_every_other_time(post):
    assert [(await post("/flaky"))[0] for _ in range(4)] == [503, 200, 503, 200]


async def test_flaky_fails_the_first_attempts_of_a_fire(post):
    statuses = [(await post("/flaky?fails=2", attempt=str(n)))[0] for n in (1, 2, 3)]
    assert statuses == [503, 503, 200]


async def test_flaky_counts_for_itself_where_no_attempt_is_said(post):
    statuses = [(await post("/flaky?fails=2", attempt=""))[0] for _ in range(3)]
    assert statuses == [503, 503, 200]


@pytest.mark.parametrize("body", [b"", b"not json", b"[1]", b"\xff"])
async def test_a_body_that_is_no_object_is_refused(post, serving, body):
    status, reply = await post("/ok", body=body)
    assert (status, reply["success"]) == (400, NO)
    assert serving.heard == []


async def test_the_flat_body_of_old_senders_is_data_too(post, serving):
    await post("/ok", body=b'{"a":"1","tasklogid":"x"}')
    assert serving.heard[0].data == {"a": "1"}


async def test_the_guide_names_every_path_in_both_languages(serving):
    guide = await get(serving, "/")
    assert all(path in guide for path in ("/ok", "/fail", "/slow", "/async", "/flaky", "/calls"))
    assert "内置接收端" in guide
    assert "built-in receiver" in guide


async def test_the_last_calls_are_listed_newest_first(post, serving):
    for number in range(201):
        await post("/ok", data=number)
    calls = json.loads(await get(serving, "/calls"))["calls"]
    assert (len(calls), calls[0]["data"], calls[-1]["data"]) == (200, 200, 1)
    assert calls[0]["at"].endswith("Z")


async def send_line(serving, body):
    order = SendOrder(
        recall=SocketRecall(host="127.0.0.1", port=serving.socket_port),
        body=body,
        headers=(),
        connect_timeout=timedelta(seconds=2),
        total_timeout=timedelta(seconds=5),
    )
    outcome = await SocketTarget().send(order)
    assert outcome.delivery is Delivery.ANSWERED, outcome.detail
    return json.loads(outcome.body)


async def test_a_line_on_the_socket_gets_a_line_back(serving):
    reply = await send_line(serving, render_body(SocketRecall(host="h", port=1, data=7), FIRE))
    call = serving.heard[0]
    assert reply["success"] == YES
    assert (call.kind, call.fire_id, call.data, call.group) == ("SOCKET", FIRE, 7, None)


async def test_a_line_that_is_no_object_gets_a_no(serving):
    assert (await send_line(serving, b"hello"))["success"] == NO


async def test_a_line_that_never_ends_is_dropped(serving):
    reader, writer = await asyncio.open_connection("127.0.0.1", serving.socket_port)
    try:
        writer.write(b"a" * 3_000_000)
        await writer.drain()
        assert await reader.read() == b""
    except ConnectionError:
        pass
    finally:
        writer.transport.abort()


async def test_closing_drops_what_is_open(reports):
    serving = await serve("127.0.0.1", 0, 0, Receiver(clock=SystemClock(), report_url=reports.url))
    reader, writer = await asyncio.open_connection("127.0.0.1", serving.socket_port)
    await asyncio.sleep(0.02)
    await serving.close()
    try:
        assert await reader.read() == b""
    except ConnectionError:
        pass
    finally:
        writer.transport.abort()


async def test_a_port_that_is_taken_is_told_and_nothing_stays(serving):
    receiver = Receiver(clock=SystemClock())
    with pytest.raises(OSError):
        await serve("127.0.0.1", serving.http_port, 0, receiver)
    with pytest.raises(OSError):
        await serve("127.0.0.1", 0, serving.socket_port, receiver)


async def test_the_app_can_be_mounted_alone(aiohttp_client):
    heard = []
    client = await aiohttp_client(make_app(heard.append, clock=SystemClock()))
    reply = await client.post("/ok", json={"data": 1, "tasklogid": FIRE})
    assert (await reply.json())["success"] == YES
    assert heard[0].fire_id == FIRE
