"""A person names several addresses in a real browser, and sees the shards of a broadcast called one by one."""

import pytest
from playwright.async_api import Browser, Page, expect

from dispatchserver.app import Server
from tests.pages.test_browser import Receiver, opened, pytestmark, set_up, too_wide
from tests.pages.test_browser import chromium as chromium
from tests.pages.test_browser import receiver as receiver
from tests.pages.test_browser import server as server

__all__ = ["pytestmark"]
KEY = "group=示例&name=广播"


async def fill_in(page: Page, server: Server, also: str, route: str) -> None:
    """A new task that is never due, with further addresses."""
    await page.goto(f"{server.url}/tasks/new")
    await page.locator("#group").fill("示例")
    await page.locator("#name").fill("广播")
    await page.locator("#start").fill("2040-01-01T09:00:00")
    await page.get_by_text("多个地址", exact=True).click()
    await page.locator("#also").fill(also)
    await page.locator("#route").select_option(route)


@pytest.mark.parametrize("script", [True, False], ids=["with_script", "without_script"])
async def test_a_broadcast_is_made_on_the_form_and_its_shards_are_in_the_log(
    server: Server, receiver: Receiver, chromium: Browser, script: bool
) -> None:
    async with opened(chromium, script=script) as page:
        await set_up(page, server)
        await fill_in(page, server, f"{receiver.url}?2\nno address", "broadcast")
        await page.locator("#url").fill(receiver.url)
        await page.get_by_role("button", name="创建任务").click()
        await expect(page.locator("#also-note .fault")).to_contain_text("第 2 行")
        await page.locator("#also").fill(f"{receiver.url}?2\n{receiver.url}?3")
        await page.get_by_role("button", name="创建任务").click()
        await expect(page.locator("main")).to_contain_text("全部，每个一次执行")
        await page.get_by_role("button", name="立即执行").click()
        await page.goto(f"{server.url}/fires?{KEY}")
        for number in (1, 2, 3):
            row = page.locator("table.fires tr", has_text=f"第 {number} 个，共 3 个")
            await expect(row).to_have_count(1)
        await row.get_by_role("link").first.click()
        await expect(page.locator(".sent-to code")).to_have_text(f"HTTP {receiver.url}?3")
        await expect(page.locator("pre").first).to_contain_text('"shardIndex":2,"shardTotal":3')


async def test_the_path_is_asked_for_only_by_a_hash(server: Server, chromium: Browser) -> None:
    async with opened(chromium) as page:
        await set_up(page, server)
        await fill_in(page, server, "http://b.test/", "random")
        await expect(page.locator("#route_by")).to_be_hidden()
        await page.locator("#route").select_option("hash")
        await expect(page.locator("#route_by")).to_be_visible()


async def test_many_long_addresses_do_not_make_a_page_scroll_sideways(
    server: Server, chromium: Browser
) -> None:
    async with opened(chromium, width=360) as page:
        await set_up(page, server)
        also = "\n".join(f"http://{'long' * 12}.test/{n}{'path' * 30}" for n in range(20))
        await fill_in(page, server, also, "hash")
        await page.locator("#url").fill("http://a.test/")
        await page.locator("#route_by").fill("$." + "customer" * 20)
        await page.get_by_role("button", name="创建任务").click()
        await page.get_by_role("button", name="立即执行").click()
        for width in (360, 768, 1221):
            await page.set_viewport_size({"width": width, "height": 900})
            for lang in ("zh", "en"):
                cookie = {"name": "lang", "value": lang, "url": server.url}
                await page.context.add_cookies([cookie])
                for path in (f"/task?{KEY}", f"/task/edit?{KEY}", "/tasks", f"/fires?{KEY}"):
                    await page.goto(server.url + path)
                    assert await too_wide(page) <= 0, (path, width, lang)
