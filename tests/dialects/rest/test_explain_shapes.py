"""`POST /schedule/explain` of every shape, and of a schedule under a calendar."""

import json

import pytest

from dispatchserver.documents.triggers import trigger_doc
from tests.dialects.rest.putting import NOON_LINE, UNION, WINDOW_LINE, faults, put_calendar
from tests.shapes import SHAPES

EN = {"Accept-Language": "en"}
GOLDEN_WEEK = {
    "weekdays": [6, 7],
    "excluded": [{"first": "2027-10-01", "last": "2027-10-07"}],
    "working": ["2027-10-10"],
}
THURSDAY = {"kind": "cron", "expression": "0 0 9 * * ?", "zone": "Asia/Shanghai"}
THURSDAY |= {"start": "2027-09-30 00:00"}


async def ask(server, **asked):
    body = json.dumps(asked).encode()
    return await server.ask("POST", "/api/v1/schedule/explain", body, EN)


async def explained(server, **asked):
    reply = await ask(server, **asked)
    assert reply.status == 200, reply.body
    return reply.doc


@pytest.fixture
async def under_calendar(server):
    await put_calendar(server, "CN", GOLDEN_WEEK)
    return server


@pytest.mark.parametrize("shape", SHAPES)
async def test_every_shape_is_explained_as_a_task_shows_it(server, shape):
    doc = await explained(server, trigger=trigger_doc(SHAPES[shape]))
    assert doc["words"]
    assert doc["zone"] == SHAPES[shape].zone.key


async def test_a_union_is_told_line_by_line_and_fires_by_all_of_them(server):
    lines = [{**line, "start": "2027-01-01T00:00:00Z"} for line in UNION["lines"]]
    doc = await explained(server, trigger=UNION | {"lines": lines}, count=3, tz="UTC")
    assert doc["words"].count("; ") == 1
    assert {fire["at"][11:] for fire in doc["fires"]} <= {
        "12:00:00Z",
        "00:00:00Z",
        "01:00:00Z",
        "02:00:00Z",
    }
    assert (doc["per_day"], doc["per_day_exact"]) == (4, True)


async def test_a_count_that_was_given_up_says_so(server):
    lines = [THURSDAY | {"expression": f"{second}/2 * * * * ?"} for second in (0, 1)]
    doc = await explained(server, trigger={"kind": "union", "lines": lines})
    assert (doc["per_year"], doc["per_year_exact"]) == (1000, False)
    doc = await explained(server, expr="* * * * * ?")
    assert (doc["per_year"], doc["per_year_exact"]) == (31_536_000, True)


async def test_of_a_fixed_delay_only_the_first_fire_is_told(server):
    doc = await explained(server, trigger={"kind": "delay", "delay_s": "10m"})
    assert (len(doc["fires"]), doc["per_year_exact"]) == (1, False)


async def test_a_unix_line_is_explained_where_that_is_said(server):
    doc = await explained(server, expr="30 9 * * 1-5", dialect="unix", tz="UTC")
    assert doc["words"] == "every weekday at 09:30"
    reply = await ask(server, expr="30 9 * * 1-5")
    assert faults(reply) == {"expr": "cron.unix"}


async def test_under_a_calendar_the_fires_that_stay_and_what_is_excluded_are_told(under_calendar):
    doc = await explained(under_calendar, trigger=THURSDAY, calendar="CN", count=3)
    assert [(fire["local"][:16], fire["moved_from"]) for fire in doc["fires"]] == [
        ("2027-09-30T09:00", None),
        ("2027-10-08T09:00", None),
        ("2027-10-10T09:00", None),
    ]
    calendar = doc["calendar"]
    assert (calendar["name"], calendar["version"], calendar["shift"]) == ("CN", 1, "skip")
    assert [
        (run["first"]["local"][:10], run["last"]["local"][:10], run["count"])
        for run in calendar["excluded"]
    ] == [("2027-10-01", "2027-10-07", 7), ("2027-10-09", "2027-10-09", 1)]
    assert doc["per_year"] < (await explained(under_calendar, trigger=THURSDAY))["per_year"] == 365


async def test_moved_fires_tell_the_date_that_they_were_moved_from(under_calendar):
    saturday = THURSDAY | {"expression": "0 0 9 ? * SAT"}
    asked = {"trigger": saturday, "calendar": "CN", "shift": "next_working_day", "count": 2}
    doc = await explained(under_calendar, **asked)
    assert [(fire["local"][:10], fire["moved_from"]) for fire in doc["fires"]] == [
        ("2027-10-08", "2027-10-02"),
        ("2027-10-10", "2027-10-09"),
    ]
    doc = await explained(under_calendar, **asked | {"shift": "previous_working_day"})
    assert doc["fires"][0]["moved_from"] == "2027-10-02"
    assert doc["fires"][0]["local"][:10] == "2027-09-30"


async def test_what_a_calendar_leaves_no_fire_says_so(under_calendar):
    saturday = {"kind": "cron", "expression": "0 0 9 ? * SUN", "end": "2027-09-30"}
    doc = await explained(under_calendar, trigger=saturday, calendar="CN")
    assert (doc["fires"], doc["per_year"]) == ([], 0)
    assert [notice["code"] for notice in doc["notices"]] == ["never"]
    assert doc["calendar"]["excluded"]


async def test_the_densest_schedule_under_a_calendar_is_bounded(under_calendar):
    every_second = THURSDAY | {"expression": "* * * * * ?", "start": "2027-10-01 00:00"}
    doc = await explained(under_calendar, trigger=every_second, calendar="CN", count=1000)
    assert (len(doc["fires"]), doc["fires"][0]["local"][:10]) == (1000, "2027-10-08")
    assert (doc["per_day"], doc["per_year"], doc["per_year_exact"]) == (86_400, 257 * 86_400, True)
    assert doc["calendar"]["excluded"][0]["count"] == 7 * 86_400


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"calendar": "CM"}, {"calendar": "calendar.not_found_nearest"}),
        ({"calendar": "a/b"}, {"calendar": "calendar.name"}),
        ({"shift": "skip"}, {"shift": "calendar.shift_alone"}),
        ({"calendar": "CN", "shift": "up"}, {"shift": "field.choice"}),
        (
            {"calendar": "CN", "trigger": {"kind": "delay", "delay_s": 5}},
            {"calendar": "calendar.fixed_delay"},
        ),
        ({"dialect": "unix"}, {"dialect": "explain.beside_trigger"}),
        (
            {"trigger": {"kind": "union", "lines": [NOON_LINE, WINDOW_LINE | {"opens": "8"}]}},
            {"trigger.lines[1].opens": "trigger.clock"},
        ),
    ],
)
async def test_what_is_wrong_with_a_question_is_named(under_calendar, asked, expected):
    reply = await ask(under_calendar, **{"trigger": THURSDAY} | asked)
    assert faults(reply) == expected
    if "calendar.not_found_nearest" in expected.values():
        assert "did you mean CN?" in reply.detail
