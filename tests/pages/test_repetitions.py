"""Retries, overlap and concurrency keys: on the form, on the task's page, and in what is told of a fire."""

import re
from dataclasses import replace
from datetime import timedelta
from html import unescape

import pytest
from hypothesis import given, settings

from dispatchserver.domain.concurrency import BusyRule, ConcurrencyKey, Overlap, OverlapRule
from dispatchserver.domain.errors import Refused
from dispatchserver.domain.fire import Fire, FireState, Reason, Turn
from dispatchserver.domain.retrypolicy import UNASKED, Backoff, Delays, Failure, Retry
from dispatchserver.domain.task import Policies, Task, TaskKey
from dispatchserver.engine.executor import Limits
from dispatchserver.engine.tasks import FireHistory
from dispatchserver.pages.facts import rule_facts
from dispatchserver.pages.fields import blank_fields, task_fields
from dispatchserver.pages.fireviews import fire_page, fire_row
from dispatchserver.pages.forms import TaskForm
from dispatchserver.pages.formviews import Setting, form_view
from dispatchserver.pages.words import Viewer
from tests.builders import NOON, UTC_ZONE, a_fire, a_task, at
from tests.documents.test_policies import all_policies
from tests.pages.conftest import Browser, House, shown_form

KEY = TaskKey(group="demo", name="repeated")
EN, ZH = Viewer(lang="en", now=NOON), Viewer(lang="zh", now=NOON)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
LISTED = Retry(pauses=Delays(spans=(timedelta(milliseconds=300), 5 * SECOND, MINUTE)))
GROWN = Retry(
    pauses=Backoff(most=5, base=2 * SECOND, factor=1.5),
    on=frozenset({Failure.NOT_SENT, Failure.BUSY}),
    max_age=timedelta(hours=1),
)


def read(task: Task | None = None, **fields: str) -> Policies:
    usual = {"group": "g", "name": "n", "interval": "5", "url": "http://h.test/"}
    return TaskForm(usual | fields, UTC_ZONE, NOON, task).read().spec.policies


@settings(deadline=None)
@given(all_policies)
def test_whatever_a_task_has_is_the_same_after_an_edit_that_changes_nothing(
    policies: Policies,
) -> None:
    task = a_task(policies=policies)
    sent = {name: value for name, value in task_fields(task).items() if value}
    assert read(task, **sent) == policies


@pytest.mark.parametrize(
    ("fields", "retry"),
    [
        ({}, UNASKED),
        ({"retry": "never"}, Retry(pauses=Backoff(most=0))),
        ({"retry": "delays", "retry_delays": "300ms, 5s，1m"}, LISTED),
        ({"retry": "backoff"}, Retry()),
        (
            {"retry": "backoff", "retry_max": "5", "retry_base": "2s", "retry_factor": "1.5"},
            Retry(pauses=Backoff(most=5, base=2 * SECOND, factor=1.5)),
        ),
    ],
)
def test_a_new_form_says_every_kind_of_retry(fields: dict[str, str], retry: Retry) -> None:
    assert read(**blank_fields() | {"group": "g", "name": "n"} | fields).retry == retry


def test_a_name_makes_a_key_and_without_one_there_is_none() -> None:
    assert read(key_limit="3", key_busy="skip").concurrency is None
    key = ConcurrencyKey(name="db", limit=3, busy=BusyRule.SKIP)
    assert read(key_name="db", key_limit="3", key_busy="skip").concurrency == key
    assert read(key_name="db").concurrency == ConcurrencyKey(name="db")


FAULTS = [
    ({"retry": "delays"}, "retry_delays", "required"),
    ({"retry": "delays", "retry_delays": "5s, soon"}, "retry_delays", "soon must be a duration"),
    ({"retry": "delays", "retry_delays": "5s, 2d"}, "retry_delays", "2d must be at least 50 ms"),
    ({"retry": "delays", "retry_delays": "1s " * 21}, "retry_delays", "1 to 20 pauses"),
    ({"retry": "backoff", "retry_max": "21"}, "retry_max", "0 (never again) to 20"),
    ({"retry": "backoff", "retry_base": "1ms"}, "retry_base", "at least 50 ms"),
    ({"retry": "backoff", "retry_factor": "nan"}, "retry_factor", "from 1 to 10"),
    ({"retry": "backoff", "retry_factor": "x"}, "retry_factor", "must be a number"),
    ({"retry": "backoff", "retry_cap": "1s"}, "retry_cap", "shorter than the first pause"),
    ({"retry": "backoff", "retry_age": "8d"}, "retry_age", "7 days"),
    ({"retry": "backoff", "retry_on_busy": ""}, "retry_on", "choose at least one"),
    ({"retry": "kept"}, "retry", "usual, never, delays, backoff"),
    ({"overlap": "sometimes"}, "overlap", "cancel_previous"),
    ({"overlap": "queue_all", "overlap_max": "0"}, "overlap_max", "from 1 to 1000"),
    ({"key_name": "x" * 201}, "key_name", "1 to 200"),
    ({"key_name": "db", "key_limit": "0"}, "key_limit", "from 1 to 1000"),
    ({"key_name": "db", "key_busy": "run"}, "key_busy", "queue, skip, fail"),
]


@pytest.mark.parametrize(("fields", "field", "words"), FAULTS, ids=[str(f) for f, _, _ in FAULTS])
def test_a_fault_stands_at_its_field_and_opens_its_fold(
    fields: dict[str, str], field: str, words: str
) -> None:
    with pytest.raises(Refused) as refused:
        read(**{"retry_on_busy": "1"} | fields)
    view = form_view(fields, refused.value, Setting(kept=None, limits=Limits()), EN)
    assert list(view.faults) == [field]
    assert words in view.faults_of(field)[0]
    assert view.opened("retries" if field.startswith("retry") else "overlap")


def test_the_folds_are_open_where_something_is_set() -> None:
    def opened(**policies: object) -> tuple[bool, bool]:
        task = a_task(policies=replace(Policies(), **policies))
        view = form_view(task_fields(task), None, Setting(kept=task, limits=Limits()), EN)
        return view.opened("retries"), view.opened("overlap")

    assert opened() == (False, False)
    assert opened(retry=LISTED) == (True, False)
    assert opened(overlap=Overlap(rule=OverlapRule.SKIP)) == (False, True)
    assert opened(concurrency=ConcurrencyKey(name="db")) == (False, True)


@pytest.mark.parametrize(
    ("retry", "words"),
    [
        (Retry(pauses=Backoff(jitter=0.2)), "; up to 20% shorter at random; when: nothing was"),
        (Retry(on=frozenset({"busy", "404"})), "5xx, HTTP 404; given up after 1 d"),
    ],
)
def test_what_the_form_cannot_say_is_told_kept_and_can_be_replaced(
    retry: Retry, words: str
) -> None:
    task = a_task(policies=Policies(retry=retry))
    fields = task_fields(task)
    view = form_view(fields, None, Setting(kept=task, limits=Limits()), EN)
    assert view.choices["retry"][-1] == "kept" and words in view.kept["retry"]
    assert read(task, **fields).retry == retry
    assert read(task, **fields | {"retry": "never"}).retry == Retry(pauses=Backoff(most=0))


def told(policies: Policies, viewer: Viewer) -> dict[str, str]:
    """What the task's page says of the policies, by the names of their fields."""
    facts = rule_facts(a_task(policies=policies), viewer)
    return {fact.label: fact.value for fact in facts if re.search("retry|overlap|key", fact.label)}


def test_a_task_s_page_tells_what_is_usual() -> None:
    assert told(Policies(), EN) == {
        "form.retry.label": "only when nothing was sent (default)",
        "form.overlap.label": "run both (default)",
    }
    assert told(Policies(retry=Retry(pauses=Backoff(most=0))), ZH)["form.retry.label"] == "从不重试"


def test_a_task_s_page_tells_pauses_causes_and_keys_in_both_languages() -> None:
    policies = Policies(
        retry=GROWN,
        overlap=Overlap(rule=OverlapRule.QUEUE_ALL, waiting=7),
        concurrency=ConcurrencyKey(name="db", limit=2, busy=BusyRule.FAIL),
    )
    assert list(told(policies, EN).values()) == [
        "5 times at most, after 2 s, then 1.5 times as long each time, up to 1 h;"
        " up to 50% shorter at random",
        "nothing was sent, busy: 408, 425, 429, 5xx",
        "1 h",
        "all wait their turn, at most 7",
        "db: 2 at the same time; when it is taken: fail the run",
    ]
    assert list(told(policies, ZH).values()) == [
        "最多 5 次，首次间隔 2 秒，每次为上次的 1.5 倍，最长 1 小时；随机缩短，最多 50%",
        "没有发出、繁忙：408、425、429、5xx",
        "1 小时",
        "全部排队，最多 7 次",
        "db：最多 2 次同时执行；被占用时这一次算失败",
    ]
    listed = told(Policies(retry=LISTED), EN)["form.retry.label"]
    assert listed == "3 times at most, after 300 ms, 5 s, 1 min"


def explained(fire: Fire, viewer: Viewer = EN, retry: Retry | None = None) -> str:
    history = FireHistory(fire=fire, attempts=(), recall=None)
    return fire_page(history, UTC_ZONE, viewer, retry).explanation


@pytest.mark.parametrize(
    ("turn", "log", "page"),
    [
        (Turn.BEHIND_TASK, "waits for the earlier run to end", "one waits for it to end."),
        (Turn.BEHIND_KEY, "waits for the key db", "Other runs hold the concurrency key db"),
        (Turn.ASKS_KEY, "", "waits for a free slot"),
    ],
)
def test_a_fire_that_waits_its_turn_says_behind_whom(turn: Turn, log: str, page: str) -> None:
    fire = a_fire(turn=turn, key_name="db")
    assert fire_row(fire, UTC_ZONE, EN).reason == log
    assert page in explained(fire)
    ended = replace(fire, state=FireState.SKIPPED, reason=Reason.OVERLAP)
    assert "earlier call" in fire_row(ended, UTC_ZONE, EN).reason


def test_a_repetition_says_which_it_is_when_and_until_when() -> None:
    fire = a_fire(attempts=1, run_at=at(5), give_up_at=at(3600), reason=Reason.TIMEOUT)
    assert explained(fire, EN, LISTED) == (
        "The last attempt did not succeed. Attempt 2 of 4 is next, at 2026-03-04 12:00:05 +00:00."
        " After 2026-03-04 13:00:00 +00:00 it is given up. Reason: no reply in time."
    )
    assert "下一次是第 2 次（共 4 次），在 2026-03-04 12:00:05" in explained(fire, ZH, LISTED)
    assert "Attempt 2 is next" in explained(fire)
    assert fire_row(fire, UTC_ZONE, EN).reason == "no reply in time; next attempt in 5 s"


def test_attempts_that_were_lost_leave_the_others_to_come() -> None:
    fire = a_fire(attempts=2, losses=1, run_at=at(5))
    assert "Attempt 3 of 5 is next" in explained(fire, EN, LISTED)
    assert fire_page(FireHistory(fire=fire, attempts=(), recall=None), UTC_ZONE, EN).losses == 1


async def test_policies_set_on_the_form_stand_on_every_page_and_survive_an_edit(
    house: House, admin: Browser
) -> None:
    admin.set_cookie("lang", "en")
    fields = shown_form((await admin.get("/tasks/new")).text)
    named = {"group": KEY.group, "name": KEY.name, "url": "http://h.test/"}
    policies = {"retry": "delays", "retry_delays": "300ms, 5s, 1m", "overlap": "queue_one"}
    answer = await admin.act("/tasks/new", **fields | named | policies | {"key_name": "db"})
    assert answer.status == 303
    made = (await house.tasks.find(KEY)).task
    assert (made.spec.policies.retry, made.spec.policies.overlap.rule) == (LISTED, "queue_one")
    page = unescape((await admin.get("/task", group=KEY.group, name=KEY.name)).text)
    assert "3 times at most, after 300 ms, 5 s, 1 min" in page and "db: 1 at the same" in page
    edit = await admin.get("/task/edit", group=KEY.group, name=KEY.name)
    assert (await admin.act("/task/edit", **shown_form(edit.text))).status == 303
    assert (await house.tasks.find(KEY)).task.spec.policies == made.spec.policies
