"""GET /tasks/{group}/{name}/why: one sentence, and the rows that prove it, over a real server."""

from urllib.parse import quote

import pytest

from tests.dialects.building import a_cron

EN = {"Accept-Language": "en"}
ZH = {"Accept-Language": "zh"}


def why(at=None, name="task"):
    return f"/tasks/group/{name}/why" + ("" if at is None else f"?at={quote(str(at))}")


async def test_the_answer_is_a_code_a_sentence_and_the_nearest_times(task_server):
    reply = await task_server.get(why("2099-11-22 03:00"), EN)
    doc = reply.doc
    assert (reply.status, doc["code"], doc["timezone"]) == (200, "not_named_between", "UTC")
    assert doc["sentence"] == (
        "Its schedule does not name 2099-11-22 03:00:00+00:00; the times that it names around it are "
        "2099-11-21 12:00:00+00:00 and 2099-11-22 12:00:00+00:00."
    )
    assert (doc["before"], doc["next"]) == ("2099-11-21T12:00:00Z", "2099-11-22T12:00:00Z")
    assert doc["evidence"] == {"fire": None, "change": None}


async def test_it_is_said_in_the_callers_language(task_server):
    doc = (await task_server.get(why("2099-11-22T12:00"), ZH)).doc
    assert doc["sentence"] == "时间还没到：将在 2099-11-22 12:00:00+00:00 触发。"


@pytest.mark.parametrize(
    "at", ["2099-11-22 20:00", "2099-11-22T12:00:00Z", "4099032000000", "2099-11-22T20:00:00+08:00"]
)
async def test_the_moment_comes_in_every_form_and_as_the_tasks_clock_tells_it(server, at):
    await server.added(a_cron(cronExpress="0 0 20 * * ?", timeZone="Asia/Shanghai"))
    doc = (await server.get(why(at), EN)).doc
    assert (doc["at"], doc["code"]) == ("2099-11-22T12:00:00Z", "to_come")


async def test_a_pause_names_who_and_through_which_door(task_server):
    await task_server.ask("POST", "/api/v1/tasks/group/task/pause")
    doc = (await task_server.get(why("2099-11-22 12:00"), EN)).doc
    assert doc["code"] == "paused" and "through rest" in doc["sentence"]
    assert (doc["evidence"]["change"]["action"], doc["evidence"]["change"]["door"]) == (
        "paused",
        "rest",
    )


async def test_a_run_by_hand_is_told_with_its_fire(task_server):
    fire_id = await task_server.triggered()
    (fire,) = await task_server.fires(name="task")
    doc = (await task_server.get(why(fire["due_at"]), EN)).doc
    assert doc["code"] == "by_hand"
    assert doc["evidence"]["fire"]["id"] == doc["evidence"]["change"]["fire_id"] == fire_id


async def test_where_no_moment_is_named_it_answers_of_this_minute(task_server):
    doc = (await task_server.get(why(), EN)).doc
    assert doc["at"].endswith(":00Z") and doc["code"]


async def test_a_deleted_task_answers_and_one_never_heard_of_does_not(task_server):
    await task_server.ask("DELETE", "/api/v1/tasks/group/task")
    doc = (await task_server.get(why("2099-11-22 12:00"), EN)).doc
    assert doc["code"] == "deleted" and doc["evidence"]["change"]["action"] == "deleted"
    reply = await task_server.get(why("2099-11-22 12:00", "nobody"), EN)
    assert (reply.status, reply.doc["code"]) == (404, "task.not_found")


@pytest.mark.parametrize(
    ("query", "field"), [("at=yesterday", "at"), ("at=9999-01-01", "at"), ("when=now", "when")]
)
async def test_a_faulty_question_is_refused_under_its_field(task_server, query, field):
    reply = await task_server.get(f"/tasks/group/task/why?{query}", EN)
    assert reply.status == 400
    assert [error["field"] for error in reply.doc["errors"]] == [field]
