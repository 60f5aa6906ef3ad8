"""The pages over HTTP: what they show, what they do, and what they refuse."""

import re
from datetime import timedelta
from html import unescape

import pytest

from dispatchserver.domain.changing import Addition
from dispatchserver.domain.errors import TaskNotFound
from dispatchserver.domain.fire import (
    Attempt,
    Decision,
    Delivery,
    FireKind,
    FireState,
    Outcome,
    Reason,
    Verdict,
)
from dispatchserver.domain.listing import FireFilter, PageRequest
from dispatchserver.domain.recall import HttpRecall
from dispatchserver.domain.task import TaskKey, TaskSpec, TaskState
from dispatchserver.domain.trigger import SimpleTrigger
from pages.conftest import ADMIN, SHANGHAI, Browser, House, shown_form

KEY = TaskKey(group="结算", name="对账 <b>")
HOSTILE = "<script>alert(1)</script>\u202e\x1b[31m"


async def add_task(house: House, key: TaskKey = KEY, **changes: object) -> None:
    trigger = SimpleTrigger(
        start=house.clock.now(), interval=timedelta(minutes=5), count=None, zone=SHANGHAI
    )
    usual: dict[str, object] = {
        "trigger": trigger,
        "recall": HttpRecall(url="http://10.0.0.7/settle", data={"a": "<i>"}),
    }
    spec = TaskSpec(**{**usual, **changes})  # type: ignore[arg-type]
    await house.tasks.add(Addition(key=key, spec=spec, at=house.clock.now()), ADMIN)


async def run_once(house: House, key: TaskKey = KEY) -> str:
    """One manual fire that failed with a hostile reply."""
    fire = await house.tasks.trigger_now(key, ADMIN)
    now = house.clock.now()
    (order,) = (await house.store.claim("node-1", now, 1, now + timedelta(minutes=5))).assignments
    attempt = Attempt(
        fire_id=fire.id,
        number=order.fire.attempts,
        node="node-1",
        started_at=now,
        ended_at=now + timedelta(milliseconds=40),
        outcome=Outcome(delivery=Delivery.ANSWERED, status=500, body=HOSTILE.encode()),
        verdict=Verdict(decision=Decision.FAILURE, reason=Reason.STATUS, result=HOSTILE),
    )
    assert await house.store.settle(order.fire, attempt)
    return fire.id


def new_form(**changes: str) -> dict[str, str]:
    return {
        "group": "demo",
        "name": "hello",
        "trigger": "simple",
        "repeat": "forever",
        "interval": "5",
        "unit": "minute",
        "recall": "HTTP",
        "url": "http://127.0.0.1:9000/hello",
        "data_kind": "json",
        "data": '{"a": 1}',
        **changes,
    }


def the_key(**more: str) -> dict[str, str]:
    return {"group": KEY.group, "name": KEY.name, **more}


async def test_home_leads_to_the_tasks(admin: Browser) -> None:
    answer = await admin.get("/")
    assert (answer.status, answer.headers["Location"]) == (303, "/tasks")


PATHS = ["/tasks", "/tasks/new", "/fires", "/login", "/nowhere", "/task?group=x&name=y"]


@pytest.mark.parametrize("path", PATHS)
async def test_every_page_has_the_strict_headers(admin: Browser, path: str) -> None:
    headers = (await admin.get(path)).headers
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self';")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"


async def test_static_files_are_kept_by_version_and_no_other_file_is_served(
    admin: Browser,
) -> None:
    page = (await admin.get("/login")).text
    urls = re.findall(r'"(/static/[^"]+)"', page)
    assert len(urls) == 3
    for url in urls:
        answer = await admin.get(url)
        assert (answer.status, "immutable" in answer.headers["Cache-Control"]) == (200, True)
    assert (await admin.get("/static/app.css")).headers["Cache-Control"] == "no-cache"
    assert (await admin.get("/static/..%2fpyproject.toml")).status == 404


async def test_an_empty_list_helps_and_a_fruitless_search_differs(admin: Browser) -> None:
    empty = (await admin.get("/tasks")).text
    assert "还没有任务" in empty
    assert re.search(r"curl http://127\.0\.0\.1:\d+/dispatchserver/add\.do", empty)
    found = (await admin.get("/tasks", text="zzz")).text
    assert "没有符合条件的任务" in found
    assert "curl" not in found


async def test_a_task_is_created_through_the_form(house: House, admin: Browser) -> None:
    answer = await admin.act("/tasks/new", **new_form())
    assert answer.headers["Location"] == "/task?group=demo&name=hello&done=created"
    page = (await admin.get(answer.headers["Location"])).text
    assert "任务已创建" in page
    assert "每 5 分钟" in page
    task = (await house.tasks.find(TaskKey(group="demo", name="hello"))).task
    assert task.spec.recall.data == {"a": 1}


async def test_all_faults_are_shown_with_what_was_typed(house: House, admin: Browser) -> None:
    answer = await admin.act("/tasks/new", **new_form(name="", url="ftp://x", priority="<high>"))
    assert answer.status == 422
    assert [f"#{field}" in answer.text for field in ("name", "url", "priority")] == [True] * 3
    assert answer.text.count('aria-invalid="true"') == 3
    assert 'value="&lt;high&gt;"' in answer.text
    assert await house.tasks.groups("default") == []


async def test_a_name_that_is_taken_is_told_at_the_name(house: House, admin: Browser) -> None:
    await admin.act("/tasks/new", **new_form())
    answer = await admin.act("/tasks/new", **new_form())
    assert answer.status == 422
    assert "已有同名任务" in answer.text


async def test_a_trigger_that_never_fires_is_told_at_its_field(admin: Browser) -> None:
    answer = await admin.act("/tasks/new", **new_form(trigger="cron", cron="0 0 2 * * ? 1999"))
    assert answer.status == 422
    assert 'href="#cron"' in answer.text


async def test_editing_replaces_and_keeps_the_key(house: House, admin: Browser) -> None:
    await add_task(house, labels={"owner": "ops"})
    before = (await house.tasks.find(KEY)).task
    form = shown_form((await admin.get("/task/edit", **the_key())).text)
    answer = await admin.act("/task/edit", **{**form, "csrf": admin.csrf, "interval": "7"})
    assert answer.status == 303
    after = (await house.tasks.find(KEY)).task
    assert after.version == 2
    assert isinstance(after.spec.trigger, SimpleTrigger)
    assert after.spec.trigger.interval == timedelta(minutes=7)
    assert (after.spec.recall, after.spec.labels) == (before.spec.recall, {"owner": "ops"})


async def test_a_form_that_was_overtaken_is_refused(house: House, admin: Browser) -> None:
    await add_task(house)
    form = shown_form((await admin.get("/task/edit", **the_key())).text)
    changed = {**form, "csrf": admin.csrf, "note": "mine"}
    assert (await admin.act("/task/edit", **{**changed, "note": "first"})).status == 303
    answer = await admin.act("/task/edit", **changed)
    assert answer.status == 422
    assert "已被别人修改（现在是第 2 版）" in answer.text
    assert "mine" in answer.text
    assert (await house.tasks.find(KEY)).task.spec.note == "first"


async def test_actions_come_back_to_where_they_were_asked(house: House, admin: Browser) -> None:
    await add_task(house)
    answer = await admin.act("/task/pause", **the_key(next="/tasks?text=x"))
    assert answer.headers["Location"] == "/tasks?text=x&done=paused"
    assert (await house.tasks.find(KEY)).task.state is TaskState.PAUSED
    await admin.act("/task/resume", **the_key())
    assert (await house.tasks.find(KEY)).task.state is TaskState.ACTIVE
    answer = await admin.act("/task/run", **the_key(next="https://evil.example"))
    fires = (await house.tasks.fires(FireFilter(namespace="default"), PageRequest())).items
    (fire,) = [fire for fire in fires if fire.kind is FireKind.MANUAL]
    assert answer.headers["Location"] == f"/tasks?done=triggered&fire={fire.id}"


async def test_a_task_is_deleted_only_after_a_question(house: House, admin: Browser) -> None:
    await add_task(house)
    question = await admin.get("/task/delete", **the_key())
    assert "确定要删除" in question.text
    assert (await house.tasks.find(KEY)).task.key == KEY
    await admin.act("/task/delete", **the_key())
    with pytest.raises(TaskNotFound):
        await house.tasks.find(KEY)


async def test_what_strangers_sent_is_only_ever_text(house: House, admin: Browser) -> None:
    await add_task(house, note=HOSTILE)
    fire_id = await run_once(house)
    asked = [("/tasks", {}), ("/task", the_key()), ("/fires", {}), ("/fire", {"id": fire_id})]
    for path, query in asked:
        page = (await admin.get(path, **query)).text
        assert "<script>alert" not in page
        assert "对账 <b>" not in page
        assert not {"\x1b", "\u202e"} & set(page)


async def test_a_fires_page_tells_all(house: House, admin: Browser) -> None:
    await add_task(house)
    page = (await admin.get("/fire", id=await run_once(house))).text
    for part in (
        "执行失败，共尝试 1 次",
        "HTTP 状态码不是 2xx",
        "500",
        "40 毫秒",
        "node-1",
        "tasklogid",
    ):
        assert part in page
    assert r"\x1b[31m" in page


async def test_a_fire_outlives_its_task(house: House, admin: Browser) -> None:
    await add_task(house)
    fire_id = await run_once(house)
    await house.tasks.delete(KEY, ADMIN)
    page = await admin.get("/fire", id=fire_id)
    assert page.status == 200
    assert "任务已删除" in page.text


async def test_the_log_is_filtered_by_its_address(house: House, admin: Browser) -> None:
    await add_task(house)
    fire_id = await run_once(house)
    assert fire_id in (await admin.get("/fires", state=FireState.FAILED)).text
    assert fire_id in (await admin.get("/fires", **the_key())).text
    assert fire_id not in (await admin.get("/fires", state="succeeded")).text
    assert fire_id not in (await admin.get("/fires", to="2020-01-01T00:00")).text
    faulty = await admin.get("/fires", **{"from": "soon"})
    assert 'id="from-fault"' in faulty.text


async def test_long_lists_are_paged_by_their_address(house: House, admin: Browser) -> None:
    for n in range(51):
        await add_task(house, TaskKey(group="g", name=f"t{n:02}"))
    first = (await admin.get("/tasks", group="g")).text
    assert "t49" in first
    assert "t50" not in first
    following = re.search(r'rel="next" href="([^"]+)"', first)
    assert following is not None
    second = (await admin.get(unescape(following[1]))).text
    assert "t50" in second
    assert 'rel="next"' not in second
    assert 'href="/tasks?group=g">第一页' in second


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/nowhere", 404),
        ("/task?group=x&name=y", 404),
        ("/fire?id=x", 404),
        ("/tasks?cursor=x", 400),
        ("/setup?token=x", 403),
    ],
)
async def test_refusals_are_pages_in_the_readers_language(
    admin: Browser, path: str, status: int
) -> None:
    await admin.get("/lang", to="en")
    answer = await admin.get(path)
    assert answer.status == status
    assert '<html lang="en"' in answer.text
    assert "Back to the tasks" in answer.text


async def test_a_mistake_of_ours_is_a_page_without_a_traceback(
    house: House, admin: Browser, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(namespace: str) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(house.tasks, "groups", fail)
    answer = await admin.get("/tasks")
    assert answer.status == 500
    assert "secret detail" not in answer.text
    assert "secret detail" in caplog.text


async def test_unknown_addresses_stay_plain_for_machines(admin: Browser) -> None:
    answer = await admin.send("/nowhere", data={})
    assert answer.status == 404
    assert "<html" not in answer.text


async def test_language_and_theme_are_remembered(admin: Browser) -> None:
    answer = await admin.get("/lang", to="en", next="/fires?state=failed")
    assert answer.headers["Location"] == "/fires?state=failed"
    await admin.get("/theme", to="dark")
    page = (await admin.get("/fires")).text
    assert '<html lang="en" data-theme="dark">' in page
    await admin.get("/lang", to="xx")
    await admin.get("/theme", to="pink")
    assert '<html lang="en" data-theme="dark">' in (await admin.get("/fires")).text


async def test_an_ended_fire_is_sent_once_more_from_its_page(house: House, admin: Browser) -> None:
    await add_task(house)
    fire = await run_once(house)
    shown = (await admin.get("/fire", id=fire)).text
    assert 'action="/fire/replay"' in shown
    faulty = await admin.act("/fire/replay", id=fire, data='{"b": ')
    assert faulty.status == 422 and "{&#34;b&#34;: " in faulty.text
    sent = await admin.act("/fire/replay", id=fire, data='{"b": 5}')
    assert sent.status == 303
    new = sent.headers["Location"].split("id=")[1].split("&")[0]
    again = (await admin.get("/fire", id=new)).text
    assert fire in again and "&#34;b&#34;:5" in again
    assert 'action="/fire/replay"' not in again  # it is still under way
