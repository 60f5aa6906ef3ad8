"""Triggers as documents: every shape is read from exactly what is written, and every fault is named."""

from datetime import date, timedelta

import pytest
from hypothesis import assume, given, settings

from dispatchserver.documents.readtriggers import read_trigger
from dispatchserver.documents.triggers import trigger_doc
from dispatchserver.domain.dayinterval import DayIntervalTrigger, check_day_interval
from dispatchserver.domain.errors import Invalid, Refused
from dispatchserver.domain.fixeddelay import FixedDelayTrigger, check_fixed_delay
from dispatchserver.domain.trigger import check_end
from dispatchserver.domain.uniontrigger import UnionTrigger, check_union
from dispatchserver.domain.windowtrigger import WindowTrigger, check_window
from tests.builders import NOON, UTC_ZONE, at, once
from tests.documents.reading import BASIS, read, refused
from tests.shapes import SHAPES, any_trigger

CRON = {"kind": "cron", "expression": "0 0 9 * * ?"}
WINDOW = {"kind": "window", "opens": "08:00", "closes": "17:00", "every_s": 300}
SIMPLE, DAYS, DELAY = {"kind": "simple"}, {"kind": "days", "at": "09:00"}, {"kind": "delay"}


def a_trigger(doc):
    return read(lambda reader: read_trigger(reader, BASIS), "trigger", doc)


def faults(doc):
    return refused(lambda reader: read_trigger(reader, BASIS), "trigger", doc)


def check(trigger):
    """Raises Invalid for what no door would have stored."""
    match trigger:
        case UnionTrigger():
            check_union(trigger.lines)
            for line in trigger.lines:
                check(line)
        case WindowTrigger():
            check_window(trigger)
        case DayIntervalTrigger():
            check_day_interval(trigger)
        case FixedDelayTrigger():
            check_fixed_delay(trigger)
        case _:
            check_end(trigger.start, trigger.end)


def is_sound(trigger):
    try:
        check(trigger)
    except Invalid:
        return False
    return True


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_is_read_from_what_is_written_of_it(shape):
    assert a_trigger(trigger_doc(SHAPES[shape])) == SHAPES[shape]


@settings(max_examples=200, deadline=None)
@given(any_trigger)
def test_whatever_is_written_reads_the_same(trigger):
    assume(is_sound(trigger))
    assert a_trigger(trigger_doc(trigger)) == trigger


@pytest.mark.parametrize(
    ("span", "seconds"), [(600, 600), (0.5, 0.5), ("5m", 300), ("300ms", 0.3), ("1h", 3600)]
)
def test_lengths_of_time_are_seconds_or_texts(span, seconds):
    assert a_trigger(SIMPLE | {"interval_s": span}).interval == timedelta(seconds=seconds)
    assert a_trigger(DELAY | {"delay_s": span}).delay == timedelta(seconds=seconds)


def test_a_one_shot_may_be_a_length_of_time_away():
    assert a_trigger(SIMPLE | {"after": "10m", "zone": "UTC"}) == once(at(600))


def test_what_is_not_said_is_the_usual():
    assert a_trigger(SIMPLE).start == NOON
    assert a_trigger({"kind": "window", "opens": "08:00"}).closes is None
    assert a_trigger(DAYS).first_date == date(2026, 3, 5)  # by the clock of Shanghai 09:00 is past
    assert a_trigger(DAYS | {"start": "2026-04-01 10:00"}).first_date == date(2026, 4, 2)
    assert {a_trigger(doc).zone.key for doc in (SIMPLE, CRON, DAYS)} == {"Asia/Shanghai"}


def test_the_lines_of_a_union_take_its_zone_where_they_name_none():
    lines = [CRON, DAYS | {"zone": "Europe/Berlin"}]
    found = a_trigger({"kind": "union", "zone": "UTC", "lines": lines}).lines
    assert [line.zone.key for line in found] == ["UTC", "Europe/Berlin"]
    assert found[0].zone == UTC_ZONE


REFUSED = [
    ({}, "kind", "fault.required"),
    ({"kind": "lunar", "phase": "full"}, "kind", "field.choice"),
    (SIMPLE | {"expression": "x"}, "expression", "field.unknown"),
    (SIMPLE | {"interval_s": 0}, "interval_s", "trigger.interval"),
    (SIMPLE | {"interval_s": 0, "count": 2}, "interval_s", "trigger.interval"),
    (SIMPLE | {"interval_s": "1e9"}, "interval_s", "field.duration"),
    (SIMPLE | {"count": 2}, "interval_s", "fault.required"),
    (SIMPLE | {"count": 0}, "count", "field.count"),
    (SIMPLE | {"after": "-5m"}, "after", "field.duration"),
    (SIMPLE | {"after": "4000d"}, "after", "trigger.delay"),
    (SIMPLE | {"after": "5m", "start": "2027-01-01"}, "after", "field.either"),
    (SIMPLE | {"end": "2020-01-01"}, "end", "trigger.end_before_start"),
    (SIMPLE | {"zone": "Mars"}, "zone", "trigger.zone"),
    (SIMPLE | {"start": "soon"}, "start", "field.moment"),
    ({"kind": "cron"}, "expression", "fault.required"),
    (CRON | {"dialect": "vixie"}, "dialect", "field.choice"),
    (CRON | {"dialect": "unix"}, "expression", "cron_unix.quartz"),
    (CRON | {"dst": "never"}, "dst", "field.choice"),
    (CRON | {"start": "2027-01-02", "end": "2027-01-01"}, "end", "trigger.end_before_start"),
    (WINDOW | {"opens": None}, "opens", "fault.required"),
    (WINDOW | {"opens": "24:00"}, "opens", "trigger.clock"),
    (WINDOW | {"closes": "08:00"}, "closes", "trigger.window_closed"),
    (WINDOW | {"closes": None}, "every_s", "trigger.window_shape"),
    (WINDOW | {"every_s": 0}, "every_s", "trigger.window_step"),
    (WINDOW | {"every_s": 90}, "every_s", "trigger.window_step"),
    (WINDOW | {"end": "2026-03-04T11:00:00Z"}, "end", "trigger.window_ends_early"),
    (WINDOW | {"end": "2026-03-04T12:01:00Z"}, "days", "trigger.window_empty"),
    (WINDOW | {"days": 5}, "days", "field.object"),
    (WINDOW | {"days": {}}, "days.unit", "fault.required"),
    (WINDOW | {"days": {"unit": "year"}}, "days.unit", "field.choice"),
    (WINDOW | {"days": {"unit": "day", "every": 0}}, "days.every", "trigger.window_frequency"),
    (WINDOW | {"days": {"unit": "day", "weekdays": [1]}}, "days.weekdays", "field.unknown"),
    (WINDOW | {"days": {"unit": "week"}}, "days.weekdays", "trigger.window_weekdays"),
    (
        WINDOW | {"days": {"unit": "week", "weekdays": [8]}},
        "days.weekdays",
        "trigger.window_weekdays",
    ),
    (WINDOW | {"days": {"unit": "month", "days": [32]}}, "days.days", "trigger.window_monthdays"),
    ({"kind": "days"}, "at", "fault.required"),
    (DAYS | {"days": 0}, "days", "trigger.window_frequency"),
    (DAYS | {"first_date": "2026-02-30"}, "first_date", "calendar.date"),
    (DAYS | {"first_date": "3026-02-20"}, "first_date", "calendar.date_range"),
    (DAYS | {"first_date": "2027-01-01", "start": "2027-01-01"}, "start", "field.either"),
    (DAYS | {"end": "2026-03-04T11:00:00Z"}, "end", "trigger.days_empty"),
    (DELAY, "delay_s", "fault.required"),
    (DELAY | {"delay_s": 0}, "delay_s", "trigger.delay"),
    (DELAY | {"delay_s": 5, "end": "2020-01-01"}, "end", "trigger.window_ends_early"),
    ({"kind": "union"}, "lines", "fault.required"),
    ({"kind": "union", "lines": []}, "lines", "field.list"),
    ({"kind": "union", "lines": [CRON] * 21}, "lines", "field.list"),
    ({"kind": "union", "lines": [CRON, CRON]}, "lines", "trigger.union_double"),
    ({"kind": "union", "lines": [CRON, 5]}, "lines[1]", "field.object"),
    (
        {"kind": "union", "lines": [{"kind": "union", "lines": [CRON]}]},
        "lines[0].kind",
        "trigger.union_line",
    ),
    ({"kind": "union", "lines": [DELAY | {"delay_s": 5}]}, "lines[0].kind", "trigger.union_line"),
    (
        {"kind": "union", "lines": [DAYS, CRON | {"expression": "0 0 25 * * ?"}]},
        "lines[1].expression",
        "cron.value.hour",
    ),
    ({"kind": "union", "lines": [CRON], "end": "2027-01-01"}, "end", "trigger.union_outside"),
    ({"kind": "union", "lines": [CRON], "expression": "x"}, "expression", "field.unknown"),
]


@pytest.mark.parametrize(
    ("doc", "field", "code"), REFUSED, ids=[f"{d.get('kind')} {f} {c}" for d, f, c in REFUSED]
)
def test_what_is_wrong_is_named_under_its_path_and_nothing_else_is(doc, field, code):
    assert faults(doc) == {f"trigger.{field}": code}


def test_all_that_is_wrong_with_a_union_is_named_at_once():
    lines = [CRON | {"expression": "x", "zone": "Mars"}, WINDOW | {"opens": "9", "every": 5}]
    assert faults({"kind": "union", "lines": lines, "start": "2027-01-01"}) == {
        "trigger.lines[0].zone": "trigger.zone",
        "trigger.lines[0].expression": "cron.too_few",
        "trigger.lines[1].opens": "trigger.clock",
        "trigger.lines[1].every": "field.unknown",
        "trigger.start": "trigger.union_outside",
    }


def test_an_unknown_zone_is_told_the_nearest_and_an_unknown_field_the_allowed():
    with pytest.raises(Refused) as caught:
        a_trigger(DELAY | {"delay_s": 5, "zone": "Asia/Shanghia", "delay": 5})
    zone, unknown = caught.value.faults
    assert "Asia/Shanghai" in zone.params["nearest"]
    assert unknown.params["allowed"] == "zone, kind, start, end, delay_s"


def test_of_a_hostile_heap_of_unknown_fields_some_are_named():
    assert len(faults(SIMPLE | {f"x{n}": n for n in range(5_000)})) == 20
