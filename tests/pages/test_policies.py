"""Policies and calendars on the form, in the preview and on the task's page."""

import re
from dataclasses import replace
from datetime import date, timedelta
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatchserver.domain.calendar import DateRange, Edition, Shift
from dispatchserver.domain.calendarspec import Absence, CalendarKey, CalendarSpec
from dispatchserver.domain.changing import Addition
from dispatchserver.domain.daychoice import weekly
from dispatchserver.domain.errors import Invalid, Refused
from dispatchserver.domain.misfirepolicy import (
    FireAll,
    FireOnce,
    Instruction,
    QuartzMisfire,
    SkipMissed,
)
from dispatchserver.domain.planning import plan
from dispatchserver.domain.task import (
    DEFAULT_NAMESPACE,
    Policies,
    Task,
    TaskKey,
    TaskSpec,
    TaskState,
)
from dispatchserver.domain.triggers import Trigger
from dispatchserver.engine.executor import Limits
from dispatchserver.pages.facts import schedule_facts
from dispatchserver.pages.fields import blank_fields, task_fields
from dispatchserver.pages.forms import TaskForm
from dispatchserver.pages.formviews import Setting, form_view
from dispatchserver.pages.policyfields import misfire_words
from dispatchserver.pages.previews import awaited, preview
from dispatchserver.pages.words import Viewer
from tests.builders import NOON, RECALL, UTC_ZONE, a_task, an_attempt, cron, every
from tests.pages.conftest import ADMIN, Browser, House, shown_form
from tests.shapes import a_window, after_runs, every_n_days, union, unix

KEY = TaskKey(group="demo", name="ruled")
EN = Viewer(lang="en", now=NOON)
MINUTES = st.integers(0, 1440).map(lambda n: timedelta(minutes=n))
SECONDS = st.integers(1, 3600).map(lambda n: timedelta(seconds=n))
POLICIES = st.builds(
    Policies,
    connect_timeout=st.none() | SECONDS,
    first_byte_timeout=st.none() | st.just(timedelta(seconds=1)),
    total_timeout=st.none() | SECONDS,
    report_timeout=st.none() | SECONDS,
    misfire=st.sampled_from([FireOnce(), SkipMissed()])
    | st.builds(FireAll, limit=st.integers(1, 100), spacing=SECONDS),
    misfire_grace=MINUTES,
    spread=st.none() | SECONDS,
    calendar=st.just("cn"),
    shift=st.sampled_from(Shift),
)


def read(task: Task | None = None, **fields: str) -> Policies:
    fields = {"group": "g", "name": "n", "url": "http://h.test/"} | fields
    return TaskForm(blank_fields() | fields, UTC_ZONE, NOON, task).read().spec.policies


@given(POLICIES)
def test_policies_sent_back_unchanged_are_the_same(policies: Policies) -> None:
    task = a_task(policies=policies)
    assert read(task, **task_fields(task)) == policies


def test_what_a_new_form_says_of_policies_is_the_usual() -> None:
    assert read() == Policies()
    assert read(misfire="fire_all").misfire == FireAll()


def test_every_fault_of_a_policy_stands_at_its_field() -> None:
    with pytest.raises(Refused) as refused:
        read(
            misfire="fire_all",
            misfire_max="101",
            misfire_spacing="2h",
            misfire_grace="25h",
            spread="0",
            calendar="a/b",
            shift="x",
        )
    assert {fault.field: fault.code for fault in refused.value.faults} == {
        "misfire_max": "fault.range",
        "misfire_spacing": "trigger.misfire_spacing",
        "misfire_grace": "trigger.misfire_grace",
        "spread": "trigger.spread",
        "calendar": "calendar.name",
    }
    with pytest.raises(Refused):
        read(misfire="kept")


def test_a_policy_that_the_form_cannot_say_is_kept_and_can_be_replaced() -> None:
    task = a_task(policies=replace(Policies(), misfire=QuartzMisfire(Instruction.FIRE_NOW)))
    fields = task_fields(task)
    assert read(task, **fields).misfire == QuartzMisfire(Instruction.FIRE_NOW)
    assert read(task, **fields | {"misfire": "skip"}).misfire == SkipMissed()
    view = form_view(fields, None, Setting(kept=task, limits=Limits()), EN)
    assert view.choices["misfire"][-1] == "kept" and "FIRE_NOW" in view.kept["misfire"]


def test_a_fold_is_open_where_it_holds_a_value_or_a_fault() -> None:
    def opened(refused: Refused | None = None, **fields: str) -> list[bool]:
        view = form_view(blank_fields() | fields, refused, Setting(kept=None, limits=Limits()), EN)
        return [view.opened("clock"), view.opened("limits")]

    assert opened() == [False, False]
    assert opened(dst="skip") == [True, False]
    assert opened(spread="10m") == [False, True]
    with pytest.raises(Refused) as refused:
        read(spread="x")
    assert opened(refused.value) == [False, True]


def test_a_missed_run_in_words() -> None:
    words = misfire_words(FireAll(limit=3, spacing=timedelta(seconds=5)), EN)
    assert words == "run each of them, at most 3, 5 s apart"


def workdays() -> CalendarSpec:
    """Weekends off, and 5 and 6 March 2026; Saturday the 7th is worked."""
    off = DateRange(date(2026, 3, 5), date(2026, 3, 6))
    return CalendarSpec(
        weekdays=(6, 7), excluded=(Absence(off, "rest"),), working=(date(2026, 3, 7),)
    )


def told(trigger: Trigger, shift: Shift) -> list[tuple[str, str, bool]]:
    """The next turns by day and hour, with what the calendar does to them."""
    shown = preview(trigger, EN, Edition("cn", 1, workdays().calendar()), shift)
    return [(turn.at.text[8:16], turn.note, turn.excluded) for turn in shown.turns]


def test_the_preview_tells_what_a_calendar_leaves_out() -> None:
    assert told(cron("0 0 9 * * ?"), Shift.SKIP)[:4] == [
        ("05 09:00", "until 2026-03-06 09:00:00: 2 times on days off, no run", True),
        ("07 09:00", "", False),
        ("08 09:00", "day off: no run", True),
        ("09 09:00", "", False),
    ]


def test_the_preview_tells_what_a_calendar_moves() -> None:
    assert told(cron("0 0 9 8 * ?"), Shift.NEXT)[:2] == [
        ("08 09:00", "day off: no run", True),
        ("09 09:00", "moved from 2026-03-08", False),
    ]


def test_a_calendar_that_leaves_nothing_is_refused() -> None:
    with pytest.raises(Invalid, match="leaves_nothing"):
        told(cron("0 0 9 ? * SUN"), Shift.SKIP)


async def put_calendar(house: House, name: str = "cn", spec: CalendarSpec | None = None) -> None:
    key = CalendarKey(namespace=DEFAULT_NAMESPACE, name=name)
    await house.calendars.put(key, spec or workdays(), ADMIN)


def form(**fields: str) -> dict[str, str]:
    named = {"group": KEY.group, "name": KEY.name, "url": "http://h.test/"}
    return blank_fields() | named | {"trigger": "days", "days": "1"} | fields


async def test_calendars_are_offered_and_the_task_is_made_under_the_chosen_one(
    house: House, admin: Browser
) -> None:
    await put_calendar(house)
    page = await admin.get("/tasks/new")
    assert '<option value="cn">cn</option>' in page.text
    answer = await admin.act("/tasks/new", **form(calendar="cn", shift="next_working_day"))
    assert answer.status == 303
    task = (await house.tasks.find(KEY)).task
    assert (task.spec.policies.calendar, task.spec.policies.shift) == ("cn", Shift.NEXT)
    shown = await admin.get("/task", group=KEY.group, name=KEY.name)
    assert '<a href="/calendar?name=cn">cn（第 1 版）</a>' in shown.text
    assert "顺延到下一个工作日" in shown.text
    assert "休息日，不执行" in shown.text
    edit = await admin.get("/task/edit", group=KEY.group, name=KEY.name)
    assert '<option value="cn" selected>cn</option>' in edit.text
    assert "按日历 cn，遇休息日顺延到下一个工作日。" in edit.text


async def test_an_unknown_calendar_is_a_fault_at_its_field_and_stays_chosen(
    house: House, admin: Browser
) -> None:
    await put_calendar(house)
    for path in ("/tasks/new", "/tasks/preview"):
        page = await admin.act(path, **form(calendar="cm"))
        assert page.status == 422
        assert 'href="#calendar"' in page.text
        assert "没有名为 cm 的日历；是不是 cn？" in page.text
        assert '<option value="cm" selected>cm</option>' in page.text


async def test_a_calendar_under_which_nothing_fires_is_a_fault_at_its_field(
    house: House, admin: Browser
) -> None:
    await put_calendar(house, "never", CalendarSpec(weekdays=(7,)))
    sundays = form(trigger="cron", cron="0 0 9 ? * SUN", calendar="never")
    for path in ("/tasks/new", "/tasks/preview"):
        page = await admin.act(path, **sundays)
        assert (page.status, 'href="#calendar"' in page.text) == (422, True)
    fragment = await admin.act("/tasks/preview", **sundays, fragment="1")
    assert "使用这个日历后任务永远不会触发" in fragment.text


async def test_a_delay_after_runs_takes_no_calendar(house: House, admin: Browser) -> None:
    await put_calendar(house)
    answer = await admin.act("/tasks/new", **form(trigger="delay", calendar="cn"))
    assert answer.status == 303
    assert (await house.tasks.find(KEY)).task.spec.policies.calendar is None


async def test_a_whole_month_of_ticks_is_not_too_many_fields(admin: Browser) -> None:
    ticks = {f"monthday{n}": "1" for n in range(32)} | {f"weekday{n}": "1" for n in range(1, 8)}
    page = await admin.get("/tasks/new")
    fields = shown_form(page.text) | form(trigger="window", nth_unit="month", **ticks)
    assert (await admin.act("/tasks/new", **fields)).status == 303


async def show(house: House, admin: Browser, trigger: Trigger, lang: str = "en") -> str:
    spec = TaskSpec(trigger=trigger, recall=RECALL)
    await house.tasks.add(Addition(key=KEY, spec=spec, at=house.clock.now()), ADMIN)
    return await shown(admin, lang)


async def shown(admin: Browser, lang: str = "en") -> str:
    """The task's page as text."""
    admin.set_cookie("lang", lang)
    page = unescape((await admin.get("/task", group=KEY.group, name=KEY.name)).text)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page[page.index("<main") :]))


async def test_a_task_that_goes_on_after_each_run_says_when(house: House, admin: Browser) -> None:
    now = house.clock.now()
    page = await show(house, admin, after_runs(600, first=now))
    assert "10 minutes after each run ends" in page
    assert "Delay after a run 10 min" in page
    soon = now + timedelta(seconds=1)
    (task,) = await house.store.due_tasks(soon, 10)
    await house.store.record_plans([plan(task, soon, soon)])
    assert (await shown(admin)).count("10 min after the current run ends") == 2
    assert "will not run again" not in await shown(admin)
    assert "10 min after the current run ends" in (await admin.get("/tasks")).text
    (work,) = (await house.store.claim("node", soon, 1, soon + timedelta(hours=1))).assignments
    await house.store.settle(work.fire, an_attempt(work.fire, now=house.clock.now()))
    assert "in 9 min" in await shown(admin)
    assert "after the current run ends" not in await shown(admin)


def test_a_delay_that_has_come_to_its_end_waits_for_nothing() -> None:
    task = a_task(after_runs(600), next_fire_at=None)
    assert awaited(task, EN) == "10 min after the current run ends"
    assert awaited(replace(task, state=TaskState.FINISHED), EN) == ""


def test_a_line_of_another_time_zone_names_it() -> None:
    facts = schedule_facts(union(unix("0 9 * * *"), unix("0 9 * * 6", "Europe/Berlin")), EN)
    lines = [fact.value for fact in facts if fact.label == "page.fact.line"]
    assert lines == ["0 9 * * *", "0 9 * * 6 (Europe/Berlin)"]


async def test_a_day_rule_is_told_fact_by_fact(house: House, admin: Browser) -> None:
    first = house.clock.now().date() + timedelta(days=2)
    page = await show(house, admin, every_n_days(first=first))
    for fact in (f"First date {first}", "At 09:00", "Days every 3 days", "exactly once"):
        assert fact in page
    assert "Missed runs run once for all of them Missed after 1 min" in page


async def test_each_line_of_a_union_is_told(house: House, admin: Browser) -> None:
    lines = union(unix("0 9 * * 1-5"), unix("30 12 * * 6"))
    page = await show(house, admin, lines)
    for fact in ("Line 0 9 * * 1-5", "Line 30 12 * * 6", "Written as unix cron", "Time zone UTC"):
        assert fact in page


async def test_a_window_is_told_by_its_days_and_hours(house: House, admin: Browser) -> None:
    page = await show(house, admin, a_window(weekly(2, [1, 5])))
    days = "Days every Monday and Friday, only every 2 weeks"
    assert f"{days} Between 08:00 – 17:00 Every 5 min" in page


async def test_a_task_every_minute_tells_ten_runs(house: House, admin: Browser) -> None:
    page = await admin.get("/tasks/new")
    assert page.text.count("<time ") == 10
    await show(house, admin, every(60, start=house.clock.now()))
    page = await admin.get("/task", group=KEY.group, name=KEY.name)
    assert page.text.count('<li><span class="moment">') == 10
