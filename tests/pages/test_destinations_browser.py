"""A person limits a receiver, meets an open circuit and closes it, in a real browser, with and without a script."""

import pytest
from playwright.async_api import Browser, Page, expect

from dispatchserver.app import Server
from dispatchserver.domain.breaker import TROUBLE_LIMIT
from dispatchserver.domain.fire import Delivery, Outcome, Reason
from tests.pages.test_browser import chromium as chromium
from tests.pages.test_browser import opened, pytestmark, set_up, too_wide
from tests.pages.test_browser import server as server
from tests.processes import now

__all__ = ["pytestmark"]

NAME = "receiver.example:443"
SILENT = Outcome(delivery=Delivery.NOT_SENT, reason=Reason.CONNECT)


def fail(server: Server) -> None:
    """What the engine books where nobody listens."""
    for _ in range(TROUBLE_LIMIT):
        server.engine.destinations.begin(NAME, now())
        server.engine.destinations.end(NAME, SILENT, now())


async def limit(page: Page, slots: str, rate: str) -> None:
    await page.get_by_label("同时进行的回调").fill(slots)
    await page.get_by_label("速率", exact=True).fill(rate)
    await page.get_by_role("button", name="保存").click()


@pytest.mark.parametrize("script", [True, False], ids=["with_script", "without_script"])
async def test_a_receiver_is_limited_paused_and_its_circuit_closed(
    server: Server, chromium: Browser, script: bool
) -> None:
    async with opened(chromium, script=script) as page:
        await set_up(page, server)
        await page.get_by_role("link", name="接收方", exact=True).click()
        await expect(page.locator(".empty")).to_contain_text("没有设置过限制")
        await page.get_by_role("link", name="设置限制").click()
        await page.get_by_label("接收方", exact=False).first.fill(NAME)
        await limit(page, "8", "0/s")
        await expect(page.locator("#rate-note .fault")).to_contain_text("20/s")
        await expect(page.locator("#slots")).to_have_value("8")
        await limit(page, "8", "5000/s")
        await expect(page.get_by_role("status")).to_contain_text("限制立即生效")
        row = page.locator("tbody tr")
        await expect(row).to_contain_text("0 / 8")
        fail(server)
        await page.reload()
        await expect(row.locator(".badge")).to_have_text("熔断")
        await page.get_by_role("button", name="立即关闭熔断").click()
        await expect(row.locator(".badge")).to_have_text("正常")
        await page.get_by_role("link", name=NAME, exact=True).click()
        await page.get_by_label("暂停").check()
        await page.get_by_role("button", name="保存").click()
        await expect(row.locator(".badge")).to_have_text("已暂停")
        await page.get_by_role("link", name=NAME, exact=True).click()
        await page.get_by_role("button", name="改用服务器的限制").click()
        await expect(page.locator(".empty")).to_be_visible()


async def test_the_pages_of_receivers_do_not_scroll_sideways(
    server: Server, chromium: Browser
) -> None:
    async with opened(chromium, width=360) as page:
        await set_up(page, server)
        fail(server)
        await page.goto(f"{server.url}/destinations/new")
        await page.locator("#name").fill("h" * 200 + ":80")
        await limit(page, "10000", "1000000/s")
        for width in (360, 620, 768, 861, 1221, 1401):
            await page.set_viewport_size({"width": width, "height": 900})
            for path in ("/destinations", "/destinations/new", f"/destination?name={NAME}"):
                for lang in ("zh", "en"):
                    cookie = {"name": "lang", "value": lang, "url": server.url}
                    await page.context.add_cookies([cookie])
                    await page.goto(server.url + path)
                    assert await too_wide(page) <= 0, (path, width, lang)
