"""Dead letters: found, looked at, confirmed by their number, and sent again once, in batches."""

import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest

from dispatchserver.domain.changing import Addition
from dispatchserver.domain.fire import Decision, FireState, Reason
from dispatchserver.domain.listing import FireFilter, PageRequest
from dispatchserver.domain.recall import HttpRecall
from dispatchserver.domain.task import TaskKey
from dispatchserver.pages import deadpages
from tests.builders import a_spec, an_attempt, cron
from tests.pages.conftest import ADMIN, Browser, House


async def fail(
    house: House, count: int = 1, group: str = "g", url: str = "http://h.test/"
) -> list[str]:
    """So many fires of a task of this group that failed for good."""
    key, now = TaskKey(group=group, name="t"), house.clock.now()
    spec = a_spec(cron("0 0 3 * * ?"), recall=HttpRecall(url=url))
    await house.tasks.add(Addition(key=key, spec=spec, at=now, overwrite=True), ADMIN)
    made = [(await house.tasks.trigger_now(key, ADMIN)).id for _ in range(count)]
    await end_all(house, Decision.FAILURE)
    return made


async def end_all(house: House, decision: Decision) -> None:
    now = house.clock.now()
    claims = await house.store.claim("node", now, 1000, now)
    for claim in claims.assignments:
        attempt = an_attempt(claim.fire, decision, now=now, reason=Reason.CONNECT)
        assert await house.store.settle(claim.fire, attempt)


async def replays(house: House) -> list[str]:
    """Which fires were sent again, as often as they were."""
    page = await house.store.list_fires(FireFilter(namespace="default"), PageRequest(limit=500))
    return sorted(fire.replay_of for fire in page.items if fire.replay_of)


def listed(page: str) -> list[str]:
    """The ids of the fires that can be ticked."""
    return re.findall(r'type="checkbox" name="id" value="(\w+)"', page)


def hidden(page: str) -> dict[str, str]:
    """What the form that sends carries."""
    form = page[page.index('method="post" action="/dead-letters/replay"') :]
    found = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form)
    return {name: unescape(value) for name, value in found if name != "csrf"}


async def confirm(admin: Browser, **asked: str) -> dict[str, str]:
    page = await admin.get("/dead-letters/replay", **asked)
    assert page.status == 200
    return hidden(page.text)


async def test_without_any_the_page_says_so(admin: Browser) -> None:
    assert "没有死信" in (await admin.get("/dead-letters")).text


async def test_they_are_narrowed_by_group_task_reason_destination_and_time(
    house: House, admin: Browser
) -> None:
    (shop,) = await fail(house, group="shop", url="http://shop.test/pay")
    (bank,) = await fail(house, group="bank", url="http://bank.test/")
    for wanted, found in (
        ({}, {shop, bank}),
        ({"group": "shop"}, {shop}),
        ({"name": "nobody"}, set()),
        ({"address": "BANK.test"}, {bank}),
        ({"reason": "connect"}, {shop, bank}),
        ({"reason": "timeout"}, set()),
        ({"from": "2020-01-01T00:00", "to": "2020-01-02T00:00"}, set()),
    ):
        page = await admin.get("/dead-letters", **wanted)
        assert set(listed(page.text)) == found, wanted
    assert "http://shop.test/pay" in (await admin.get("/dead-letters")).text


@pytest.mark.parametrize("lang", ["zh", "en"])
async def test_a_faulty_filter_is_told_beside_its_field(admin: Browser, lang: str) -> None:
    admin.set_cookie("lang", lang)
    page = await admin.get("/dead-letters", **{"reason": "bad luck", "from": "soon"})
    assert 'id="reason-fault"' in page.text and 'id="from-fault"' in page.text
    assert (await admin.get("/dead-letters/replay", group="g", reason="luck")).status == 400


async def test_pages_follow_each_other_under_the_filter(house: House, admin: Browser) -> None:
    made = await fail(house, 60)
    first = await admin.get("/dead-letters", group="g")
    assert "共 60 条" in first.text
    following = re.search(r'rel="next" href="([^"]+)"', first.text)
    assert following is not None
    query = {k: v[0] for k, v in parse_qs(urlsplit(unescape(following[1])).query).items()}
    second = await admin.get("/dead-letters", **query)
    assert sorted(listed(first.text) + listed(second.text)) == sorted(made)


async def test_the_question_shows_how_many_and_the_first_ones_and_sends_nothing(
    house: House, admin: Browser
) -> None:
    await fail(house, 12)
    page = await admin.get("/dead-letters/replay", group="g")
    assert "将再次发送 12 次失败的执行" in page.text and "以及另外 2 次" in page.text
    assert page.text.count("g / t · 2") == 10
    assert 'name="number"' not in page.text
    assert await replays(house) == []


async def test_what_was_ticked_is_sent_again_and_what_was_not_is_not(
    house: House, admin: Browser
) -> None:
    made = await fail(house, 3)
    form = await confirm(admin, ids=",".join(made[:2]))
    answer = await admin.act("/dead-letters/replay", **form)
    assert answer.status == 303
    assert await replays(house) == sorted(made[:2])
    sent = await admin.get(answer.headers["Location"])
    assert "已再次发送 2 / 2" in sent.text and "data-goes-on" not in sent.text
    assert listed((await admin.get("/dead-letters")).text) == made[2:]


async def test_the_same_form_twice_sends_nothing_twice(house: House, admin: Browser) -> None:
    made = await fail(house, 3)
    form = await confirm(admin, group="g")
    for _ in range(2):
        assert (await admin.act("/dead-letters/replay", **form)).status == 303
    assert await replays(house) == sorted(made)
    page = await admin.get("/dead-letters/replay", ids=made[0])
    assert "已经再次发送过" in page.text and "csrf" not in page.text[page.text.index("<main") :]


async def test_many_ask_for_their_number_and_go_in_batches_though_all_fail_again(
    house: House, admin: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadpages, "BATCH", 25)
    made = await fail(house, 60)
    form = await confirm(admin, group="g")
    for typed in ("", "59"):
        refused = await admin.act("/dead-letters/replay", **form, number=typed)
        assert refused.status == 422 and 'id="number-fault"' in refused.text
    assert await replays(house) == []
    counts, fields = [], form | {"number": "60"}
    while True:
        answer = await admin.act("/dead-letters/replay", **fields)
        assert answer.status == 303, answer.text
        await end_all(house, Decision.FAILURE)
        sent = await admin.get(answer.headers["Location"])
        counts += re.findall(r"已再次发送 (\d+) / 60", sent.text)
        if "data-goes-on" not in sent.text:
            break
        fields = hidden(sent.text)
    assert counts == ["25", "50", "60"]
    assert await replays(house) == sorted(made)


async def test_without_a_filter_or_a_tick_nothing_is_asked_or_sent(
    house: House, admin: Browser
) -> None:
    await fail(house)
    assert "/dead-letters/replay?" not in (await admin.get("/dead-letters")).text
    assert (await admin.get("/dead-letters/replay")).status == 400
    assert (await admin.act("/dead-letters/replay", total="1")).status == 400
    assert await replays(house) == []


async def test_old_and_new_show_each_other(house: House, admin: Browser) -> None:
    (old,) = await fail(house)
    await admin.act("/dead-letters/replay", **await confirm(admin, ids=old))
    await end_all(house, Decision.SUCCESS)
    (new,) = [fire for fire in await fires(house) if fire.replay_of == old]
    assert new.state is FireState.SUCCEEDED
    assert f'href="/fire?id={new.id}"' in (await admin.get("/fire", id=old)).text
    assert f'href="/fire?id={old}"' in (await admin.get("/fire", id=new.id)).text
    assert old not in (await admin.get("/dead-letters")).text
    page = await admin.get("/dead-letters", show="all")
    assert f'href="/fire?id={new.id}"' in page.text and listed(page.text) == []


async def fires(house: House):
    page = await house.store.list_fires(FireFilter(namespace="default"), PageRequest(limit=500))
    return page.items


async def test_nobody_sends_without_having_signed_in(house: House) -> None:
    await fail(house)
    async with Browser.open(house) as stranger:
        assert (await stranger.get("/dead-letters")).status == 303
        assert (await stranger.act("/dead-letters/replay", group="g", total="1")).status == 403
    assert await replays(house) == []


async def test_a_deleted_task_still_tells_why_and_keeps_its_log(
    house: House, admin: Browser
) -> None:
    (old,) = await fail(house)
    await house.tasks.delete(TaskKey(group="g", name="t"), ADMIN)
    admin.set_cookie("lang", "en")
    fire = await house.store.find_fire(old)
    assert fire is not None
    page = await admin.get("/task", group="g", name="t", why=fire.due_at.isoformat())
    assert page.status == 200 and "it was deleted. Its log is kept" in page.text
    assert re.search(r'class="answer" role="status">[^<]*run by hand', page.text)
    assert f'href="/fire?id={old}"' in page.text
    assert 'href="/task?group=g&amp;name=t"' in (await admin.get("/fire", id=old)).text
    assert (await admin.get("/task", group="g", name="never")).status == 404


async def test_an_empty_log_of_a_deleted_task_leads_to_the_question(
    house: House, admin: Browser
) -> None:
    await fail(house)
    await house.tasks.delete(TaskKey(group="g", name="t"), ADMIN)
    query = {"group": "g", "name": "t", "from": "2099-01-01T03:00"}
    assert "why=2099-01-01T03%3A00#why" in (await admin.get("/fires", **query)).text
