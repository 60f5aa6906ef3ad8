"""pause.do: the task plans no fires until it is resumed."""

from tests.dialects.building import a_key


async def test_a_paused_task_has_no_next_fire(task_server):
    reply = await task_server.post("pause.do", a_key())
    assert reply.body == b'{"success":true,"error":null,"resultValue":null}'
    task = await task_server.task()
    assert (task["state"], task["next_fire_at"]) == ("paused", None)


async def test_pausing_twice_is_as_good_as_once(task_server):
    await task_server.post("pause.do", a_key())
    assert (await task_server.post("pause.do", a_key())).doc["success"] is True


async def test_pausing_keeps_the_version(task_server):
    await task_server.post("pause.do", a_key())
    assert (await task_server.task())["version"] == 1


async def test_an_unknown_task_is_named(task_server):
    reply = await task_server.post("pause.do", a_key("other", "组"))
    assert (reply.status, reply.doc["success"]) == (200, False)
    assert "组/other" in reply.error


async def test_names_count_to_the_letter(task_server):
    assert (await task_server.post("pause.do", a_key("TASK"))).doc["success"] is False
    assert (await task_server.task())["state"] == "active"


async def test_both_missing_names_are_told_at_once(task_server):
    reply = await task_server.post("pause.do", b"")
    assert "jobName" in reply.error and "groupName" in reply.error


async def test_the_names_of_add_do_are_understood_too(task_server):
    reply = await task_server.post("pause.do", {"jobCode": "task", "groupCode": "group"})
    assert reply.doc["success"] is True
