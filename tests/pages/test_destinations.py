"""The pages of receivers: how each stands, and what it is allowed."""

import re
from html import unescape

import pytest

from dispatchserver.domain.breaker import REST, TROUBLE_LIMIT
from dispatchserver.domain.destinationspec import DestinationSpec
from dispatchserver.domain.fire import Delivery, Outcome, Reason
from dispatchserver.domain.rate import read_rate
from dispatchserver.domain.task import TaskKey
from pages.conftest import ADMIN, Browser, House, shown_form

NAME = "receiver.test:443"
SILENT = Outcome(delivery=Delivery.NOT_SENT, reason=Reason.CONNECT)


async def say(house: House, name: str = NAME, **spec: object) -> None:
    asked = DestinationSpec(**spec)  # type: ignore[arg-type]
    await house.destinations.put(name, lambda standing: asked, ADMIN)


def rows(text: str) -> list[str]:
    """The lines of the list, without their markup."""
    _, _, body = text.partition("<tbody>")
    cells = re.findall(r"<tr>(.*?)</tr>", body, re.DOTALL)
    lines = [" ".join(unescape(re.sub(r"<[^>]*>", " ", cell)).split()) for cell in cells]
    return [re.sub(r"现在|[0-9]+ 秒(?=[前后])", "…", line).replace("…前", "…") for line in lines]


def fail(house: House, times: int, name: str = NAME) -> None:
    for _ in range(times):
        house.loads.begin(name, house.clock.now())
        house.loads.end(name, SILENT, house.clock.now())


async def test_receivers_are_listed_with_state_calls_rate_and_what_waits(
    house: House, admin: Browser
) -> None:
    await say(house, slots=1)
    house.loads.begin(NAME, house.clock.now())
    await say(house, "quiet.test:80", rate=read_rate("20/s", 5))
    await say(house, "shut.test:80", paused=True)
    fail(house, TROUBLE_LIMIT, "down.test:80")
    assert rows((await admin.get("/destinations")).text) == [
        "down.test:80 熔断 连续失败 20 次，…后再试。 0 / 64 不限 0 连接不上 … 立即关闭熔断 down.test:80 down.test:80 的限制",
        "quiet.test:80 正常 有空位。 0 / 64 20/s，可同时 5 次 0 — quiet.test:80 的限制",
        f"{NAME} 已满 允许的 1 个回调都在进行中。 1 / 1 不限 0 — {NAME} 的限制",
        "shut.test:80 已暂停 取消暂停之前，不向它发送。 0 / 64 不限 0 — shut.test:80 的限制",
    ]


async def test_where_there_is_no_receiver_the_page_explains_when_there_is(admin: Browser) -> None:
    assert "因连续失败而熔断的接收方会显示在这里" in (await admin.get("/destinations")).text


async def test_limits_are_set_changed_and_taken_back(house: House, admin: Browser) -> None:
    form = {"name": " Receiver.test:443 ", "slots": "16", "rate": "20/s", "burst": "5"}
    made = await admin.act("/destination", **form)
    assert (made.status, made.headers["Location"]) == (303, "/destinations?done=destination_saved")
    spec = DestinationSpec(slots=16, rate=read_rate("20/s", 5))
    assert (await house.destinations.find(NAME)).spec == spec
    shown = shown_form((await admin.get("/destination", name=NAME)).text)
    assert {key: shown[key] for key in ("slots", "rate", "burst")} == {
        "slots": "16",
        "rate": "20/s",
        "burst": "5",
    }
    await admin.act("/destination", name=NAME, slots="", rate="", burst="", paused="1")
    assert (await house.destinations.find(NAME)).spec == DestinationSpec(paused=True)
    await admin.act("/destination/delete", name=NAME)
    assert await house.destinations.list() == []


@pytest.mark.parametrize("known", ["", NAME], ids=["new", "known"])
async def test_a_faulty_form_comes_again_with_all_that_was_typed_and_nothing_is_changed(
    house: House, admin: Browser, known: str
) -> None:
    await say(house, slots=3)
    typed = {"name": NAME, "known": known, "slots": "-3", "rate": "0/s", "burst": "x"}
    answer = await admin.act("/destination", **typed, paused="1")
    assert (answer.status, answer.text.count('class="fault"')) == (422, 3)
    for text in ('value="-3"', 'value="0/s"', 'value="x"', "checked"):
        assert text in answer.text
    assert (await house.destinations.find(NAME)).spec == DestinationSpec(slots=3)


async def test_a_receiver_needs_a_host_and_a_port(admin: Browser) -> None:
    answer = await admin.act("/destination", name="<b>receiver", slots="1")
    assert (answer.status, "api.example.com:443" in answer.text) == (422, True)
    assert "<b>receiver" not in answer.text
    assert (await admin.get("/destination", name="receiver")).status == 400


async def test_a_receiver_that_nothing_is_known_of_has_the_servers_limits(admin: Browser) -> None:
    page = (await admin.get("/destination", name="strange.test:1")).text
    assert "有空位" in page and "0 / 64" in page
    assert "改用服务器的限制" not in page


async def test_a_circuit_is_closed_by_a_button(house: House, admin: Browser) -> None:
    fail(house, TROUBLE_LIMIT)
    assert "/destination/reset" in (await admin.get("/destination", name=NAME)).text
    done = await admin.act("/destination/reset", name=NAME)
    assert done.headers["Location"] == "/destinations?done=destination_reset"
    assert house.loads.standing(NAME, house.clock.now()).breaker.failures == 0
    assert (await admin.act("/destination/reset", name=NAME)).status == 404


async def test_an_open_circuit_whose_rest_is_over_says_that_the_next_call_tries(
    house: House, admin: Browser
) -> None:
    fail(house, TROUBLE_LIMIT)
    house.clock.ahead = REST
    (row,) = rows((await admin.get("/destinations")).text)
    assert "熔断" in row and "下一次回调先试探" in row


async def test_receivers_ask_for_a_session_and_its_token(house: House, admin: Browser) -> None:
    for path in ("/destination", "/destination/reset", "/destination/delete"):
        assert (await admin.post(path, {"name": NAME, "slots": "1"})).status == 403
    async with Browser.open(house) as stranger:
        for path in ("/destinations", "/destinations/new", f"/destination?name={NAME}"):
            assert (await stranger.get(path)).headers["Location"].startswith("/login")
    assert await house.destinations.list() == []


WAITS = {
    "paused": ({"paused": True}, "取消暂停之前，不向它发送。"),
    "full": ({"slots": 1}, "允许的 1 个回调都在进行中。"),
    "rate": ({"rate": read_rate("1/h")}, "速率 1/h 允许的次数暂时用完。"),
    "resting": ({}, "连续失败 20 次，[0-9]+ 秒后再试。"),
}


@pytest.mark.parametrize("why", WAITS)
async def test_a_run_that_waits_says_why_and_leads_to_its_receiver(
    house: House, admin: Browser, why: str
) -> None:
    spec, words = WAITS[why]
    await say(house, **spec)
    if why == "resting":
        fail(house, TROUBLE_LIMIT)
    elif why != "paused":
        house.loads.begin(NAME, house.clock.now())
    form = {"group": "g", "name": "n", "url": f"https://{NAME}/x", "trigger": "cron"}
    await admin.act("/tasks/new", **form, cron="0 0 9 * * ?")
    fire = await house.tasks.trigger_now(TaskKey(group="g", name="n"), ADMIN)
    now = house.clock.now()
    placing = house.loads.placing(now)
    assert placing.room(NAME) == 0
    await house.store.claim("node", now, 10, now + REST, lambda: placing)
    page = (await admin.get("/fire", id=fire.id)).text
    link = f'<a href="/destination?name={NAME.replace(":", "%3A")}">{NAME}</a>：'
    assert re.search(re.escape(link) + words, page)
