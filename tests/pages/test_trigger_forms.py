"""The when part of the task form: every shape comes back as it was, and every fault stands at its field."""

from dataclasses import replace
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given

from dispatchserver.domain.daychoice import every_days, monthly, weekly
from dispatchserver.domain.dayinterval import DayIntervalTrigger, check_day_interval
from dispatchserver.domain.dst import DstRule
from dispatchserver.domain.errors import Invalid, Refused
from dispatchserver.domain.trigger import check_end
from dispatchserver.domain.triggers import Trigger
from dispatchserver.domain.uniontrigger import UnionTrigger, check_union
from dispatchserver.domain.windowtrigger import WindowTrigger, check_window
from dispatchserver.pages.choices import KEPT
from dispatchserver.pages.fields import blank_fields, task_fields
from dispatchserver.pages.forms import TaskForm
from dispatchserver.pages.triggerfields import in_form, trigger_fields
from tests import shapes
from tests.builders import NOON, UTC_ZONE, a_task, at, cron, every, once
from tests.shapes import a_window, after_runs, every_n_days, union, unix

BERLIN = ZoneInfo("Europe/Berlin")


def read(**fields: str) -> Trigger:
    """What a new form with these fields says, at NOON in UTC."""
    return TaskForm(blank_fields() | fields, UTC_ZONE, NOON, None).schedule().trigger


def faults(**fields: str) -> list[tuple[str, str]]:
    with pytest.raises(Refused) as refused:
        read(**fields)
    return [(fault.field, fault.code) for fault in refused.value.faults]


def back(trigger: Trigger) -> Trigger:
    """The rule as it is after its form was sent unchanged."""
    task = a_task(trigger)
    return TaskForm(task_fields(task), UTC_ZONE, NOON, task).schedule().trigger


@pytest.mark.parametrize("shape", shapes.SHAPES)
def test_every_shape_sent_back_unchanged_is_the_same(shape: str) -> None:
    assert back(shapes.SHAPES[shape]) == shapes.SHAPES[shape]


def may_exist(trigger: Trigger) -> bool:
    """Whether a door would let it in."""
    try:
        check_end(trigger.start, trigger.end)
        if isinstance(trigger, UnionTrigger):
            check_union(trigger.lines)
        if isinstance(trigger, WindowTrigger):
            check_window(trigger)
        if isinstance(trigger, DayIntervalTrigger):
            check_day_interval(trigger)
    except Invalid:
        return False
    return True


@given(shapes.any_trigger)
def test_any_rule_that_may_exist_sent_back_unchanged_is_the_same(trigger: Trigger) -> None:
    lines = trigger.lines if isinstance(trigger, UnionTrigger) else (trigger,)
    assume(may_exist(trigger) and all(map(may_exist, lines)))
    assert back(trigger) == trigger


ALIKE = union(*(unix(text, "Europe/Berlin", end=at(9)) for text in ("0 9 * * 1-5", "@daily")))
OFFICE = "0 0 9 ? * MON-FRI"


@pytest.mark.parametrize(
    ("trigger", "said"),
    [
        (ALIKE, True),
        (union(cron(OFFICE), cron("0 30 9 * * ?", dst=DstRule.SKIP)), False),
        (union(cron(OFFICE), cron("0 30 9 * * ?", "Europe/Berlin")), False),
        (union(cron(OFFICE), unix("30 9 * * *")), False),
        (union(cron(OFFICE), a_window()), False),
    ],
)
def test_lines_are_said_where_they_differ_in_nothing_but_their_text(
    trigger: UnionTrigger, said: bool
) -> None:
    assert in_form(trigger) is said
    assert (trigger_fields(trigger)["trigger"] == KEPT) is not said
    assert back(trigger) == trigger


NEW = [
    ({"repeat": "later", "after": "90", "after_unit": "second"}, once(at(90))),
    ({"repeat": "once", "start": "2026-03-05T08:00"}, once(at(hours=20))),
    ({"interval": "2", "unit": "hour", "repeat": "count", "count": "3"}, every(7200, count=3)),
    ({"trigger": "cron", "cron": "*/5 * * * *", "dialect": "unix"}, unix("*/5 * * * *")),
    (
        {"trigger": "cron", "cron": OFFICE, "dst": "literal", "zone": "Europe/Berlin"},
        cron(OFFICE, "Europe/Berlin", dst=DstRule.LITERAL),
    ),
    (
        {"trigger": "window", "times": "span", "step": "5", "opens": "08:00", "closes": "17:00"},
        a_window(weekly(1, [1, 2, 3, 4, 5])),
    ),
    (
        {"trigger": "window", "nth": "3", "nth_unit": "day", "at": "22:00:30"},
        a_window(every_days(3), opens="22:00:30", closes=None),
    ),
    (
        {"trigger": "window", "nth_unit": "month", "monthday0": "1", "monthday31": "1"},
        a_window(monthly(1, [0, 31]), opens="09:00", closes=None),
    ),
    ({"trigger": "days", "days": "3"}, every_n_days(first=date(2026, 3, 5))),
    (
        {"trigger": "days", "at": "13:00", "first_date": "2026-04-01"},
        every_n_days(1, "13:00", date(2026, 4, 1)),
    ),
    ({"trigger": "days", "at": "12:00"}, every_n_days(1, "12:00", date(2026, 3, 4))),
    ({"trigger": "delay", "delay": "500", "delay_unit": "millisecond"}, after_runs(0.5)),
    (
        {"trigger": "union", "lines": f"{OFFICE}\r\n\r\n  0 30 9 * * ?\r\n"},
        union(cron(OFFICE), cron("0 30 9 * * ?")),
    ),
]


@pytest.mark.parametrize(("fields", "trigger"), NEW)
def test_each_kind_is_made_of_its_own_fields(fields: dict[str, str], trigger: Trigger) -> None:
    assert read(**fields) == trigger


def test_the_kinds_not_chosen_count_for_nothing() -> None:
    noise = {"interval": "x", "days": "x", "nth": "x", "at": "x", "cron": "x", "lines": "x"}
    assert read(trigger="delay", **noise) == after_runs()


LATER = {"end": "2026-03-05T00:00"}


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"repeat": "later", "after": "0"}, [("after", "trigger.delay")]),
        ({"repeat": "later", "after_unit": "x"}, [("after_unit", "field.choice")]),
        ({"trigger": "delay", "delay": "9" * 18}, [("delay", "trigger.delay")]),
        ({"trigger": "delay", "end": "2026-03-04T11:00"}, [("end", "trigger.window_ends_early")]),
        ({"trigger": "days", "days": "0"}, [("days", "trigger.window_frequency")]),
        (
            {"trigger": "days", "days": "", "at": "24:00", "first_date": "1 May"},
            [("days", "fault.required"), ("at", "trigger.clock"), ("first_date", "calendar.date")],
        ),
        ({"trigger": "days", "first_date": "2026-04-01", **LATER}, [("end", "trigger.days_empty")]),
        ({"trigger": "window", "nth": "521"}, [("nth", "trigger.window_frequency")]),
        ({"trigger": "window", "nth_unit": "month"}, [("monthdays", "fault.none_chosen")]),
        (
            {"trigger": "window", "times": "span", "closes": "09:00"},
            [("closes", "trigger.window_closed")],
        ),
        (
            {"trigger": "window", "times": "span", "step": "25", "step_unit": "hour"},
            [("step", "trigger.window_step")],
        ),
        (
            {"trigger": "window", "times": "span", "step": "", "opens": "", "closes": "5pm"},
            [
                ("step", "fault.required"),
                ("opens", "fault.required"),
                ("closes", "trigger.clock"),
            ],
        ),
        (
            {"trigger": "window", "end": "2026-03-04T12:30", "at": "11:00"},
            [("end", "trigger.window_empty")],
        ),
        ({"trigger": "window", "at": "", "dst": "x"}, [("dst", "field.choice"), ("at", "fault.required")]),
        ({"trigger": "union"}, [("lines", "fault.required")]),
        ({"trigger": "union", "lines": "\n".join(["x"] * 21)}, [("lines", "trigger.union_lines")]),
        ({"trigger": "union", "lines": f"{OFFICE}\n{OFFICE}"}, [("lines", "trigger.union_double")]),
        ({"trigger": "cron", "dialect": "unix", "cron": OFFICE}, [("cron", "cron_unix.quartz")]),
    ],
)  # fmt: skip
def test_every_fault_stands_at_its_field(
    fields: dict[str, str], found: list[tuple[str, str]]
) -> None:
    assert faults(**fields) == found


def test_every_faulty_line_is_told_with_its_number() -> None:
    with pytest.raises(Refused) as refused:
        read(trigger="union", lines=f"0 0 25 * * ?\n\n{OFFICE}\n0 61 * * * ?")
    told = [(f.field, f.params["line_number"]) for f in refused.value.faults]
    assert told == [("lines", 1), ("lines", 4)]


def test_the_end_of_a_one_shot_is_kept_and_can_be_changed() -> None:
    task = a_task(replace(once(at(60)), end=at(hours=9)))
    assert back(task.spec.trigger) == task.spec.trigger
    fields = task_fields(task) | {"end": "2026-03-04T23:00:00"}
    changed = TaskForm(fields, UTC_ZONE, NOON, task).schedule().trigger
    assert changed.end == at(hours=11)


def test_the_exact_moments_of_a_rule_are_kept_through_a_change_of_its_kind() -> None:
    task = a_task(a_window(start=at(0.123), end=at(hours=9.5, seconds=0.456), zone=BERLIN))
    fields = task_fields(task) | {"trigger": "delay"}
    changed = TaskForm(fields, UTC_ZONE, NOON, task).schedule().trigger
    assert (changed.start, changed.end) == (task.spec.trigger.start, task.spec.trigger.end)


def test_a_start_at_once_shows_no_odd_seconds_where_the_grid_hangs_on_the_clock() -> None:
    fields = blank_fields() | {"trigger": "window"}
    now = NOON + timedelta(seconds=7.5)
    assert TaskForm(fields, UTC_ZONE, now, None).schedule().trigger.start == NOON
