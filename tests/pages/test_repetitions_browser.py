"""A person sets retries and a key in a real browser, and sees them on the task's page and its runs."""

from playwright.async_api import Browser, expect

from dispatchserver.app import Server
from tests.pages.test_browser import chromium as chromium
from tests.pages.test_browser import opened, pytestmark, set_up, too_wide
from tests.pages.test_browser import server as server
from tests.processes import until

__all__ = ["pytestmark"]


async def test_only_the_fields_of_the_chosen_retry_are_shown_and_its_fold_stays_open(
    server: Server, chromium: Browser
) -> None:
    async with opened(chromium, script=False) as page:
        await set_up(page, server)
        await page.goto(f"{server.url}/tasks/new")
        await expect(page.locator("#retry")).to_be_hidden()
        await page.locator("summary", has_text="重试").click()
        for choice, shown in (
            ("never", []),
            ("delays", ["retry_delays", "retry_on", "retry_age"]),
            ("backoff", ["retry_max", "retry_factor", "retry_on", "retry_age"]),
            ("usual", []),
        ):
            await page.locator("#retry").select_option(choice)
            for field in ("retry_delays", "retry_max", "retry_factor", "retry_on", "retry_age"):
                await expect(page.locator(f"#{field}")).to_be_visible(visible=field in shown)
        await page.locator("#retry").select_option("delays")
        await page.locator("#retry_delays").fill("5s, bald")
        await page.get_by_role("button", name="创建任务").click()
        await expect(page.locator("#retry_delays-note .fault")).to_contain_text("bald")
        await expect(page.locator("#retry_delays")).to_be_visible()


async def test_pages_that_tell_a_long_key_do_not_scroll_sideways(
    server: Server, chromium: Browser
) -> None:
    async with opened(chromium, width=360) as page:
        await set_up(page, server)
        for name in ("holder", "waiting"):
            await page.goto(f"{server.url}/tasks/new")
            await page.locator("#group").fill("g")
            await page.locator("#name").fill(name)
            await page.locator("#url").fill("http://127.0.0.1:9/")
            await page.locator("#repeat").select_option("once")
            await page.locator("summary", has_text="重试").click()
            await page.locator("#retry").select_option("delays")
            await page.locator("#retry_delays").fill("1h, 1h")
            await page.locator("summary", has_text="重叠").click()
            await page.locator("#key_name").fill("k" * 200)
            await page.get_by_role("button", name="创建任务").click()
            await expect(page.get_by_role("status")).to_contain_text("任务已创建")
            await expect(page.locator("main")).to_contain_text("最多 2 次，间隔依次为 1 小时")
            assert await too_wide(page) <= 0

        async def told() -> bool:
            await page.goto(f"{server.url}/fires")
            return f"等待并发键 {'k' * 200}" in await page.content()

        await until(told)
        assert await too_wide(page) <= 0
        await page.locator("tbody a").first.click()
        await expect(page.locator("main")).to_contain_text("这次在排队等待")
        assert await too_wide(page) <= 0
