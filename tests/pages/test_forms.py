"""The task form: fields to a task with all faults at once, and a task back to its fields."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from dispatchserver.domain.cron import CronExpression, DstRule
from dispatchserver.domain.errors import Invalid, Refused, TaskExists
from dispatchserver.domain.recall import Ack, Framing, HttpRecall, ReplyRule, SocketRecall
from dispatchserver.domain.task import Policies, Task, TaskKey, TaskSpec, TaskState
from dispatchserver.domain.trigger import CronTrigger, SimpleTrigger
from dispatchserver.engine.executor import Limits
from dispatchserver.pages.choices import BLANK
from dispatchserver.pages.fields import blank_fields, task_fields
from dispatchserver.pages.forms import TaskForm, placed
from dispatchserver.pages.formviews import ORDER, Setting, form_view
from dispatchserver.pages.words import Viewer

NOW = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")


def filled(**fields: str) -> dict[str, str]:
    usual = {"group": "demo", "name": "hello", "url": "http://127.0.0.1:9000/hello"}
    return blank_fields() | usual | fields


def read(kept: Task | None = None, **fields: str) -> tuple[TaskKey, TaskSpec]:
    addition = TaskForm(filled(**fields), SHANGHAI, NOW, kept).read()
    return addition.key, addition.spec


def faults(kept: Task | None = None, **fields: str) -> dict[str, str]:
    with pytest.raises(Refused) as refused:
        read(kept, **fields)
    return {fault.field: fault.code for fault in refused.value.faults}


def a_task(**changes: object) -> Task:
    spec = TaskSpec(
        trigger=SimpleTrigger(start=NOW, zone=SHANGHAI), recall=HttpRecall(url="http://h/x")
    )
    usual: dict[str, object] = {"trigger": spec.trigger, "recall": spec.recall}
    return Task(
        id="t1",
        key=TaskKey(group="demo", name="hello"),
        version=3,
        state=TaskState.ACTIVE,
        spec=TaskSpec(**{**usual, **changes}),  # type: ignore[arg-type]
        next_fire_at=None,
        created_at=NOW,
        updated_at=NOW,
    )


def test_a_simple_task_starts_now_when_no_start_is_given() -> None:
    key, spec = read()
    assert key == TaskKey(group="demo", name="hello")
    assert spec.trigger == SimpleTrigger(
        start=NOW, interval=timedelta(minutes=5), count=None, zone=SHANGHAI
    )
    assert spec.recall == HttpRecall(url="http://127.0.0.1:9000/hello")


def test_every_fault_is_told_at_once_and_at_its_field() -> None:
    assert faults(
        group="",
        name=" x",
        priority="high",
        zone="Mars",
        interval="0",
        repeat="count",
        count="0",
        recall="SOCKET",
        host="a b",
        port="99999",
        data="{'a': 1}",
        total_timeout="2h",
        report_timeout="soon",
    ) == {
        "zone": "trigger.zone",
        "group": "fault.required",
        "name": "task.name_blanks",
        "priority": "field.integer",
        "interval": "trigger.interval",
        "count": "fault.range",
        "host": "recall.host",
        "port": "fault.range",
        "data": "json.syntax",
        "total_timeout": "task.timeout",
        "report_timeout": "field.duration",
    }


def test_only_the_chosen_kind_is_judged() -> None:
    _, spec = read(trigger="cron", cron="0 0 2 * * ?", interval="nonsense", host="a b", port="x")
    assert isinstance(spec.trigger, CronTrigger)
    _, spec = read(cron="nonsense", recall="SOCKET", host="10.0.0.7", port="9100", url="nonsense")
    assert spec.recall == SocketRecall(host="10.0.0.7", port=9100)


def test_times_are_the_zones_clock_times() -> None:
    _, spec = read(zone="Europe/Berlin", start="2026-11-22T09:00", end="2026-11-22 10:00:30")
    assert spec.trigger.start == datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
    assert spec.trigger.end == datetime(2026, 11, 22, 9, 0, 30, tzinfo=UTC)


def test_a_time_that_the_clock_never_shows_is_refused() -> None:
    assert faults(zone="Europe/Berlin", start="2027-03-28T02:30") == {"start": "fault.gap"}


def test_an_end_before_the_start_is_refused_at_the_end() -> None:
    start, end = "2026-11-22T10:00", "2026-11-22T09:00"
    assert faults(start=start, end=end) == {"end": "trigger.end_before_start"}
    assert faults(trigger="cron", cron="0 0 2 * * ?", start=start, end=end) == {
        "end": "trigger.end_before_start"
    }


def test_an_interval_that_no_number_can_hold_is_only_too_long() -> None:
    assert faults(interval="9" * 18, unit="day") == {"interval": "trigger.interval"}
    assert faults(interval="-5") == {"interval": "trigger.interval"}


def test_an_unknown_choice_is_refused_and_not_guessed() -> None:
    words = ["trigger", "repeat", "unit", "recall", "data_kind", "body_shape", "reply_rule"]
    assert faults(**dict.fromkeys(words, "strange")) == dict.fromkeys(words, "field.choice")


@pytest.mark.parametrize(
    ("kind", "text", "data"),
    [
        ("json", "", None),
        ("json", '{"a": [1, 2]}', {"a": [1, 2]}),
        ("json", '"quoted"', "quoted"),
        ("text", "line one\r\nline two", "line one\nline two"),
        ("text", "[1, 2", "[1, 2"),
        ("text", '{"a": 1}', {"a": 1}),
    ],
)
def test_data_is_json_or_text(kind: str, text: str, data: object) -> None:
    assert read(data_kind=kind, data=text)[1].recall.data == data


TASKS = [
    a_task(),
    a_task(
        trigger=SimpleTrigger(
            start=NOW.replace(microsecond=123000),
            interval=timedelta(milliseconds=90_500),
            count=7,
            end=NOW + timedelta(days=3),
            zone=BERLIN,
        ),
        priority=-4,
        note="two\nlines",
        labels={"owner": "ops"},
    ),
    a_task(
        trigger=CronTrigger(
            expression=CronExpression.parse("0 0 2 * * ?"), zone=BERLIN, dst=DstRule.QUARTZ
        ),
        recall=SocketRecall(
            host="10.0.0.7", port=1, data="\nping {", framing=Framing.LEN4, ack=Ack.NONE
        ),
        policies=Policies(
            connect_timeout=timedelta(milliseconds=50), report_timeout=timedelta(days=30)
        ),
    ),
    a_task(
        recall=HttpRecall(url="https://h/x?y=1", data={"中": 1.5}, reply_rule=ReplyRule.CONTRACT)
    ),
]


@pytest.mark.parametrize("task", TASKS)
def test_a_form_sent_back_unchanged_makes_the_same_task(task: Task) -> None:
    read = TaskForm(task_fields(task), SHANGHAI, NOW, task).read()
    assert (read.key, read.spec, read.expected) == (task.key, task.spec, task.revision)


def test_the_second_pass_of_an_hour_shown_twice_survives_editing() -> None:
    second_pass = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    task = a_task(trigger=SimpleTrigger(start=second_pass, zone=BERLIN))
    assert TaskForm(task_fields(task), SHANGHAI, NOW, task).read().spec.trigger.start == second_pass


def test_editing_cannot_change_the_key() -> None:
    key, _ = read(a_task(), group="other", name="other")
    assert key == TaskKey(group="demo", name="hello")


def test_what_only_the_engine_sees_is_shown_where_it_can_be_mended() -> None:
    never, taken = Invalid("trigger.never"), TaskExists("demo", "hello")
    assert placed(never, {"trigger": "cron"}).faults[0].field == "cron"
    assert placed(never, {"trigger": "simple"}).faults[0].field == "start"
    assert placed(taken, {}).faults[0].field == "name"


def test_the_summary_follows_the_order_of_the_form() -> None:
    fields = filled(name="", zone="Mars", priority="x")
    with pytest.raises(Refused) as refused:
        TaskForm(fields, SHANGHAI, NOW, None).read()
    view = form_view(
        fields, refused.value, Setting(kept=None, limits=Limits()), Viewer(lang="en", now=NOW)
    )
    assert [line.field for line in view.summary] == ["name", "zone", "priority"]
    assert view.summary[0].text.startswith("Name: ")
    assert view.faults_of("name")[0] in view.summary[0].text
    assert view.value("zone") == "Mars"


def test_every_field_has_its_place_in_the_order() -> None:
    filled = [field for task in TASKS for field in task_fields(task)]
    boxes = r"^(?:((?:week|month)day)\d+|(retry_on)_\w+)$"
    names = {"weekday": "weekdays", "monthday": "monthdays"}
    fields = {
        names.get(box[1], box[2]) if (box := re.match(boxes, field)) else field
        for field in [*BLANK, *filled]
    }
    assert fields <= set(ORDER)
