"""A person finds in a real browser what failed, mends the receiver, and sends it all again."""

import asyncio
from dataclasses import dataclass

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Page, expect

from dispatchserver.app import Server
from dispatchserver.domain.changing import Addition
from dispatchserver.domain.fire import FireState
from dispatchserver.domain.listing import FireFilter, PageRequest
from dispatchserver.domain.recall import HttpRecall
from dispatchserver.domain.retrypolicy import Backoff, Retry
from dispatchserver.domain.task import Policies, TaskKey
from dispatchserver.pages import deadpages
from tests.builders import ALICE, a_spec, at, cron
from tests.pages.test_browser import chromium as chromium
from tests.pages.test_browser import opened, pytestmark, too_wide
from tests.pages.test_browser import server as server
from tests.processes import until

__all__ = ["pytestmark"]

NEVER = Policies(retry=Retry(pauses=Backoff(most=0)))
KEY = TaskKey(group="账务", name="日结")
FAILED = FireFilter(namespace="default", state=FireState.FAILED)


async def fail(server: Server, url: str, count: int) -> None:
    """So many runs to this address that failed for good."""
    spec = a_spec(cron("0 0 3 1 1 ?"), recall=HttpRecall(url=url), policies=NEVER)
    await server.tasks.add(Addition(key=KEY, spec=spec, at=at()), ALICE)
    await asyncio.gather(*(server.tasks.trigger_now(KEY, ALICE) for _ in range(count)))

    async def all_failed() -> bool:
        return len((await server.tasks.fires(FAILED, PageRequest(limit=500))).items) == count

    await until(all_failed)


@dataclass
class Receiver:
    """Says no until it is mended."""

    mended: bool = False

    async def handle(self, request: web.Request) -> web.Response:
        return web.json_response({"success": "true" if self.mended else "false"})


async def confirm(page: Page, count: int) -> None:
    """Looks at what would be sent, first types a wrong number, then the right one."""
    await page.get_by_label("回调地址").fill("127.0.0.1")
    await page.get_by_role("button", name="查询").click()
    await expect(page.locator(".bulk")).to_contain_text(f"共 {count} 条")
    await page.get_by_role("link", name="再次发送全部").click()
    await expect(page.locator(".gate")).to_contain_text("账务 / 日结")
    await page.get_by_role("button", name=f"再次发送 {count} 次").click()
    await expect(page.locator("#number-fault")).to_contain_text(str(count))
    await page.locator("#number").fill(str(count))
    assert await too_wide(page) <= 0
    await page.get_by_role("button", name=f"再次发送 {count} 次").click()


@pytest.mark.parametrize("script", [True, False], ids=["with_script", "without_script"])
async def test_all_that_a_broken_receiver_lost_is_sent_again_once_it_is_mended(
    server: Server, chromium: Browser, script: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadpages, "BATCH", 25)
    receiver, app, count = Receiver(), web.Application(), 60
    app.router.add_post("/hello", receiver.handle)
    async with TestServer(app) as sink, opened(chromium, script=script, width=360) as page:
        await fail(server, str(sink.make_url("/hello")), count)
        receiver.mended = True
        await page.goto(str(server.setup_link))
        await sign_up(page)
        await page.get_by_role("link", name="死信").click()
        await expect(page.locator("table.dead tbody tr")).to_have_count(50)
        assert await too_wide(page) <= 0
        await confirm(page, count)
        for done in () if script else (25, 50):
            await expect(page.get_by_role("status")).to_contain_text(f"{done} / {count}")
            await page.get_by_role("button", name="发送下一批").click()
        await expect(page.get_by_role("status")).to_contain_text(f"{count} / {count}")
        await page.get_by_role("link", name="返回死信").click()
        await expect(page.locator("h2")).to_have_text("没有符合条件的死信")
        await page.get_by_label("显示").select_option("all")
        await page.get_by_role("button", name="查询").click()
        first = page.locator("table.dead tbody tr").first
        await expect(first.locator(".badge")).to_have_text("成功")
        await first.locator("a.result").click()
        await expect(page.locator("main")).to_contain_text("重发自")


async def sign_up(page: Page) -> None:
    await page.get_by_label("用户名").fill("admin")
    await page.locator("#password").fill("correct horse battery")
    await page.locator("#again").fill("correct horse battery")
    await page.get_by_role("button", name="创建并登录").click()
    await expect(page.get_by_role("link", name="死信")).to_be_visible()


@pytest.mark.parametrize("script", [True, False], ids=["with_script", "without_script"])
async def test_ticked_ones_alone_are_sent_again(
    server: Server, chromium: Browser, script: bool
) -> None:
    await fail(server, "http://127.0.0.1:9/", 3)
    async with opened(chromium, script=script) as page:
        await page.goto(str(server.setup_link))
        await sign_up(page)
        await page.goto(f"{server.url}/dead-letters")
        for number in (0, 2):
            await page.get_by_role("checkbox").nth(number).check()
        await page.get_by_role("button", name="再次发送所选").click()
        await page.get_by_role("button", name="再次发送 2 次").click()
        await expect(page.get_by_role("status")).to_contain_text("2 / 2")
