"""A person sets a group's zone in a real browser, and a task of that group previews and fires by it."""

import pytest
from playwright.async_api import Browser, expect

from dispatchserver.app import Server
from tests.pages.test_browser import chromium as chromium
from tests.pages.test_browser import opened, pytestmark, set_up, too_wide
from tests.pages.test_browser import server as server

__all__ = ["pytestmark"]


@pytest.mark.parametrize("script", [True, False], ids=["with_script", "without_script"])
async def test_a_group_is_set_up_and_its_task_previews_by_its_zone(
    server: Server, chromium: Browser, script: bool
) -> None:
    async with opened(chromium, script=script) as page:
        await set_up(page, server)
        await page.get_by_role("link", name="分组", exact=True).click()
        await page.get_by_role("link", name="设置新分组").click()
        await page.get_by_label("分组名称").fill("欧洲")
        await page.get_by_label("默认时区").fill("Europe/Berln")
        await page.get_by_role("button", name="保存").click()
        await expect(page.locator("#zone-note .fault")).to_contain_text("Europe/Berlin")
        await page.get_by_label("默认时区").fill("Europe/Berlin")
        await page.get_by_role("button", name="保存").click()
        await expect(page.get_by_role("status")).to_contain_text("已有的任务保持原来的时区")
        await expect(page.locator("tbody tr")).to_contain_text("Europe/Berlin")
        await page.goto(f"{server.url}/tasks/new")
        await page.locator("#group").fill("欧洲")
        if not script:
            await page.get_by_role("button", name="预览").click()
        await expect(page.locator("#preview")).to_contain_text("(Europe/Berlin)")


async def test_the_pages_of_groups_do_not_scroll_sideways(
    server: Server, chromium: Browser
) -> None:
    async with opened(chromium, width=360) as page:
        await set_up(page, server)
        for name in ("g" * 200, "短"):
            await page.goto(f"{server.url}/groups/new")
            await page.locator("#group").fill(name)
            await page.locator("#note").fill("x" * 300)
            await page.get_by_role("button", name="保存").click()
        for width in (360, 620, 768, 861, 1221, 1401):
            await page.set_viewport_size({"width": width, "height": 900})
            for path in ("/groups", "/groups/new", "/group/edit?group=短"):
                for lang in ("zh", "en"):
                    cookie = {"name": "lang", "value": lang, "url": server.url}
                    await page.context.add_cookies([cookie])
                    await page.goto(server.url + path)
                    assert await too_wide(page) <= 0, (path, width, lang)
