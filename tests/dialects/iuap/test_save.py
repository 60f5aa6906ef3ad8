"""saveTask.do, the save call of the original's own pages: its time rule is a window, its parameters the data."""

import json
from datetime import datetime, timedelta
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

import pytest

from dispatchserver.dialects.iuap.saving import read_save
from dispatchserver.dialects.iuap.setting import Habits
from dispatchserver.domain.triggers import upcoming
from tests.builders import NOON
from tests.dialects.building import NOWHERE

SHANGHAI = ZoneInfo("Asia/Shanghai")
CALL = "taskrest/saveTask.do"


def a_way(start="2998-04-11 16:22", end="2998-04-11 17:00", *, mode=None, dura=None, **period):
    period = {"periodmode": "1", "periodstart": "08:00", "periodend": "16:55"} | period
    modetime = {"modetype": "0", "modefrequency": "1", "modevaule": []}
    return {
        "id": "",
        "starttime": start,
        "endtime": end,
        "modetime": modetime | (mode or {}),
        "dura": {"duramode": "1", "duravalue": "5", "period": period} | (dura or {}),
    }


def a_save(way=None, **changed):
    taskway = {
        "id": "r1",
        "url": NOWHERE,
        "taskParams": [a_param("city", "北京"), a_param("n", "1")],
    }
    task = {
        "taskcode": "task",
        "taskname": "对账",
        "taskdesc": "每天对账",
        "gid": "group",
        "flag": "1",
    }
    task |= {"taskmsg": [], "taskway": taskway, "timeway": way or a_way()}
    return {"task": task | {"tenantid": "t", "sysid": "s"} | changed}


def a_param(code, value):
    return {"code": code, "name": code, "paramvalue": value, "id": "1", "taskwayid": "r1"}


async def save(server, doc, **fields):
    return await server.post(CALL, {"data": json.dumps(doc)} | fields)


async def saved(server, doc, **fields):
    reply = await save(server, doc, **fields)
    assert reply.doc["success"] is True, reply.error
    return [fire[11:16] for fire in reply.doc["plannedFires"]]


def fires(way):
    """All fires of a saved window by its own clock."""
    spec = read_save(a_save(way), NOON, Habits(zone=SHANGHAI)).spec
    return [f"{fire.astimezone(SHANGHAI):%H:%M}" for fire in upcoming(spec.trigger, NOON, 99)]


CASE_A = a_way("2998-04-11 16:22", "2998-04-11 17:00", periodstart="08:00", periodend="16:55")
CASE_B = a_way("2998-04-11 16:22", "2998-04-11 16:50", periodstart="16:30", periodend="16:55")


async def test_case_a_the_grid_hangs_on_the_window_and_its_end_counts(server):
    assert await saved(server, a_save(CASE_A)) == ["16:25", "16:30", "16:35", "16:40", "16:45"]
    assert (fires(CASE_A)[0], fires(CASE_A)[-1]) == ("16:25", "16:55")


async def test_case_b_the_first_fire_opens_the_window_and_the_end_time_counts(server):
    assert await saved(server, a_save(CASE_B)) == ["16:30", "16:35", "16:40", "16:45", "16:50"]
    assert fires(CASE_B)[-1] == "16:50"


async def test_the_saved_task_is_stored_as_it_was_said(server):
    await saved(server, a_save())
    task = await server.task()
    assert (task["note"], task["labels"], task["state"]) == (
        "每天对账",
        {"taskname": "对账"},
        "active",
    )
    recall = task["recall"]
    assert (recall["url"], recall["data"]) == (NOWHERE, {"city": "北京", "n": "1"})
    assert (task["trigger"]["kind"], task["trigger"]["zone"]) == ("window", "Asia/Shanghai")


@pytest.mark.parametrize("context", ["", "/iuap-dispatch-service", "/iuap-saas-dispatch-service"])
async def test_every_context_path_takes_the_call(server, context):
    body = urlencode({"data": json.dumps(a_save())})
    reply = await server.raw_post(
        f"{context}/{CALL}", body.encode(), "application/x-www-form-urlencoded"
    )
    assert reply.doc["success"] is True


@pytest.mark.parametrize(
    "body",
    [
        "data=" + quote(quote(json.dumps(a_save()))),
        json.dumps(a_save()),
        json.dumps({"data": a_save()}),
        "task=" + quote(json.dumps(a_save()["task"])),
    ],
    ids=["encoded twice", "bare", "wrapped", "field"],
)
async def test_the_json_may_come_in_other_wrappings(server, body):
    reply = await server.raw_post(f"/{CALL}", body.encode(), "application/x-www-form-urlencoded")
    assert reply.doc["success"] is True, reply.error


async def test_a_task_with_an_id_is_edited_and_one_without_is_new(server):
    await saved(server, a_save())
    assert "group/task" in (await save(server, a_save())).error
    await saved(server, a_save(id="7", taskdesc="again"))
    await saved(server, a_save(), replace="true")
    assert (await server.task())["version"] == 3


async def test_a_stopped_task_is_added_paused_and_can_be_resumed(server):
    await saved(server, a_save(flag="0"))
    assert (await server.task())["state"] == "paused"
    await server.post("resumeTask.do", {"jobName": "task", "groupName": "group"})
    assert (await server.task())["state"] == "active"


async def test_without_a_group_the_task_goes_to_default(server):
    await saved(server, a_save(gid=None))
    assert await server.task(group="default")


@pytest.mark.parametrize(
    ("way", "planned"),
    [
        (a_way(end="", dura={"duramode": 0, "duravalue": "17:30"}), ["17:30"] * 5),
        (a_way(end="", dura={"duramode": "0", "duravalue": ""}), ["08:00"] * 5),
        (
            a_way(end=None, dura={"duravalue": 4}, periodmode="0"),
            ["08:00", "12:00", "16:00", "08:00", "12:00"],
        ),
    ],
)
async def test_once_a_day_or_every_so_many_hours(server, way, planned):
    assert await saved(server, a_save(way)) == planned


async def test_weekdays_count_from_monday_and_day_zero_is_the_last_of_the_month(server):
    weekly = a_way(end="", mode={"modetype": "1", "modevaule": ["1", "7"]}, dura={"duramode": "0"})
    monthly = a_way(end="", mode={"modetype": "2", "modevalue": [0]}, dura={"duramode": "0"})
    for way in (weekly, monthly):
        way["dura"]["duravalue"] = "09:00"
    reply = (await save(server, a_save(weekly))).doc["plannedFires"]
    assert {datetime.fromisoformat(fire).isoweekday() for fire in reply} == {1, 7}
    reply = (await save(server, a_save(monthly, id="1"))).doc["plannedFires"]
    assert all((datetime.fromisoformat(f) + timedelta(days=1)).day == 1 for f in reply)


def with_way(**changed):
    taskway = a_save()["task"]["taskway"]
    return a_save(taskway={key: v for key, v in (taskway | changed).items() if v is not None})


DURA = "task.timeway.dura."
REFUSED = [
    ({}, "task", "required"),
    (a_save(taskcode="", taskname=None), "task.taskcode", "required"),
    (a_save(taskcode="x" * 201), "task.taskcode", "200"),
    (a_save(flag="2"), "task.flag", "0, 1"),
    (a_save(taskway=None), "task.taskway", "required"),
    (with_way(url=None), "task.taskway.url", "no calling rules"),
    (with_way(url="ftp://h/"), "task.taskway.url", "http"),
    (with_way(taskParams={}), "task.taskway.taskParams", "list"),
    (with_way(taskParams=[{}]), "task.taskway.taskParams[0].code", "required"),
    (with_way(taskParams=[a_param("a", 1)] * 2), "task.taskway.taskParams[1].code", "twice"),
    (a_save(timeway="x"), "task.timeway", "JSON"),
    (a_save(timeZone="Mars"), "task.timeZone", "zone"),
    (a_save(a_way(start="soon")), "task.timeway.starttime", "ISO 8601"),
    (a_save(a_way(end="2998-04-11 16:00")), "task.timeway.endtime", "earlier"),
    (a_save(a_way("2020-01-01", "2020-02-01")), "task.timeway.endtime", "never fire"),
    (a_save(a_way(end="2998-04-11 16:23")), "task.timeway.modetime", "never fire"),
    (a_save(a_way(mode={"modetype": "3"})), "task.timeway.modetime.modetype", "0, 1, 2"),
    (a_save(a_way(mode={"modefrequency": "0"})), "task.timeway.modetime.modefrequency", "3660"),
    (a_save(a_way(mode={"modetype": "1"})), "task.timeway.modetime.modevaule", "weekday"),
    (a_save(a_way(dura={"duramode": "5"})), DURA + "duramode", "0, 1"),
    (a_save(a_way(dura={"duravalue": "0"})), DURA + "duravalue", "whole minutes"),
    (a_save(a_way(dura={"duravalue": None})), DURA + "duravalue", "required"),
    (a_save(a_way(dura={"period": None})), DURA + "period", "required"),
    (a_save(a_way(dura={"duramode": 0, "duravalue": "25:00"})), DURA + "duravalue", "23:59"),
    (a_save(a_way(periodmode="2")), DURA + "period.periodmode", "0, 1"),
    (a_save(a_way(periodstart="8")), DURA + "period.periodstart", "HH:mm"),
    (a_save(a_way(periodend="08:00")), DURA + "period.periodend", "never opens"),
    (a_save(a_way(periodend=None)), DURA + "period.periodend", "required"),
]


@pytest.mark.parametrize(
    ("doc", "field", "words"), REFUSED, ids=[f"{f} {w}" for _, f, w in REFUSED]
)
async def test_what_is_wrong_is_named_in_both_languages_and_changes_nothing(
    server, doc, field, words
):
    await saved(server, a_save())
    before = await server.task()
    data = {"data": json.dumps(doc), "replace": "true"}
    english = await server.post(CALL, data, {"Accept-Language": "en"})
    chinese = await server.post(CALL, data, {"Accept-Language": "zh"})
    assert english.doc["success"] is False
    assert english.error.startswith(field + ":") and words in english.error
    assert field in chinese.error and chinese.error != english.error
    assert await server.task() == before
