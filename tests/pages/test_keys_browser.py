"""A person makes, rotates and retires a signing key in a real browser."""

import pytest
from playwright.async_api import Browser, expect

from dispatchserver.app import Server
from dispatchserver.domain.signing import check_key
from tests.pages.test_browser import chromium as chromium
from tests.pages.test_browser import opened, pytestmark, set_up, too_wide
from tests.pages.test_browser import server as server

__all__ = ["pytestmark"]


@pytest.mark.parametrize("script", [True, False], ids=["with_script", "without_script"])
async def test_a_key_is_made_rotated_and_retired(
    server: Server, chromium: Browser, script: bool
) -> None:
    async with opened(chromium, script=script, width=360) as page:
        await set_up(page, server)
        await page.goto(f"{server.url}/groups/new")
        await page.locator("#group").fill("g" * 200)
        await page.locator("#note").fill("x")
        await page.get_by_role("button", name="保存").click()
        await page.get_by_role("link", name="修改分组").click()
        keys = []
        for name in ("生成密钥", "生成新密钥"):
            await page.get_by_role("button", name=name).click()
            keys.append(check_key(await page.locator("#new-key").inner_text()))
            await expect(page.locator("#keys tbody tr")).to_have_count(len(keys))
            assert await too_wide(page) <= 0
        await expect(page.locator("#keys")).to_contain_text("最多两个密钥")
        await page.get_by_role("link", name=f"停用密钥 {keys[0][:10]}").click()
        assert await too_wide(page) <= 0
        await page.get_by_role("button", name="停用").click()
        await expect(page.get_by_role("status")).to_contain_text("密钥已停用")
        await page.get_by_role("link", name="修改分组").click()
        await expect(page.locator("#keys tbody tr")).to_have_count(1)
        assert keys[1] not in await page.content()
