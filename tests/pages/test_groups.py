"""The pages of groups, and the task form where it leaves the zone to the group."""

import re
from html import unescape
from zoneinfo import ZoneInfo

import pytest

from dispatchserver.domain.group import GroupKey, GroupSpec
from dispatchserver.domain.task import TaskKey
from pages.conftest import ADMIN, Browser, House

BERLIN = ZoneInfo("Europe/Berlin")
KEY = TaskKey(group="g", name="n")


def key(name: str) -> GroupKey:
    return GroupKey(namespace="default", name=name)


async def say(
    house: House, zone: ZoneInfo | None = BERLIN, name: str = "g", note: str = ""
) -> None:
    spec = GroupSpec(zone=zone, note=note)
    await house.groups.put(key(name), lambda standing: spec, ADMIN)


def rows(text: str) -> list[str]:
    """The lines of the list, without their markup."""
    _, _, body = text.partition("<tbody>")
    cells = re.findall(r"<tr>(.*?)</tr>", body, re.DOTALL)
    return [" ".join(unescape(re.sub(r"<[^>]*>", " ", cell)).split()) for cell in cells]


def a_task(**fields: str) -> dict[str, str]:
    usual = {"group": "g", "name": "n", "url": "http://127.0.0.1:9/x"}
    return usual | {"trigger": "cron", "cron": "0 0 9 * * ?"} | fields


async def test_groups_are_listed_with_their_tasks_zone_and_note(
    house: House, admin: Browser
) -> None:
    await admin.act("/tasks/new", **a_task(group="a"))
    await say(house, note="ask <b>Anna</b>")
    page = await admin.get("/groups")
    assert rows(page.text) == [
        "a 1 服务器默认（Asia/Shanghai） — — 修改分组 a 的设置",
        "g 0 Europe/Berlin — ask <b>Anna</b> 修改分组 g 的设置",
    ]
    assert "<b>Anna" not in page.text


async def test_where_there_is_no_group_the_page_says_so(admin: Browser) -> None:
    assert "还没有分组" in (await admin.get("/groups")).text


async def test_a_group_is_set_up_and_changed(house: House, admin: Browser) -> None:
    made = await admin.act("/groups/new", group="夜 /", zone=" Europe/Berlin ", note="a\r\nb")
    assert (made.status, made.headers["Location"]) == (303, "/groups?done=group_saved")
    form = await admin.get("/group/edit", group="夜 /")
    assert 'value="Europe/Berlin"' in form.text
    await admin.act("/group/edit", group="夜 /", zone="", note="a\r\nc")
    assert (await house.groups.find(key("夜 /"))).spec == GroupSpec(note="a\nc")


@pytest.mark.parametrize("address", ["/groups/new", "/group/edit"])
async def test_a_faulty_group_comes_again_with_all_that_was_typed_and_nothing_is_changed(
    house: House, admin: Browser, address: str
) -> None:
    await say(house)
    answer = await admin.act(address, group="g", zone="Europe/Berln", note="typed")
    assert answer.status == 422
    assert answer.text.count('class="fault"') == 1
    assert "Europe/Berlin" in answer.text
    assert 'value="Europe/Berln"' in answer.text and "typed" in answer.text
    assert (await house.groups.find(key("g"))).spec == GroupSpec(zone=BERLIN)


async def test_setting_up_a_group_does_not_overwrite_what_was_said_of_it(
    house: House, admin: Browser
) -> None:
    await say(house)
    answer = await admin.act("/groups/new", group="g", zone="Asia/Tokyo")
    assert (answer.status, "这个分组已有设置" in answer.text) == (422, True)
    assert (await house.groups.find(key("g"))).spec.zone == BERLIN


async def test_a_group_needs_a_name(admin: Browser) -> None:
    answer = await admin.act("/groups/new", group="", zone="Asia/Tokyo")
    assert (answer.status, answer.text.count('class="fault"')) == (422, 1)


async def test_an_unknown_group_is_a_page_that_says_so(admin: Browser) -> None:
    assert (await admin.get("/group/edit", group="none")).status == 404


async def test_groups_ask_for_a_session_and_its_token(house: House, admin: Browser) -> None:
    assert (await admin.post("/groups/new", {"group": "g", "zone": "UTC"})).status == 403
    async with Browser.open(house) as stranger:
        for path in ("/groups", "/groups/new", "/group/edit?group=g"):
            assert (await stranger.get(path)).headers["Location"].startswith("/login")
    assert await house.groups.list("default") == []


@pytest.mark.parametrize(
    ("group", "zone"), [("g", "Europe/Berlin"), ("other", "Asia/Shanghai")], ids=["set", "not set"]
)
async def test_a_new_task_with_an_empty_zone_takes_its_groups(
    house: House, admin: Browser, group: str, zone: str
) -> None:
    await say(house)
    form = await admin.get("/tasks/new", group=group)
    assert 'name="zone" type="text" value=""' in form.text
    preview = await admin.act("/tasks/preview", **a_task(group=group, fragment="1"))
    assert f"({zone})" in preview.text
    await admin.act("/tasks/new", **a_task(group=group))
    task = (await house.tasks.find(TaskKey(group=group, name="n"))).task
    assert task.spec.trigger.zone.key == zone


async def test_a_change_of_the_group_moves_no_task_that_stands(
    house: House, admin: Browser
) -> None:
    await say(house)
    await admin.act("/tasks/new", **a_task())
    before = (await house.tasks.find(KEY)).task
    await admin.act("/group/edit", group="g", zone="Asia/Tokyo")
    assert (await house.tasks.find(KEY)).task == before
    assert 'value="Europe/Berlin"' in (await admin.get("/task/edit", group="g", name="n")).text


async def test_a_task_whose_zone_is_emptied_takes_its_groups(house: House, admin: Browser) -> None:
    await admin.act("/tasks/new", **a_task())
    await say(house)
    task = (await house.tasks.find(KEY)).task
    await admin.act("/task/edit", **a_task(version=task.revision, zone=""))
    assert (await house.tasks.find(KEY)).task.spec.trigger.zone == BERLIN
