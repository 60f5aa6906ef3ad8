"""Retries and overlap from end to end: tasks added by form, a receiver that fails on purpose, and what it got."""

import asyncio
import json
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.dialects.building import a_key, a_recall, a_simple
from tests.processes import now, until

JSON = {"Content-Type": "application/json"}
SOON = {"delays": ["50ms", "50ms"], "retryOn": ["busy", "contract"]}


@dataclass
class Receiver:
    """Answers what `says` holds, in order, and then success; one that is a future is waited for."""

    says: list = field(default_factory=list)
    got: list = field(default_factory=list)
    url: str = ""

    async def take(self, request):
        headers, body = request.headers, await request.json()
        self.got.append((body["tasklogid"], int(headers["X-Dispatch-Attempt"]), now()))
        answer = self.says.pop(0) if self.says else (200, {"success": "true"})
        if isinstance(answer, asyncio.Future):
            answer = await answer
        status, reply, *more = answer
        return web.json_response(reply, status=status, headers=more[0] if more else None)

    @property
    def attempts(self):
        return [number for _, number, _ in self.got]

    async def called(self, count):
        async def look():
            return len(self.got) >= count

        await until(look)


@pytest.fixture
async def receiver():
    receiver, app = Receiver(), web.Application()
    app.router.add_post("/", receiver.take)
    async with TestServer(app) as server:
        receiver.url = str(server.make_url("/"))
        yield receiver


async def ended(server):
    """The one fire of the task, once it has ended, with its attempts."""

    async def look():
        fires = await server.fires()
        return fires if fires and fires[0]["finished_at"] else []

    (fire,) = await until(look)
    return (await server.get(f"/fires/{fire['id']}")).doc


async def _waiting(server):
    """The one fire that waits behind another."""

    async def look():
        return [fire for fire in await server.fires() if fire["turn"]]

    (fire,) = await until(look)
    return fire


async def played(server, receiver, retry=SOON, **policies):
    """A task that fires once, now, and what came of it."""
    task = a_simple(policies={"retry": retry} | policies)
    await server.added(task, a_recall(receiver.url))
    return await ended(server)


async def test_a_receiver_that_fails_twice_gets_three_attempts_of_one_and_the_same_fire(
    server, receiver
):
    receiver.says = [(503, {}), (500, {})]
    fire = await played(server, receiver)
    assert (fire["state"], fire["attempts"], fire["losses"]) == ("succeeded", 3, 0)
    assert [(id_, number) for id_, number, _ in receiver.got] == [
        (fire["id"], number) for number in (1, 2, 3)
    ]
    decisions = [attempt["verdict"]["decision"] for attempt in fire["attempt_log"]]
    assert decisions == ["retry", "retry", "success"]
    assert fire["give_up_at"] > fire["finished_at"]


async def test_when_the_pauses_are_used_up_it_has_failed(server, receiver):
    receiver.says = [(503, {})] * 5
    fire = await played(server, receiver)
    assert (fire["state"], fire["reason"], receiver.attempts) == ("failed", "status", [1, 2, 3])


async def test_the_pause_that_a_receiver_asks_for_is_kept(server, receiver):
    receiver.says = [(429, {}, {"Retry-After": "1"})]
    fire = await played(server, receiver)
    assert (fire["state"], receiver.attempts) == ("succeeded", [1, 2])
    first, second = (at for _, _, at in receiver.got)
    assert (second - first).total_seconds() >= 1


@pytest.mark.parametrize(
    "answer",
    [
        (410, {}),
        (503, {"success": "false", "retry": "false"}),
        (200, {"success": "false", "retry": "false"}),
        (404, {}),
    ],
    ids=["gone", "busy, but no retry", "no, and no retry", "refused is not among its causes"],
)
async def test_a_receiver_that_wants_no_other_call_gets_none(server, receiver, answer):
    receiver.says = [answer]
    fire = await played(server, receiver)
    assert (fire["state"], fire["attempts"], receiver.attempts) == ("failed", 1, [1])


@pytest.mark.parametrize("retry", [None, {"max": 0}])
async def test_unasked_a_receiver_that_may_have_worked_is_called_once(server, receiver, retry):
    receiver.says = [(503, {})]
    fire = await played(server, receiver, retry)
    assert (fire["state"], receiver.attempts) == ("failed", [1])


async def test_of_two_tasks_with_one_key_the_second_waits_and_says_so(server, receiver):
    held = asyncio.get_running_loop().create_future()
    receiver.says = [held]
    recall, policies = a_recall(receiver.url), {"concurrencyKey": "db"}
    await server.added(a_simple(jobCode="first", policies=policies), recall)
    await receiver.called(1)
    await server.added(a_simple(jobCode="second", policies=policies), recall)
    fire = await _waiting(server)
    assert (fire["state"], fire["turn"], fire["key"]) == ("pending", "behind_key", "db")
    held.set_result((200, {"success": "true"}))
    await receiver.called(2)


async def test_a_task_s_next_run_waits_for_its_earlier_one_and_says_so(server, receiver):
    held = asyncio.get_running_loop().create_future()
    receiver.says = [held]
    each = {"interval": 100, "intervalType": "MILLISECOND", "isForever": False, "repeatCount": 2}
    await server.added(a_simple(each, policies={"overlap": "queue_one"}), a_recall(receiver.url))
    fire = await _waiting(server)
    assert (fire["state"], fire["turn"], fire["key"]) == ("pending", "behind_task", None)
    held.set_result((200, {"success": "true"}))
    await receiver.called(2)
    assert len({id_ for id_, _, _ in receiver.got}) == 2


async def test_a_run_that_is_reported_on_lets_the_next_one_go(server, receiver):
    receiver.says = [(200, {"success": "true", "asynchronized": "true"})]
    recall, policies = a_recall(receiver.url), {"concurrencyKey": "db"}
    await server.added(a_simple(jobCode="first", policies=policies), recall)
    await receiver.called(1)
    await server.added(a_simple(jobCode="second", policies=policies), recall)
    await _waiting(server)
    report = json.dumps({"id": receiver.got[0][0], "success": "true"})
    await server.ask("POST", "/taskcallback/updateTaskLog", report, JSON)
    await receiver.called(2)


async def test_a_deleted_task_lets_go_of_the_key_that_its_next_attempt_held(server, receiver):
    receiver.says = [(503, {})]
    recall, policies = a_recall(receiver.url), {"concurrencyKey": "db"}
    retry = {"delays": ["1h"], "retryOn": ["busy"]}
    await server.added(a_simple(jobCode="first", policies=policies | {"retry": retry}), recall)
    await receiver.called(1)
    await server.added(a_simple(jobCode="second", policies=policies), recall)
    await _waiting(server)
    await server.post("delete.do", a_key("first"))
    await receiver.called(2)
