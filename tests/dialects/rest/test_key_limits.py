"""Tasks that share a concurrency key under different limits: they are taken, and told of it."""

import pytest

from tests.dialects.building import a_cron
from tests.dialects.rest.putting import EN, a_put, put


def sharing(limit, key="db"):
    return {"concurrencyKey": {"key": key, "limit": limit}}


async def notices(server, name="task", group="group"):
    shown = (await server.get(f"/tasks/{group}/{name}", EN)).doc
    return [notice["text"] for notice in shown["notices"]]


async def test_one_with_another_limit_is_added_and_told_who_differs(server):
    await put(server, a_put(policies=sharing(2)), "first")
    reply = await put(server, a_put(policies=sharing(3)), "second", "elsewhere")
    assert reply.status == 201
    (notice,) = reply.doc["notices"]
    assert notice["code"] == "key_limit"
    assert "key db lets 3 run at once here, and 2 in group/first" in notice["text"]
    assert "2 run at once here, and 3 in elsewhere/second" in (await notices(server, "first"))[0]


async def test_a_task_is_put_back_as_it_was_shown_with_its_notices(server):
    await put(server, a_put(policies=sharing(2)), "first")
    shown = (await put(server, a_put(policies=sharing(3)))).doc
    again = await put(server, shown)
    assert (again.status, again.doc["version"]) == (200, 1)


async def test_who_agrees_or_shares_nothing_is_told_nothing(server):
    await put(server, a_put(policies=sharing(2)), "first")
    for name, policies in {"same": sharing(2), "other": sharing(3, "disk"), "none": {}}.items():
        assert (await put(server, a_put(policies=policies), name)).doc["notices"] == []


async def test_who_is_gone_or_says_another_limit_by_now_is_not_told_of(server):
    for name in ("gone", "changed"):
        await put(server, a_put(policies=sharing(2)), name)
    await server.ask("DELETE", "/api/v1/tasks/group/gone")
    await put(server, a_put(policies=sharing(3)), "changed")
    assert (await put(server, a_put(policies=sharing(3)))).doc["notices"] == []
    await put(server, a_put(), "changed")
    assert (await put(server, a_put(policies=sharing(2)))).doc["notices"] == []


@pytest.mark.parametrize(
    ("lang", "told"), [("en", "lets 3 run at once here"), ("zh", "在这里允许同时执行 3 个")]
)
async def test_add_do_tells_it_beside_its_planned_fires(server, lang, told):
    first = await server.added(a_cron(jobCode="first", policies=sharing(2)))
    assert "notices" not in first
    task = a_cron(policies=sharing(3))
    reply = await server.add(task, headers={"Accept-Language": lang})
    assert (reply.doc["success"], len(reply.doc["plannedFires"])) == (True, 5)
    (text,) = reply.doc["notices"]
    assert told in text
