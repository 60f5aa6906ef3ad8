"""The story with real processes: tasks come in by form, their owner is called back, the log and the pages tell it."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from tests.processes import Api, Process, Server, each_second, http, one_shot, process, server, sink

PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class Stage:
    """A server, and the receiver that its tasks call."""

    server: Server
    api: Api
    receiver: str
    socket_port: int

    async def calls(self, name: str) -> list[dict[str, Any]]:
        """What the receiver says that it got for a task."""
        async with self.api.session.get(f"{self.receiver}/calls") as reply:
            calls = (await reply.json())["calls"]
        return [call for call in calls if call["name"] == name or call["data"] == {"task": name}]


@asynccontextmanager
async def stage(folder: Path) -> AsyncIterator[Stage]:
    async with server(folder) as running:
        report = f"{running.url}/taskcallback/updateTaskLog"
        ports = ("--port", "0", "--socket-port", "0", "--report-url", report)
        async with process(folder, "receiver", *ports) as receiving:
            http_port, socket_port = await _ports(receiving)
            url = f"http://127.0.0.1:{http_port}"
            yield Stage(running, running.api, url, socket_port)


async def _ports(receiving: Process) -> tuple[int, int]:
    found = re.findall(r"\d+", await receiving.line())
    return int(found[0]), int(found[1])


async def test_a_task_added_by_form_calls_its_owner_back_and_the_log_proves_it(
    tmp_path: Path,
) -> None:
    data = {"userid": "U001", "日期": "2018-08-08"}
    async with sink() as owner, server(tmp_path) as running:
        reply = await running.api.add(one_shot("once", 0.3), http(f"{owner.url}/cb", data))
        assert (reply["success"], reply["error"]) == (True, None)
        (call,) = await owner.received("once")
        history = await running.api.ended(call.fire)
    assert call.body == {"data": data, "tasklogid": call.fire}
    assert call.headers["Content-Type"] == "application/json; charset=utf-8"
    assert call.headers["Idempotency-Key"] == call.headers["webhook-id"] == call.fire
    assert (call.attempt, call.headers["X-Dispatch-Group"]) == (1, "tests")
    assert call.due <= call.at
    assert (history["state"], history["result"]) == ("succeeded", "taken")
    (attempt,) = history["attempt_log"]
    assert attempt["outcome"]["status"] == 200


async def test_an_accepted_callback_waits_until_its_owner_reports(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        await on.api.add(one_shot("batch"), http(f"{on.receiver}/async?after=0.5"))
        (waiting,) = await on.api.fires("batch", "waiting")
        (ended,) = await on.api.fires("batch", "succeeded")
    assert ended["id"] == waiting["id"]
    assert (ended["reason"], ended["result"]) == ("reported", "reported 已回报")


async def test_a_socket_task_sends_one_line_and_reads_the_reply(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        option = {"host": "127.0.0.1", "port": on.socket_port}
        recall = {"recallType": "SOCKET", "option": option, "data": {"task": "wire"}}
        await on.api.add(one_shot("wire"), recall)
        (fire,) = await on.api.fires("wire", "succeeded")
        (call,) = await on.calls("wire")
    assert (call["kind"], call["fire_id"]) == ("SOCKET", fire["id"])
    assert fire["result"] == "socket"


async def test_a_failing_callback_shows_what_the_owner_said(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        await on.api.add(one_shot("broken"), http(f"{on.receiver}/fail?status=500"))
        (fire,) = await on.api.fires("broken", "failed")
        history = await on.api.get(f"/fires/{fire['id']}")
    assert fire["reason"] == "status"
    assert "told to fail" in fire["result"]
    assert history["attempt_log"][0]["outcome"]["status"] == 500


async def test_a_paused_task_fires_only_by_hand_until_it_is_resumed(tmp_path: Path) -> None:
    name = {"jobName": "tick", "groupName": "tests"}
    async with stage(tmp_path) as on:
        await on.api.add(each_second("tick"), http(f"{on.receiver}/ok", {"task": "tick"}))
        await on.api.fires("tick", "succeeded")
        assert (await on.api.do("pause", **name))["success"]
        paused = await on.api.all("/fires", name="tick")
        triggered = (await on.api.do("trigger", **name))["tasklogid"]
        assert (await on.api.ended(triggered))["state"] == "succeeded"
        after = await on.api.all("/fires", name="tick")
        assert {fire["id"] for fire in after} - {fire["id"] for fire in paused} == {triggered}
        assert (await on.api.do("resumeTask", **name))["success"]
        await on.api.fires("tick", "succeeded", count=len(after) + 1)


async def test_the_first_admin_comes_in_by_the_printed_link_and_sees_tasks_and_fires(
    tmp_path: Path,
) -> None:
    async with stage(tmp_path) as on:
        await on.api.add(one_shot("shown"), http(f"{on.receiver}/ok"))
        await on.api.fires("shown", "succeeded")
        await on.server.process.line()
        link = (await on.server.process.line()).strip()
        jar = aiohttp.CookieJar(unsafe=True)  # of an address, not of a name
        async with aiohttp.ClientSession(on.server.url, cookie_jar=jar) as person:
            assert "shown" not in await _page(person, "/tasks")
            await _set_up(person, link)
            assert "shown" in await _page(person, "/tasks")
            assert "shown" in await _page(person, "/fires")


async def _page(person: aiohttp.ClientSession, path: str) -> str:
    async with person.get(path) as reply:
        return await reply.text()


async def _set_up(person: aiohttp.ClientSession, link: str) -> None:
    url, _, token = link.partition("?token=")
    form = {"token": token, "name": "ada", "password": PASSWORD, "again": PASSWORD}
    async with person.post(url, data=form) as reply:
        assert reply.status == 200, await reply.text()
