"""resumeTask.do, and resume.do as the first edition called it: the task fires again."""

import pytest

from tests.dialects.building import a_key

CALLS = pytest.mark.parametrize("call", ["resumeTask.do", "resume.do"])


@CALLS
async def test_a_resumed_task_fires_again(task_server, call):
    next_fire = (await task_server.task())["next_fire_at"]
    await task_server.post("pause.do", a_key())
    reply = await task_server.post(call, a_key())
    assert reply.body == b'{"success":true,"error":null,"resultValue":null}'
    task = await task_server.task()
    assert (task["state"], task["next_fire_at"]) == ("active", next_fire)


@CALLS
async def test_resuming_what_runs_changes_nothing(task_server, call):
    before = await task_server.task()
    assert (await task_server.post(call, a_key())).doc["success"] is True
    assert await task_server.task() == before


@CALLS
async def test_an_unknown_task_is_named(task_server, call):
    reply = await task_server.post(call, a_key("other"))
    assert reply.doc["success"] is False
    assert "group/other" in reply.error
