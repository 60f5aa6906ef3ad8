"""View models: words, moments and states, without a server."""

import re
import string
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from dispatchserver.domain.cron import CronExpression
from dispatchserver.domain.fire import (
    Attempt,
    Decision,
    Delivery,
    Fire,
    FireKind,
    FireState,
    MissedRun,
    Outcome,
    Reason,
    Verdict,
)
from dispatchserver.domain.listing import TaskStatus
from dispatchserver.domain.recall import HttpRecall
from dispatchserver.domain.task import Task, TaskKey, TaskSpec, TaskState
from dispatchserver.domain.trigger import CronTrigger, SimpleTrigger
from dispatchserver.engine.tasks import FireHistory
from dispatchserver.messages import catalog
from dispatchserver.pages.choices import CHOICES
from dispatchserver.pages.fireviews import fire_page, fire_row
from dispatchserver.pages.formviews import ORDER
from dispatchserver.pages.queries import link, local, read_fire_query, with_params, without
from dispatchserver.pages.views import group_links, schedule, task_row
from dispatchserver.pages.words import Viewer, visible

NOW = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
SHANGHAI = ZoneInfo("Asia/Shanghai")
ZH, EN = Viewer(lang="zh", now=NOW), Viewer(lang="en", now=NOW)
ROOT = Path(__file__).parent.parent.parent
KEY = TaskKey(group="结算", name="对账")


def every(**span: float) -> SimpleTrigger:
    return SimpleTrigger(start=NOW, interval=timedelta(**span), count=None, zone=SHANGHAI)


def a_status(state: TaskState = TaskState.ACTIVE, **changes: object) -> TaskStatus:
    recall = HttpRecall(url="http://10.0.0.7:8080/settle?token=secret")
    spec = TaskSpec(trigger=every(minutes=10), recall=recall, priority=9)
    task = Task(
        id="t1",
        key=KEY,
        version=1,
        state=state,
        spec=spec,
        next_fire_at=NOW + timedelta(minutes=20),
        created_at=NOW,
        updated_at=NOW,
    )
    return TaskStatus(task=task, **changes)  # type: ignore[arg-type]


def a_fire(state: FireState = FireState.FAILED, **changes: object) -> Fire:
    return Fire(
        id="f" * 32,
        task_id="t1",
        key=KEY,
        version=1,
        kind=FireKind.SCHEDULED,
        priority=0,
        due_at=NOW,
        run_at=NOW,
        state=state,
        **changes,  # type: ignore[arg-type]
    )


def test_a_moment_is_shown_in_the_zones_clock_time_with_its_offset() -> None:
    moment = ZH.moment(NOW + timedelta(minutes=12), SHANGHAI)
    assert (moment.text, moment.offset) == ("2026-11-22 09:12:00", "+08:00")
    assert (moment.iso, moment.away) == ("2026-11-22T01:12:00Z", "12 分钟后")
    precise = EN.moment(NOW - timedelta(milliseconds=500), SHANGHAI, precise=True)
    assert (precise.text, precise.offset, precise.away) == (
        "2026-11-22 08:59:59.500",
        "+08:00",
        "now",
    )


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(seconds=59), "in 59 s"),
        (timedelta(minutes=-3), "3 min ago"),
        (timedelta(hours=47), "in 47 h"),
        (timedelta(hours=48), "in 2 d"),
    ],
)
def test_how_far_away_in_words(span: timedelta, words: str) -> None:
    assert EN.away(NOW + span) == words


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(milliseconds=80), "80 ms"),
        (timedelta(milliseconds=1250), "1.25 s"),
        (timedelta(seconds=5), "5 s"),
        (timedelta(seconds=185), "3 min 5 s"),
        (timedelta(hours=1), "1 h"),
        (timedelta(days=30), "30 d"),
    ],
)
def test_a_duration_in_words(span: timedelta, words: str) -> None:
    assert EN.span(span) == words


def test_a_schedule_is_told_in_words_and_as_its_expression() -> None:
    counted = SimpleTrigger(start=NOW, interval=timedelta(hours=1), count=24, zone=SHANGHAI)
    cron = CronTrigger(expression=CronExpression.parse("0 0 2 * * ?"), zone=SHANGHAI)
    assert schedule(every(seconds=90), ZH).words == "自 2026-11-22 09:00:00 起每 90 秒一次"
    assert schedule(counted, EN).words.endswith("24 times in all")
    assert (
        schedule(SimpleTrigger(start=NOW, zone=SHANGHAI), EN).words
        == "once, on 2026-11-22 09:00:00"
    )
    assert schedule(cron, EN).words == "every day at 02:00"
    assert (schedule(cron, EN).expression, schedule(cron, EN).zone) == (
        "0 0 2 * * ?",
        "Asia/Shanghai",
    )


def test_a_row_names_the_target_without_its_query() -> None:
    assert task_row(a_status(), ZH).address == "10.0.0.7:8080/settle"


def test_the_next_fire_is_the_earlier_of_what_is_planned_and_what_follows() -> None:
    row = task_row(a_status(), ZH)
    assert row.next is not None
    assert row.next.away == "10 分钟后"
    assert task_row(a_status(TaskState.PAUSED), ZH).next is None


def test_the_last_result_leads_to_its_fire() -> None:
    status = a_status(last_fire_id="a" * 32, last_state=FireState.FAILED, last_finished_at=NOW)
    last = task_row(status, ZH).last
    assert last is not None
    assert last.url == "/fire?id=" + "a" * 32
    assert (last.badge.tone, last.badge.word) == ("bad", "失败")


def test_groups_keep_the_other_filters() -> None:
    links = group_links([("结算", 2), ("巡检", 1)], {"group": "巡检", "text": "x", "state": ""})
    assert [(g.name, g.count, g.current) for g in links] == [
        ("", 3, False),
        ("结算", 2, False),
        ("巡检", 1, True),
    ]
    assert links[0].url == "/tasks?text=x"


def test_lateness_is_told_from_a_second_on() -> None:
    on_time = a_fire(claimed_at=NOW + timedelta(milliseconds=900), attempts=1)
    late = a_fire(claimed_at=NOW + timedelta(seconds=75), attempts=1)
    assert fire_row(on_time, SHANGHAI, EN).late == ""
    assert fire_row(late, SHANGHAI, EN).late == "1 min 15 s"


def test_a_fire_is_explained_in_words() -> None:
    held = a_fire(FireState.PENDING, held=True)
    retried = a_fire(FireState.PENDING, attempts=2, reason=Reason.CONNECT)
    failed = a_fire(attempts=4, reason=Reason.TIMEOUT)
    texts = [fire_page(history(fire), SHANGHAI, EN).explanation for fire in (held, retried, failed)]
    assert texts[0].startswith("The task is paused")
    assert "Attempt 3 is next" in texts[1]
    assert texts[2] == "It failed. Attempts: 4. Reason: no reply in time."


def history(fire: Fire, *attempts: Attempt, recall: HttpRecall | None = None) -> FireHistory:
    return FireHistory(fire=fire, attempts=attempts, recall=recall)


def test_outcome_and_verdict_stay_apart_and_hostile_replies_are_harmless() -> None:
    outcome = Outcome(
        delivery=Delivery.ANSWERED, status=500, body=b"\x1b[31m<b>\xff\xe2\x80\xae", connect_ms=3
    )
    verdict = Verdict(decision=Decision.FAILURE, reason=Reason.STATUS)
    attempt = Attempt(
        fire_id="f",
        number=1,
        node="n1",
        started_at=NOW,
        ended_at=NOW + timedelta(milliseconds=40),
        outcome=outcome,
        verdict=verdict,
    )
    page = fire_page(history(a_fire(), attempt, recall=HttpRecall(url="http://h/")), SHANGHAI, EN)
    (view,) = page.attempts
    assert view.reply == "\\x1b[31m<b>\\xff\\u202e"
    assert (view.delivery, view.connect, view.duration) == ("answered", "3 ms", "40 ms")
    assert (view.verdict.word, view.verdict_reason) == ("failed", "HTTP status not 2xx")
    assert page.body == '{"data":null,"tasklogid":"' + "f" * 32 + '"}'


def test_missed_runs_are_told_with_their_range() -> None:
    missed = MissedRun(first=NOW, last=NOW + timedelta(hours=1), count=7)
    text = fire_page(history(a_fire(FireState.SKIPPED, missed=missed)), SHANGHAI, EN).missed
    assert "7 missed runs" in text
    assert "2026-11-22 10:00:00 +08:00" in text


def test_unseen_characters_are_shown_and_long_texts_cut() -> None:
    assert visible("a\tb\nc\x00\u200b\U000e0001") == "a\tb\nc\\x00\\u200b\\U000e0001"
    assert visible("abcdef", 3) == "abc…"


@pytest.mark.parametrize(
    "hostile",
    ["https://evil", "//evil", "/\\evil", "/a\\b", "javascript:x", "/a\r\nX: y", "", None, "/\tx"],
)
def test_nobody_is_led_to_another_server(hostile: str | None) -> None:
    assert local(hostile) == "/tasks"


def test_addresses_keep_what_they_say() -> None:
    assert link("/task", group="结算", name="a&b", cursor=None) == (
        "/task?group=%E7%BB%93%E7%AE%97&name=a%26b"
    )
    assert with_params("/tasks?text=x&done=old", done="new") == "/tasks?text=x&done=new"
    assert without("/tasks?text=x&done=old", "done") == "/tasks?text=x"
    assert local("/tasks?text=x") == "/tasks?text=x"


def test_the_log_filter_reads_clock_times_of_its_zone() -> None:
    wanted, query = read_fire_query({"from": "2026-11-22T09:00", "to": "soon"}, SHANGHAI)
    assert wanted.since == NOW
    assert set(query.faults) == {"to"}


def spoken(text: str) -> set[str]:
    return set(re.findall(r"""\bt\(\s*["']([a-z_0-9.]+)["'](?!\s*~)""", text))


def test_every_word_of_the_templates_is_in_the_catalogs() -> None:
    texts = [file.read_text("utf-8") for file in (ROOT / "templates").glob("*.html")]
    keys = set().union(*map(spoken, texts))
    words = {"after_unit": "unit", "delay_unit": "unit"}
    keys |= {
        f"form.{words.get(name, name)}.{choice}"
        for name, choices in CHOICES.items()
        for choice in choices
    }
    keys |= {f"form.{name}.label" for name in ORDER}
    each = ("trigger", "dialect")
    keys |= {f"form.{name}.hint.{choice}" for name in each for choice in CHOICES[name]}
    bare = {"version", "cron", "closes", *each, *(name for name in ORDER if name.endswith("unit"))}
    keys |= {f"form.{name}.hint" for name in ORDER if name not in bare}
    assert len(keys) > 150
    assert keys - set(catalog("zh")) == set()


def test_templates_speak_only_through_the_catalogs() -> None:
    for file in (ROOT / "templates").glob("*.html"):
        text = file.read_text("utf-8")
        assert not re.search(r"[\u3000-\u9fff\uff00-\uffef]", text), file.name
        bare = re.sub(r"{%.*?%}|{{.*?}}|<pre.*?</pre>|<code>.*?</code>", " ", text, flags=re.S)
        outside = re.sub(r"<[^>]*>|[a-z-]+=\"[^\"]*\"", " ", bare)
        assert set(outside) <= set(string.whitespace + string.punctuation + "—·"), file.name


def test_templates_hold_no_inline_script_or_style() -> None:
    for file in (ROOT / "templates").glob("*.html"):
        text = file.read_text("utf-8")
        assert not re.search(
            r"\|\s*safe|Markup|\son\w+=|<style|style=|<script(?! type=\"module\" src=)", text
        ), file.name
