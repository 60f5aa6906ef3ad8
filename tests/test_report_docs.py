"""What the page on policies says of reports is what a real server takes and answers."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from dispatchserver.messages import say
from tests.processes import Api, server, until
from tests.test_policy_docs import PAGES, RECALL, TRIGGER, page

EXAMPLE = re.compile(r"^```http\nPOST (\S+)\n(.*?)^```", re.M | re.S)


def examples(lang: str) -> list[tuple[str, str]]:
    return EXAMPLE.findall(page(lang))


@asynccontextmanager
async def receiver() -> AsyncIterator[str]:
    """Owes a report on every call; answers its address."""

    async def accept(request: web.Request) -> web.Response:
        return web.json_response({"success": "true", "asynchronized": "true"})

    app = web.Application()
    app.router.add_post("/work", accept)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/work"
    await runner.cleanup()


async def awaited(api: Api, url: str, **policies: str) -> str:
    """The id of a new fire whose report is awaited, or was."""
    task = {"trigger": TRIGGER, "recall": RECALL | {"url": url}, "policies": policies}
    async with api.session.put("/api/v1/tasks/docs/reports", json=task) as reply:
        assert reply.ok, await reply.text()
    async with api.session.post("/api/v1/tasks/docs/reports/trigger") as reply:
        fire = (await reply.json())["id"]
    wanted = "failed" if policies else "waiting"

    async def stands() -> bool:
        return (await api.get(f"/fires/{fire}"))["state"] == wanted

    await until(stands)
    return fire


async def post(api: Api, path: str, body: str, **names: str) -> tuple[int, dict[str, Any]]:
    for name, value in names.items():
        path, body = path.replace(f"{{{name}}}", value), body.replace(f"{{{name}}}", value)
    headers = {"Content-Type": "application/json"}
    async with api.session.post(path, data=body.encode(), headers=headers) as reply:
        return reply.status, await reply.json()


def test_both_pages_show_the_same_reports() -> None:
    assert examples("en") == examples("zh")
    assert len(examples("en")) == 4


async def test_a_server_takes_every_report_that_the_page_shows(tmp_path: Path) -> None:
    async with receiver() as url, server(tmp_path) as running:
        for path, body in examples("en"):
            fire = await awaited(running.api, url)
            status, doc = await post(running.api, path, body, tasklogid=fire)
            assert (status, doc.get("success", True)) == (200, True), doc
            shown = await running.api.get(f"/fires/{fire}")
            if "progress" in path + body:
                told = shown["progress"]
                assert (told["percent"], told["text"]) == (40, "batch 3 of 8")
                assert doc.get("report_by", doc.get("reportBy")) == shown["deadline_at"]
            else:
                assert (shown["state"], shown["result"]) == ("succeeded", "8 batches")


@pytest.mark.parametrize("lang", PAGES)
def test_the_page_names_the_marks_as_the_run_s_page_does(lang: str) -> None:
    for mark in ("late", "again", "refused"):
        assert say(lang, f"page.report.{mark}") in page(lang)


async def test_the_answers_are_as_the_table_says(tmp_path: Path) -> None:
    report, progress = ("/api/v1/fires/{id}/report", "/api/v1/fires/{id}/progress")
    async with receiver() as url, server(tmp_path) as running:
        api = running.api
        late = await awaited(api, url, reportTimeout="100ms")
        again = await awaited(api, url)
        await post(api, report, '{"success": true}', id=again)
        answers = [
            await post(api, report, '{"success": true}', id=late),
            await post(api, report, '{"success": true}', id=again),
            await post(api, progress, "{}", id="0" * 32),
            await post(api, progress, '{"percent": 101}', id=await awaited(api, url)),
        ]
    told = [f"{status} `{doc['code']}`" for status, doc in answers[:3]]
    assert all(answer in page("en") for answer in told), told
    assert [status for status, _ in answers] == [409, 409, 404, 400]
