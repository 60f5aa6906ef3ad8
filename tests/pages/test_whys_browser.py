"""A person asks in a real browser why a task does not run."""

import pytest
from playwright.async_api import Browser, expect

from dispatchserver.app import Server
from dispatchserver.domain.changing import Addition
from tests.builders import ALICE, a_key, a_spec, at, cron
from tests.pages.test_browser import chromium as chromium
from tests.pages.test_browser import opened, pytestmark, set_up, too_wide
from tests.pages.test_browser import server as server

__all__ = ["pytestmark"]


@pytest.mark.parametrize("script", [True, False], ids=["with_script", "without_script"])
async def test_the_answer_names_who_paused_and_fits_a_phone(
    server: Server, chromium: Browser, script: bool
) -> None:
    async with opened(chromium, script=script, width=360) as page:
        await set_up(page, server)
        spec = a_spec(cron("0 0 3 * * ?"))
        await server.tasks.add(Addition(key=a_key(), spec=spec, at=at()), ALICE)
        await server.tasks.pause(a_key(), ALICE)
        await page.goto(f"{server.url}/task?group=group&name=task")
        await page.get_by_label("时刻（UTC）").fill("2099-11-22T03:00")
        await page.get_by_role("button", name="查询原因").click()
        await expect(page.locator("#why .answer")).to_contain_text("操作人 alice")
        assert page.url.endswith("why=2099-11-22T03%3A00#why")
        assert await too_wide(page) <= 0
