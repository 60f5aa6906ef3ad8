"""A group's signing keys on its page: shown whole once, masked after, made once however often the form comes."""

import re

import pytest

from dispatchserver.domain.group import GroupKey, GroupSpec
from dispatchserver.domain.signing import check_key, key_text
from pages.conftest import ADMIN, Browser, House

GROUP = GroupKey(namespace="default", name="夜 /")
OWN = key_text(b"own key " * 4)


@pytest.fixture
async def page(house: House, admin: Browser) -> Browser:
    """The admin's browser, where there is one group."""
    await house.groups.put(GROUP, lambda standing: GroupSpec(note="x"), ADMIN)
    return admin


async def seen(house: House) -> list[str]:
    return [key.id for key in await house.signing.list(GROUP)]


async def rotate(house: House, page: Browser, **form: str):
    newest = (await seen(house) or [""])[0]
    return await page.act("/group/rotate-key", **{"group": GROUP.name, "seen": newest} | form)


def shown(text: str) -> str:
    found = re.search(r'id="new-key">([^<]*)<', text)
    return found[1].replace("&#43;", "+") if found else ""


async def test_a_new_key_is_shown_once_and_masked_from_then_on(house: House, page: Browser) -> None:
    assert "没有密钥" in (await page.get("/group/edit", group=GROUP.name)).text
    made = await rotate(house, page)
    key = check_key(shown(made.text))
    assert (made.status, made.headers["Cache-Control"]) == (200, "no-store")
    again = await page.get("/group/edit", group=GROUP.name)
    assert key[:10] + "…" in again.text
    assert key.removeprefix("whsec_") not in again.text


async def test_a_form_that_comes_twice_makes_one_key_and_says_so(
    house: House, page: Browser
) -> None:
    form = {"group": GROUP.name, "seen": ""}
    assert (await page.act("/group/rotate-key", **form)).status == 200
    again = await page.act("/group/rotate-key", **form)
    assert (again.status, shown(again.text), "刚刚有变动" in again.text) == (422, "", True)
    assert len(await seen(house)) == 1


async def test_a_key_of_ones_own_and_the_former_one_s_time_are_taken(
    house: House, page: Browser
) -> None:
    await rotate(house, page)
    made = await rotate(house, page, key=f" {OWN} ", keep="forever")
    assert shown(made.text) == OWN
    assert [key.until for key in await house.signing.list(GROUP)] == [None, None]
    assert "/group/rotate-key" not in made.text


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"key": "whsec_c2hvcnQ="}, "24 到 64"),
        ({"key": OWN}, "已经有这个密钥"),
        ({"keep": "soon"}, "keep"),
    ],
)
async def test_what_is_refused_is_told_on_the_page_without_the_key_and_nothing_is_changed(
    house: House, page: Browser, form: dict[str, str], words: str
) -> None:
    await rotate(house, page, key=OWN)
    before = await seen(house)
    answer = await rotate(house, page, **form)
    assert (answer.status, words in answer.text) == (422, True)
    assert OWN not in answer.text and "c2hvcnQ" not in answer.text
    assert await seen(house) == before


async def test_a_key_is_retired_after_its_page_has_asked(house: House, page: Browser) -> None:
    await rotate(house, page)
    (only,) = await seen(house)
    asked = await page.get("/group/retire-key", group=GROUP.name, id=only)
    assert "唯一的密钥" in asked.text
    await rotate(house, page)
    new, former = await seen(house)
    assert "旧密钥继续签名" in (await page.get("/group/retire-key", group=GROUP.name, id=new)).text
    done = await page.act("/group/retire-key", group=GROUP.name, id=former)
    assert (done.status, done.headers["Location"]) == (303, "/groups?done=key_retired")
    assert await seen(house) == [new]


async def test_an_unknown_key_is_a_page_that_says_so(house: House, page: Browser) -> None:
    for answer in (
        await page.get("/group/retire-key", group=GROUP.name, id="x"),
        await page.act("/group/retire-key", group=GROUP.name, id="x"),
    ):
        assert answer.status == 404


async def test_keys_ask_for_a_session_and_its_token(house: House, page: Browser) -> None:
    form = {"group": GROUP.name, "seen": ""}
    assert (await page.post("/group/rotate-key", form)).status == 403
    async with Browser.open(house) as stranger:
        assert (await stranger.post("/group/rotate-key", form)).status == 403
        asked = await stranger.get("/group/retire-key", group=GROUP.name, id="x")
        assert asked.headers["Location"].startswith("/login")
    assert await seen(house) == []
