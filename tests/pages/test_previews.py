"""The preview of a schedule: as a view, as the form again, and as the fragment that our script shows."""

from datetime import UTC, datetime, timedelta
from html import unescape
from zoneinfo import ZoneInfo

import pytest

from dispatchserver.domain.changing import Addition
from dispatchserver.domain.cron import CronExpression
from dispatchserver.domain.listing import PageRequest, TaskFilter
from dispatchserver.domain.recall import HttpRecall
from dispatchserver.domain.task import TaskKey, TaskSpec
from dispatchserver.domain.trigger import CronTrigger, SimpleTrigger
from dispatchserver.pages.previews import explained, preview
from dispatchserver.pages.words import Viewer
from tests.builders import a_task
from tests.pages.conftest import ADMIN, SHANGHAI, Browser, House

NOW = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
ZH, EN = Viewer(lang="zh", now=NOW), Viewer(lang="en", now=NOW)
HOUR = timedelta(hours=1)


def cron(text: str, zone: ZoneInfo = SHANGHAI) -> CronTrigger:
    return CronTrigger(expression=CronExpression.parse(text), zone=zone)


def asked(**changes: str) -> dict[str, str]:
    return {"trigger": "cron", "cron": "0 30 2 31 * ?", "zone": "Asia/Shanghai", **changes}


def test_a_schedule_is_shown_by_its_words_fires_rate_and_notices() -> None:
    shown = preview(cron("0 0 2 31 * ?"), ZH)
    assert shown.words == "每月 31 日 02:00"
    assert [turn.at.text for turn in shown.turns][:2] == [
        "2026-12-31 02:00:00",
        "2027-01-31 02:00:00",
    ]
    assert shown.rate == "当天触发 1 次，今后 365 天共 7 次"
    assert shown.notices == ["2 月、4 月、6 月、9 月、11 月没有 31 日，这 5 个月没有这次触发"]


def test_counted_runs_that_began_in_the_past_are_shown_as_they_would_begin_now() -> None:
    trigger = SimpleTrigger(start=NOW - 9 * HOUR, interval=HOUR, count=3, zone=SHANGHAI)
    shown = preview(trigger, EN)
    assert [turn.at.iso for turn in shown.turns] == [
        "2026-11-22T01:00:00Z",
        "2026-11-22T02:00:00Z",
        "2026-11-22T03:00:00Z",
    ]
    assert shown.notices == []


def test_one_fire_has_no_rate() -> None:
    assert preview(SimpleTrigger(start=NOW + HOUR, zone=SHANGHAI), EN).rate == ""


def test_a_task_that_nears_its_end_says_so() -> None:
    trigger = SimpleTrigger(start=NOW - HOUR, interval=HOUR, count=3, zone=SHANGHAI)
    assert explained(a_task(trigger), EN).notices == [
        "only 2 fires are left, the last one on 2026-11-22 10:00:00"
    ]


async def test_the_fragment_is_the_preview_alone(admin: Browser) -> None:
    answer = await admin.act("/tasks/preview", **asked(fragment="1"))
    assert (answer.status, "<html" in answer.text) == (200, False)
    assert "每月 31 日 02:30" in answer.text
    assert answer.text.count("<time ") == 10
    assert "这 5 个月没有这次触发" in answer.text


async def test_without_a_script_the_form_comes_again_with_all_that_was_typed(
    admin: Browser,
) -> None:
    answer = await admin.act("/tasks/preview", **asked(group="g", name="n", data="{"))
    assert answer.status == 200
    assert "每月 31 日 02:30" in answer.text
    assert 'value="0 30 2 31 * ?"' in answer.text
    assert 'action="/tasks/new"' in answer.text
    assert 'class="fault"' not in answer.text


async def test_faults_of_the_schedule_are_told_and_others_are_left_for_later(
    admin: Browser,
) -> None:
    fields = asked(cron="0 0 12 * *", zone="Mars", priority="high", url="x")
    fragment = await admin.act("/tasks/preview", **fields, fragment="1")
    assert (fragment.status, fragment.text.count('class="fault"')) == (200, 2)
    page = await admin.act("/tasks/preview", **fields)
    assert page.status == 422
    assert 'href="#cron"' in page.text
    assert 'href="#priority"' not in page.text


async def test_a_missing_expression_is_no_fault_while_one_types(admin: Browser) -> None:
    answer = await admin.act("/tasks/preview", **asked(cron="", fragment="1"))
    assert 'class="fault"' not in answer.text
    assert "填写带 * 的内容后" in answer.text


async def test_what_was_typed_is_only_ever_text(admin: Browser) -> None:
    hostile = "<script>alert(1)</script>"
    answer = await admin.act("/tasks/preview", **asked(cron=hostile, zone=hostile, fragment="1"))
    assert "<script" not in answer.text.lower()
    assert "alert(1)" in unescape(answer.text).lower()


@pytest.mark.parametrize("script", [True, False])
async def test_a_preview_keeps_nothing(house: House, admin: Browser, script: bool) -> None:
    await admin.act(
        "/tasks/preview", **asked(group="g", name="n", **({"fragment": "1"} if script else {}))
    )
    page = await house.tasks.list(TaskFilter(namespace="default"), PageRequest(limit=5))
    assert page.items == ()


async def test_a_preview_asks_for_a_session_and_its_token(house: House, admin: Browser) -> None:
    assert (await admin.post("/tasks/preview", asked(fragment="1"))).status == 403
    async with Browser.open(house) as stranger:
        assert (await stranger.act("/tasks/preview", **asked(fragment="1"))).status == 403


async def test_a_new_form_shows_what_its_first_values_mean(admin: Browser) -> None:
    assert "每 5 分钟一次" in (await admin.get("/tasks/new")).text


async def test_the_form_of_a_task_previews_it_as_that_task(house: House, admin: Browser) -> None:
    key, spec = TaskKey(group="g", name="n"), TaskSpec(trigger=cron("0 0 2 31 * ?"), recall=RECALL)
    task = await house.tasks.add(Addition(key=key, spec=spec, at=house.clock.now()), ADMIN)
    form = await admin.get("/task/edit", group="g", name="n")
    assert "每月 31 日 02:00" in form.text
    fields = asked(group="g", name="n", version=task.revision)
    answer = await admin.act("/tasks/preview", **fields)
    assert 'action="/task/edit"' in answer.text
    assert "每月 31 日 02:30" in answer.text
    shown = await admin.get("/task", group="g", name="n")
    assert "这 5 个月没有这次触发" in shown.text


RECALL = HttpRecall(url="http://10.0.0.7/settle")
