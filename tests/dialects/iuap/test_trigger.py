"""trigger.do: one fire now, beside the schedule."""

from tests.dialects.building import a_key


async def test_the_reply_names_the_fire_by_its_tasklogid(task_server):
    reply = await task_server.post("trigger.do", a_key())
    (fire,) = await task_server.fires(name="task")
    golden = f'{{"success":true,"error":null,"resultValue":null,"tasklogid":"{fire["id"]}"}}'
    assert reply.body == golden.encode()
    assert fire["kind"] == "manual"
    assert len(fire["id"]) == 32


async def test_the_schedule_is_untouched(task_server):
    before = (await task_server.task())["next_fire_at"]
    await task_server.triggered()
    assert (await task_server.task())["next_fire_at"] == before


async def test_every_trigger_is_a_fire_of_its_own(task_server):
    ids = {await task_server.triggered() for _ in range(3)}
    assert len(ids) == len(await task_server.fires(name="task")) == 3


async def test_a_paused_task_can_be_fired_and_stays_paused(task_server):
    await task_server.post("pause.do", a_key())
    assert (await task_server.post("trigger.do", a_key())).doc["success"] is True
    assert (await task_server.task())["state"] == "paused"


async def test_an_unknown_task_is_named(task_server):
    reply = await task_server.post("trigger.do", a_key("other"))
    assert reply.doc["success"] is False
    assert "group/other" in reply.error
    assert await task_server.fires() == []


async def test_no_other_address_can_be_slipped_in(task_server):
    await task_server.post("trigger.do", a_key() | {"option": "http://127.0.0.1:9/other"})
    (fire,) = await task_server.fires(name="task")
    history = (await task_server.get(f"/fires/{fire['id']}")).doc
    assert history["recall"]["url"] == "http://127.0.0.1:9/receive"
