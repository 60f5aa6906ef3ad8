"""add.do with the trigger types beyond the original's two: what is stored, when it fires, what is refused."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.dialects.building import a_cron, a_simple

DAY = datetime(2998, 3, 2, tzinfo=UTC)  # a Friday


def a_shape(kind, times=None, **changed):
    task = {"triggerType": kind, "jobCode": "task", "groupCode": "group", "timeZone": "UTC"}
    return task | ({} if times is None else {"timeConfig": times}) | changed


def a_window(times=None, **changed):
    grid = {"windowStart": "08:00", "windowEnd": "17:00", "interval": 5}
    return a_shape(
        "WindowTrigger", grid | (times or {}), **{"startDate": "2998-03-02 16:22"} | changed
    )


def a_union(*lines, **changed):
    return a_shape("UnionTrigger", lines=list(lines), **changed)


def moments(doc):
    return [datetime.fromisoformat(fire) for fire in doc["plannedFires"]]


def clocks(doc):
    return [fire[8:16].replace("T", " ") for fire in doc["plannedFires"]]


async def test_a_window_fires_on_its_own_grid_between_start_and_end(server):
    reply = await server.added(a_window({"windowEnd": "16:55"}, endDate="2998-03-02 17:00"))
    assert clocks(reply) == [f"02 16:{m}" for m in (25, 30, 35, 40, 45)]
    trigger = (await server.task())["trigger"]
    assert (trigger["kind"], trigger["every_s"], trigger["opens"]) == ("window", 300.0, "08:00:00")


@pytest.mark.parametrize(
    ("times", "fires"),
    [
        ({"interval": 4, "intervalType": "HOUR"}, ["03 08", "03 12", "03 16", "04 08", "04 12"]),
        (
            {"interval": None, "windowEnd": None, "frequency": 2},
            ["04 08", "06 08", "08 08", "10 08", "12 08"],
        ),
        (
            {"interval": 9, "intervalType": "hour", "mode": "week", "values": [1, "2"]},
            ["05 08", "05 17", "06 08", "06 17", "12 08"],
        ),
        (
            {"interval": "", "windowEnd": "", "mode": "MONTH", "values": "0,15", "frequency": "2"},
            ["15 08", "31 08", "15 08", "31 08", "15 08"],
        ),
    ],
)
async def test_days_and_intervals_of_a_window(server, times, fires):
    assert [clock[:5] for clock in clocks(await server.added(a_window(times)))] == fires


async def test_every_third_day_shows_the_same_time_of_day(server):
    task = a_shape("DayIntervalTrigger", {"days": 3, "time": "09:00"}, startDate="2998-03-02 23:00")
    assert [clock[:5] for clock in clocks(await server.added(task))] == [
        "03 09", "06 09", "09 09", "12 09", "15 09",
    ]  # fmt: skip


async def test_without_a_start_a_day_interval_begins_with_its_next_time(server):
    first = moments(await server.added(a_shape("DayIntervalTrigger", {"time": "09:00"})))[0]
    assert datetime.now(UTC) - timedelta(minutes=1) < first <= datetime.now(UTC) + timedelta(days=1)


async def test_of_a_fixed_delay_the_first_fire_is_told(server):
    task = a_shape("FixedDelayTrigger", {"delay": "10m"}, startDate="2998-03-02 16:22")
    assert clocks(await server.added(task)) == ["02 16:22"]
    assert (await server.task())["trigger"]["delay_s"] == 600.0


async def test_the_lines_of_a_union_fire_each_in_its_own_zone(server):
    lines = (
        a_cron(cronExpress="0 0 9 * * ?", timeZone="Asia/Shanghai", startDate="2998-03-02 00:00"),
        {"triggerType": "WindowTrigger", "startDate": "2998-03-02 00:00"}
        | {"timeConfig": {"windowStart": "06:00"}},
    )
    reply = await server.added(a_union(*lines, timeZone="UTC"))
    assert [fire.astimezone(UTC).hour for fire in moments(reply)] == [1, 6, 1, 6, 1]
    kinds = [line["kind"] for line in (await server.task())["trigger"]["lines"]]
    assert kinds == ["cron", "window"]


async def test_the_lines_may_be_text_that_holds_a_list(server):
    lines = json.dumps([a_cron(), a_cron(cronExpress="0 0 13 * * ?")])
    await server.added(a_shape("UnionTrigger", lines=lines))
    assert len((await server.task())["trigger"]["lines"]) == 2


async def test_a_unix_line_is_read_where_the_task_says_so(server):
    await server.added(a_cron(cronExpress="0 9 1 * 1", cronDialect="unix"))
    trigger = (await server.task())["trigger"]
    assert (trigger["expression"], trigger["dialect"]) == ("0 9 1 * 1", "unix")
    again = await server.add(a_cron(cronExpress="0 9 1 * 1"), replace="true")
    assert "0 0 9 1 * ?" in again.error


async def test_a_task_may_fire_once_after_a_delay(server):
    (fire,) = moments(await server.added(a_simple(delay="5m")))
    away = fire - datetime.now(UTC)
    assert timedelta(minutes=4) < away <= timedelta(minutes=5)


AT = "taskConfig."
TIMES = "taskConfig.timeConfig."
REFUSED = [
    (a_window({"windowStart": "25:00"}), TIMES + "windowStart", "23:59"),
    (a_window({"windowStart": ""}), TIMES + "windowStart", "required"),
    (a_window({"windowEnd": "24:00"}), TIMES + "windowEnd", "23:59"),
    (a_window({"windowEnd": "08:00"}), TIMES + "windowEnd", "never opens"),
    (a_window({"windowEnd": None}), TIMES + "interval", "interval"),
    (a_window({"interval": 0}), TIMES + "interval", "whole minutes"),
    (a_window({"interval": 10**17}), TIMES + "interval", "whole minutes"),
    (a_window({"interval": 1.5}), TIMES + "interval", "whole number"),
    (a_window({"intervalType": "SECOND"}), TIMES + "intervalType", "MINUTE, HOUR"),
    (a_window({"mode": "YEAR"}), TIMES + "mode", "DAY, WEEK, MONTH"),
    (a_window({"frequency": 0}), TIMES + "frequency", "1 to 3660"),
    (a_window({"mode": "WEEK"}), TIMES + "values", "weekday"),
    (a_window({"mode": "WEEK", "values": [0]}), TIMES + "values", "1 (Monday)"),
    (a_window({"mode": "WEEK", "values": {"a": 1}}), TIMES + "values", "list"),
    (a_window({"mode": "MONTH", "values": [32]}), TIMES + "values", "1 to 31"),
    (a_window({"values": [1]}), TIMES + "values", "WEEK and MONTH"),
    (a_window(endDate="2998-03-02 16:21"), AT + "endDate", "earlier than the start"),
    (a_window(endDate="2998-03-02 16:23"), AT + "timeConfig", "never fire"),
    (a_window(startDate="2020-01-01 00:00", endDate="2020-02-01 00:00"), AT + "endDate", "never"),
    (a_shape("WindowTrigger"), AT + "timeConfig", "required"),
    (a_shape("WindowTrigger", []), AT + "timeConfig", "object"),
    (a_window(dst="never"), AT + "dst", "exactly_once"),
    (a_shape("DayIntervalTrigger", {"days": 0, "time": "9:00"}), TIMES + "days", "1 to 3660"),
    (a_shape("DayIntervalTrigger", {"days": 1}), TIMES + "time", "required"),
    (
        a_shape(
            "DayIntervalTrigger", {"time": "9:00"}, startDate="2998-03-02", endDate="2998-03-01"
        ),
        AT + "endDate",
        "no chosen day",
    ),
    (a_shape("FixedDelayTrigger", {}), TIMES + "delay", "required"),
    (a_shape("FixedDelayTrigger", {"delay": 0}), TIMES + "delay", "1 millisecond"),
    (a_shape("FixedDelayTrigger", {"delay": "soon"}), TIMES + "delay", "5m"),
    (
        a_shape("FixedDelayTrigger", {"delay": 5}, startDate="2998-03-02", endDate="2998-03-01"),
        AT + "endDate",
        "earlier than the start",
    ),
    (a_shape("UnionTrigger"), AT + "lines", "required"),
    (a_union(), AT + "lines", "1 to 20"),
    (a_union(*[a_cron()] * 21), AT + "lines", "1 to 20"),
    (a_union(a_cron(), 5), AT + "lines[1]", "object"),
    (a_union(a_cron(), a_cron()), AT + "lines", "line 2"),
    (a_union(a_union(a_cron())), AT + "lines[0].triggerType", "SimpleTrigger, CronTrigger"),
    (a_union({"cronExpress": "0 0 9 * * ?"}), AT + "lines[0].triggerType", "required"),
    (a_union(a_cron(cronExpress="x")), AT + "lines[0].cronExpress", "x"),
    (a_union(a_cron(endDate="2020-01-01")), AT + "lines[0].endDate", "never"),
    (a_union(a_cron(timeZone="Mars")), AT + "lines[0].timeZone", "zone"),
    (a_union(a_cron(), startDate="2998-03-02"), AT + "startDate", "each line"),
    (a_cron(cronDialect="vixie"), AT + "cronDialect", "quartz, unix"),
    (a_cron(cronDialect="unix"), AT + "cronExpress", "5"),
    (a_simple(delay="5m", startDate="2998-03-02"), AT + "delay", "startDate"),
    (a_simple(delay="-5m"), AT + "delay", "5m"),
]


@pytest.mark.parametrize(
    ("task", "field", "words"), REFUSED, ids=[f"{f} {w}" for _, f, w in REFUSED]
)
async def test_what_is_wrong_is_named_in_both_languages_and_changes_nothing(
    server, task, field, words
):
    await server.added(a_cron(priority=3))
    before = await server.task()
    english = await server.add(task, replace="true", headers={"Accept-Language": "en"})
    chinese = await server.add(task, replace="true", headers={"Accept-Language": "zh"})
    assert (english.status, english.doc["success"]) == (200, False)
    assert english.error.startswith(field + ":") and words in english.error
    assert field in chinese.error and chinese.error != english.error
    assert await server.task() == before


async def test_every_fault_of_a_union_is_told_at_once(server):
    lines = (a_cron(cronExpress="x"), a_window({"interval": 0, "windowStart": "x"}))
    error = (await server.add(a_union(*lines))).error
    for field in ("lines[0].cronExpress", "lines[1].timeConfig.windowStart"):
        assert AT + field in error
