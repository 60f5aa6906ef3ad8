"""The journeys of a person, in a real browser against the whole server."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Page, async_playwright, expect

from dispatchserver.app import Server, running
from dispatchserver.settings import Settings

CHROMIUM = os.environ.get("CHROMIUM") or "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PASSWORD = "correct horse battery"
# Chromium notes every 4xx answer in the console, and a refused form is one.
EXPECTED = "the server responded with a status of 422"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        shutil.which(CHROMIUM) is None and not os.environ.get("CI"),
        reason="no Chromium; install it or name it in CHROMIUM",
    ),
]


@dataclass
class Receiver:
    """What was called back, and the address to call."""

    url: str = ""
    bodies: list[str] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.text())
        return web.json_response({"success": "true", "resultValue": "done <b>well</b>"})


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver, app = Receiver(), web.Application()
    app.router.add_post("/hello", receiver.handle)
    async with TestServer(app) as server:
        receiver.url = str(server.make_url("/hello"))
        yield receiver


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    settings = Settings(
        port=0, database_url=f"sqlite:///{tmp_path}/dispatch.db", timezone="Asia/Shanghai"
    )
    async with running(settings) as server:
        yield server


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()


@asynccontextmanager
async def opened(
    chromium: Browser, *, script: bool = True, width: int = 1280
) -> AsyncIterator[Page]:
    """A new window; nothing may have been said in its console when it is closed."""
    context = await chromium.new_context(
        java_script_enabled=script, locale="zh-CN", viewport={"width": width, "height": 900}
    )
    page, said = await context.new_page(), []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.set_default_timeout(10_000)
    yield page
    await context.close()
    assert [text for text in said if EXPECTED not in text] == []


async def set_up(page: Page, server: Server) -> None:
    assert server.setup_link is not None
    await page.goto(server.setup_link)
    await page.get_by_label("用户名").fill("admin")
    await page.locator("#password").fill(PASSWORD)
    await page.locator("#again").fill(PASSWORD)
    await page.get_by_role("button", name="创建并登录").click()
    await expect(page.get_by_role("heading", name="还没有任务")).to_be_visible()


async def create_task(page: Page, url: str) -> None:
    """Through the form, first with faults."""
    await page.get_by_role("link", name="新建任务").first.click()
    await page.locator("#priority").fill("high")
    await page.locator("#data").fill("{")
    await page.get_by_role("button", name="创建任务").click()
    summary = page.locator("#summary a")
    await expect(summary).to_have_count(5)
    for name in ("group", "name", "url", "data", "priority"):
        await expect(page.locator(f"#{name}-note .fault")).to_be_visible()
        await expect(page.locator(f"#{name}")).to_have_attribute("aria-invalid", "true")
        await expect(page.locator(f"#{name}")).to_have_attribute("aria-describedby", f"{name}-note")
    await expect(page.locator("#priority")).to_have_value("high")
    await page.locator("#group").fill("示例")
    await page.locator("#name").fill("问好")
    await page.locator("#url").fill(url)
    await page.locator("#data").fill('{"greeting": "你好"}')
    await page.locator("#priority").fill("3")
    await page.locator("#start").fill("2040-01-01T09:00:00")
    await page.get_by_role("button", name="创建任务").click()
    await expect(page.get_by_role("status")).to_contain_text("任务已创建")


async def live_with_task(page: Page, receiver: Receiver) -> None:
    """Edit, pause, resume, run, look, delete."""
    await page.get_by_role("link", name="编辑").click()
    await expect(page.locator("#url")).to_have_value(receiver.url)
    await expect(page.locator("#priority")).to_have_value("3")
    await page.locator("#interval").fill("7")
    await page.get_by_role("button", name="保存").click()
    await expect(page.locator("main")).to_contain_text("每 7 分钟")
    await page.get_by_role("button", name="暂停").click()
    await expect(page.locator("h1 .badge")).to_have_text("已暂停")
    await page.get_by_role("button", name="恢复").click()
    await expect(page.locator("h1 .badge")).to_have_text("启用")
    await page.get_by_role("button", name="立即执行").click()
    await page.get_by_role("link", name="查看这次执行").click()
    await see_fire(page)
    assert '"greeting":"你好"' in receiver.bodies[0]
    await page.get_by_role("navigation", name="主导航").get_by_role("link", name="任务").click()
    await page.get_by_role("link", name="删除").click()
    await page.get_by_role("button", name="删除").click()
    await expect(page.get_by_role("heading", name="还没有任务")).to_be_visible()
    await page.get_by_role("link", name="日志").click()
    await expect(page.locator("table.fires .badge", has_text="成功")).to_be_visible()


async def see_fire(page: Page) -> None:
    """Reads the fire's page again until it has ended."""
    for _ in range(50):
        if await page.locator("h1 .badge", has_text="成功").count():
            break
        await page.wait_for_timeout(100)
        await page.reload()
    await expect(page.locator(".attempts li")).to_have_count(1)
    await expect(page.locator(".attempts pre")).to_contain_text("done <b>well</b>")
    await expect(page.locator("main")).to_contain_text("执行成功，共尝试 1 次")


@pytest.mark.parametrize("script", [True, False], ids=["with_script", "without_script"])
async def test_a_person_sets_up_and_lives_with_a_task(
    server: Server, receiver: Receiver, chromium: Browser, script: bool
) -> None:
    async with opened(chromium, script=script) as page:
        await set_up(page, server)
        await create_task(page, receiver.url)
        await live_with_task(page, receiver)
        await page.get_by_role("button", name="退出").click()
        await page.goto(f"{server.url}/fires")
        await page.get_by_label("用户名").fill("admin")
        await page.get_by_label("密码").fill(PASSWORD)
        await page.get_by_role("button", name="登录").click()
        await expect(page).to_have_url(f"{server.url}/fires")


async def test_no_page_scrolls_sideways_on_any_screen(
    server: Server, receiver: Receiver, chromium: Browser
) -> None:
    async with opened(chromium, width=360) as page:
        await set_up(page, server)
        await create_task(page, "http://127.0.0.1:9/" + "long" * 100)
        key = "group=示例&name=问好"
        paths = [
            "/tasks",
            "/tasks/new",
            f"/task?{key}",
            f"/task/edit?{key}",
            "/fires",
            f"/task/delete?{key}",
        ]
        for path in [*paths, "/tasks?text=none", "/login"]:
            for lang in ("zh", "en"):
                await page.context.add_cookies([{"name": "lang", "value": lang, "url": server.url}])
                await page.goto(server.url + path)
                assert await too_wide(page) <= 0, (path, lang)
        for width in (620, 768, 861, 1221, 1401):
            await page.set_viewport_size({"width": width, "height": 900})
            for path in paths:
                await page.goto(server.url + path)
                assert await too_wide(page) <= 0, (path, width)


async def test_no_kind_of_schedule_makes_the_form_too_wide(
    server: Server, chromium: Browser
) -> None:
    async with opened(chromium, width=360) as page:
        await set_up(page, server)
        for lang in ("zh", "en"):
            await page.context.add_cookies([{"name": "lang", "value": lang, "url": server.url}])
            await page.goto(f"{server.url}/tasks/new")
            for fold in await page.locator("details").all():
                await fold.evaluate("fold => { fold.open = true; }")
            await page.locator("#times").evaluate(CHOOSE, "span")
            await page.locator("#misfire").evaluate(CHOOSE, "fire_all")
            for kind in SHOWN:
                await page.locator(f"#trigger-{kind}").check()
                for unit in ("week", "month"):
                    await page.locator("#nth_unit").evaluate(CHOOSE, unit)
                    assert await too_wide(page) <= 0, (kind, unit, lang)


CHOOSE = "(select, value) => { select.value = value; }"


async def too_wide(page: Page) -> int:
    """By how many pixels the page would scroll sideways."""
    wide: int = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return wide


SHOWN = {
    "simple": {"repeat", "interval", "unit", "start", "end", "zone", "calendar"},
    "days": {"days", "at", "first_date", "end", "zone", "calendar"},
    "window": {"nth", "nth_unit", "times", "at", "start", "end", "zone", "calendar"},
    "cron": {"cron", "start", "end", "zone", "calendar"},
    "union": {"lines", "start", "end", "zone", "calendar"},
    "delay": {"delay", "delay_unit", "start", "end", "zone"},
}
NAMED = "[data-schedule] :is(input:not([type=radio], [type=checkbox]), select, textarea)"


async def shown_names(page: Page) -> set[str]:
    """The fields of the when part that can be seen, boxes and radios apart."""
    fields = await page.locator(NAMED).all()
    return {str(await f.get_attribute("name")) for f in fields if await f.is_visible()}


async def test_the_form_shows_only_what_the_chosen_kinds_need(
    server: Server, chromium: Browser
) -> None:
    async with opened(chromium, script=False) as page:
        await set_up(page, server)
        await page.get_by_role("link", name="新建任务").first.click()
        for kind, names in SHOWN.items():
            await page.locator(f"#trigger-{kind}").check()
            assert await shown_names(page) == names, kind
        await page.get_by_text("SOCKET", exact=True).click()
        await expect(page.locator("#port")).to_be_visible()
        await expect(page.locator("#url")).to_be_hidden()


async def test_choices_inside_a_kind_open_what_they_need(server: Server, chromium: Browser) -> None:
    async with opened(chromium, script=False) as page:
        await set_up(page, server)
        await page.goto(f"{server.url}/tasks/new")
        await page.locator("#repeat").select_option("later")
        assert await shown_names(page) == {"repeat", "after", "after_unit", "zone", "calendar"}
        await page.locator("#repeat").select_option("count")
        await expect(page.locator("#count")).to_be_visible()
        await page.locator("#trigger-window").check()
        await page.locator("#times").select_option("span")
        assert {"step", "step_unit", "opens", "closes"} <= await shown_names(page)
        await expect(page.locator("#at")).to_be_hidden()
        await expect(page.locator("#weekdays")).to_be_visible()
        await page.locator("#nth_unit").select_option("month")
        await expect(page.locator("#monthdays")).to_be_visible()
        await expect(page.locator("#weekdays")).to_be_hidden()
        await expect(page.locator("#misfire_max")).to_be_hidden()
        await page.locator("#misfire").select_option("fire_all")
        await expect(page.locator("#misfire_max")).to_be_visible()


async def test_a_fault_in_a_folded_part_is_seen_and_reached(
    server: Server, chromium: Browser
) -> None:
    async with opened(chromium) as page:
        await set_up(page, server)
        await page.goto(f"{server.url}/tasks/new")
        await expect(page.locator("#spread")).to_be_hidden()
        await page.get_by_text("时限、宽限与错峰").click()
        await page.locator("#spread").fill("25h")
        await page.locator("#trigger-window").check()
        for day in "12345":
            await page.locator(f"[name=weekday{day}]").uncheck()
        await page.get_by_role("button", name="创建任务").click()
        await page.locator("#summary").get_by_text("错峰窗口").click()
        await expect(page.locator("#spread")).to_be_in_viewport()
        await expect(page.locator("#spread")).to_have_value("25h")
        await page.locator("#summary").get_by_text("星期几：至少选一个").click()
        await expect(page.locator("#weekdays")).to_be_focused()


async def test_a_schedule_is_made_with_the_keyboard_alone(
    server: Server, chromium: Browser
) -> None:
    async with opened(chromium) as page:
        await set_up(page, server)
        await page.goto(f"{server.url}/tasks/new?group=g")
        await page.locator("#name").fill("键盘")
        await page.locator("#trigger-simple").focus()
        await page.keyboard.press("ArrowRight")
        await page.keyboard.press("ArrowRight")
        for _ in range(4):
            await page.keyboard.press("Tab")
        await page.keyboard.press("Space")
        await expect(page.locator("[name=weekday1]")).not_to_be_checked()
        await page.locator("#url").fill("http://127.0.0.1:9/hello")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("status")).to_contain_text("任务已创建")
        await expect(page.locator("main")).to_contain_text("周二至周五 09:00")


async def test_the_preview_marks_what_a_calendar_does(server: Server, chromium: Browser) -> None:
    async with aiohttp.ClientSession(server.url) as session:
        weekends = {"weekdays": [6, 7]}
        async with session.put("/api/v1/calendars/weekdays", json=weekends) as answer:
            assert answer.status == 200
    async with opened(chromium) as page:
        await set_up(page, server)
        await page.goto(f"{server.url}/tasks/new")
        await page.locator("#trigger-days").check()
        await page.locator("#calendar").select_option("weekdays")
        preview = page.locator("#preview")
        await expect(preview).to_contain_text("按日历 weekdays，休息日跳过。")
        await expect(preview.locator(".moments .off").first).to_contain_text("休息日，不执行")
        await page.locator("#shift").select_option("next_working_day")
        await expect(preview).to_contain_text("遇休息日顺延到下一个工作日")
        await page.locator("#trigger-delay").check()
        await expect(preview).to_contain_text("每次执行结束后 10 分钟")
        await expect(preview).not_to_contain_text("日历")


async def test_the_preview_follows_what_is_typed(server: Server, chromium: Browser) -> None:
    async with opened(chromium) as page:
        await set_up(page, server)
        await page.goto(f"{server.url}/tasks/new")
        preview = page.locator("#preview")
        await expect(preview).to_contain_text("每 5 分钟一次")
        await expect(page.get_by_role("button", name="预览")).to_be_hidden()
        await page.get_by_text("cron 表达式", exact=True).first.click()
        await expect(preview).to_contain_text("填写带 * 的内容后")
        await page.locator("#cron").fill("0 0 2 31 * ?")
        await expect(preview.locator(".meaning")).to_have_text("每月 31 日 02:00")
        await expect(preview.locator("time")).to_have_count(10)
        await expect(preview.locator(".warnings")).to_contain_text("这 5 个月没有这次触发")
        await page.locator("#zone").fill("America/New_York")
        await expect(preview.locator("time").first).to_contain_text("-05:00")
        await page.locator("#cron").fill("0 0 25 * * ?")
        await expect(preview.locator(".fault")).to_be_visible()
        await expect(page.locator("#cron")).to_be_focused()


async def test_without_a_script_a_button_shows_the_preview(
    server: Server, chromium: Browser
) -> None:
    async with opened(chromium, script=False) as page:
        await set_up(page, server)
        await page.goto(f"{server.url}/tasks/new")
        await page.locator("#name").fill("月末")
        await page.get_by_text("cron 表达式", exact=True).first.click()
        await page.locator("#cron").fill("0 0 2 31 * ?")
        await page.get_by_role("button", name="预览").click()
        await expect(page.locator("#preview .meaning")).to_have_text("每月 31 日 02:00")
        await expect(page.locator("#preview")).to_be_in_viewport()
        await expect(page.locator("#name")).to_have_value("月末")
        await page.locator("#group").fill("g")
        await page.locator("#url").fill("http://127.0.0.1:9/hello")
        await page.locator("#name").press("Enter")
        await expect(page.get_by_role("status")).to_contain_text("任务已创建")


async def test_a_calendar_is_made_seen_over_a_year_and_deleted_on_a_phone_without_script(
    server: Server, chromium: Browser
) -> None:
    async with opened(chromium, script=False, width=360) as page:
        await set_up(page, server)
        await page.get_by_role("link", name="日历").click()
        await page.get_by_role("link", name="法定节假日").click()
        await page.get_by_label("名称").fill("中国")
        await page.get_by_label("国家或地区").fill("CN")
        await page.get_by_label("年份").fill("2026")
        await page.get_by_role("button", name="加入节假日").click()
        await expect(page.get_by_role("status")).to_contain_text("节假日已加入")
        october = page.get_by_role("table", name="10月")
        national_day = october.get_by_role("cell", name="国庆节").first
        await expect(national_day).to_contain_text("1")
        await expect(october.get_by_role("cell", name="10 调休上班日")).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") == 360
        await page.get_by_role("link", name="2027").click()
        await expect(page.get_by_role("table")).to_have_count(12)
        await page.get_by_role("link", name="删除").click()
        await page.get_by_role("button", name="删除").click()
        await expect(page.get_by_role("heading", name="还没有日历")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_days_of_a_year_differ_by_more_than_their_colour(
    server: Server, chromium: Browser, theme: str
) -> None:
    async with opened(chromium) as page:
        await set_up(page, server)
        await page.goto(f"{server.url}/theme?to={theme}&next=/calendars/new")
        await page.get_by_label("名称").fill("plant")
        await page.get_by_label("停用的日期").fill("2026-10-01..2026-10-07 国庆节")
        await page.get_by_label("调休上班日").fill("2026-10-10")
        await page.get_by_role("button", name="创建日历").click()
        await page.goto(f"{server.url}/calendar?name=plant&year=2026")
        hatch = "(cell) => getComputedStyle(cell).backgroundImage"
        first = {kind: page.locator(f".month td.{kind}").first for kind in ("away", "made", "rest")}
        assert {kind: (await cell.inner_text()).split() for kind, cell in first.items()} == {
            "away": ["1", "休", "国庆节（停用日期）"],
            "made": ["10", "班", "调休上班日"],
            "rest": ["3", "每周休息日"],
        }
        assert "gradient" in await first["rest"].evaluate(hatch)
        assert await first["away"].evaluate(hatch) == "none"


async def test_a_calendar_file_is_uploaded(
    server: Server, chromium: Browser, tmp_path: Path
) -> None:
    file = tmp_path / "节日.ics"
    event = "BEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20270105\r\nRRULE:FREQ=YEARLY\r\nEND:VEVENT\r\n"
    file.write_bytes(f"BEGIN:VCALENDAR\r\n{event}END:VCALENDAR\r\n".encode())
    async with opened(chromium) as page:
        await set_up(page, server)
        await page.goto(f"{server.url}/calendars/import?name=厂历")
        await page.get_by_label("日期的名称").fill("厂庆")
        await page.get_by_label("日历文件").set_input_files(file)
        await page.get_by_role("button", name="导入日期").click()
        await expect(page.get_by_role("status")).to_contain_text("日期已加入")
        await page.goto(f"{server.url}/calendar?name=厂历&year=2027")
        await expect(page.get_by_role("cell", name="厂庆").first).to_contain_text("5")


async def test_language_and_theme_are_switched_in_place(server: Server, chromium: Browser) -> None:
    async with opened(chromium) as page:
        await set_up(page, server)
        await page.goto(f"{server.url}/fires?state=failed")
        await page.get_by_role("link", name="EN", exact=True).click()
        await expect(page.get_by_role("heading", name="No run fits")).to_be_visible()
        await expect(page).to_have_url(f"{server.url}/fires?state=failed")
        ground = "getComputedStyle(document.body).backgroundColor"
        light = await page.evaluate(ground)
        await page.get_by_role("link", name="Dark").click()
        await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        assert await page.evaluate(ground) != light
