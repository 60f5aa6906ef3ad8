"""delete.do: the task is gone, its log stays."""

from tests.dialects.building import a_key


async def test_a_deleted_task_is_gone(task_server):
    reply = await task_server.post("delete.do", a_key())
    assert reply.body == b'{"success":true,"error":null,"resultValue":null}'
    assert await task_server.task() is None


async def test_its_fires_stay_in_the_log(task_server):
    fire_id = await task_server.triggered()
    await task_server.post("delete.do", a_key())
    assert [fire["id"] for fire in await task_server.fires(group="group")] == [fire_id]


async def test_deleting_twice_names_what_is_missing(task_server):
    await task_server.post("delete.do", a_key())
    reply = await task_server.post("delete.do", a_key())
    assert (reply.status, reply.doc["success"]) == (200, False)
    assert "group/task" in reply.error


async def test_the_name_is_free_again(task_server):
    await task_server.post("delete.do", a_key())
    await task_server.added()
    assert (await task_server.task())["version"] == 1


async def test_a_paused_task_can_be_deleted(task_server):
    await task_server.post("pause.do", a_key())
    assert (await task_server.post("delete.do", a_key())).doc["success"] is True
