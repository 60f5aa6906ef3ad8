"""A person sets a secret, has a task authenticate by it, and deletes it, in a real browser."""

import pytest
from playwright.async_api import Browser, Page, expect

from dispatchserver.app import Server
from tests.pages.test_browser import Receiver, opened, pytestmark, set_up, too_wide
from tests.pages.test_browser import chromium as chromium
from tests.pages.test_browser import receiver as receiver
from tests.pages.test_browser import server as server

__all__ = ["pytestmark"]

CANARY = "canary-4711"
FIELDS = ("auth_secret", "auth_user", "auth_header")


async def set_secret(page: Page, server: Server) -> None:
    await page.goto(f"{server.url}/secrets")
    await page.get_by_role("link", name="新建凭据").click()
    await page.locator("#name").fill("a b")
    await page.locator("#value").fill(CANARY)
    await page.get_by_role("button", name="保存凭据").click()
    await expect(page.locator("#name")).to_have_attribute("aria-invalid", "true")
    await expect(page.locator("#value")).to_have_value("")
    await page.locator("#name").fill("s" * 64)
    await page.locator("#value").fill(CANARY)
    await page.get_by_role("button", name="保存凭据").click()
    await expect(page.get_by_role("status")).to_contain_text("凭据已保存")
    assert await too_wide(page) <= 0


@pytest.mark.parametrize("script", [True, False], ids=["with_script", "without_script"])
async def test_a_secret_is_set_named_by_a_task_and_deleted(
    server: Server, chromium: Browser, receiver: Receiver, script: bool
) -> None:
    async with opened(chromium, script=script, width=360) as page:
        await set_up(page, server)
        await set_secret(page, server)
        await page.goto(f"{server.url}/tasks/new")
        await page.locator("#group").fill("g")
        await page.locator("#name").fill("t")
        await page.locator("#url").fill(receiver.url)
        await page.get_by_text("认证与请求头").click()
        shown = {"none": [], "bearer": [0], "basic": [0, 1], "header": [0, 2], "mtls": [0]}
        for way, seen in shown.items():
            await page.locator("#auth").select_option(way)
            for number, name in enumerate(FIELDS):
                await expect(page.locator(f"#{name}")).to_be_visible(visible=number in seen)
        await page.locator("#auth").select_option("header")
        await page.locator("#auth_header").fill("X-Api-Key")
        await page.get_by_role("button", name="创建任务").click()
        await expect(page.locator("#auth_secret")).to_have_attribute("aria-invalid", "true")
        await page.locator("#auth_secret").select_option("s" * 64)
        assert await too_wide(page) <= 0
        await page.get_by_role("button", name="创建任务").click()
        await expect(page.get_by_text("X-Api-Key")).to_be_visible()
        assert await too_wide(page) <= 0
        await page.get_by_role("link", name="s" * 64).click()
        await page.get_by_role("link", name=f"删除 {'s' * 64}").click()
        await expect(page.get_by_role("link", name="g / t")).to_be_visible()
        assert await too_wide(page) <= 0
        assert CANARY not in await page.content()


@pytest.mark.parametrize("width", [360, 600, 768, 860, 1024, 1440])
async def test_all_that_the_navigation_names_has_room(
    server: Server, chromium: Browser, width: int
) -> None:
    async with opened(chromium, width=width) as page:
        await set_up(page, server)
        for lang in ("zh", "en"):
            await page.goto(f"{server.url}/lang?to={lang}&next=/secrets")
            assert await too_wide(page) <= 0
