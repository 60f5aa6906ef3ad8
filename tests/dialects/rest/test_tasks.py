"""/api/v1/tasks: what there is, and the actions of the command line."""

from urllib.parse import quote

import pytest

from tests.dialects.building import a_cron, a_recall, a_simple, a_socket, times

EN = {"Accept-Language": "en"}
STRANGE = ["a/b", "每日 结算", 'it\'s "quoted"', "a?b#c%d&e+f", "..", "%2F", "<script>", "😀"]


def path(group, name, action=""):
    return f"/api/v1/tasks/{quote(group, safe='')}/{quote(name, safe='')}{action}"


async def names(server, query=""):
    return [task["name"] for task in (await server.get(f"/tasks{query}")).doc["items"]]


@pytest.fixture
async def filled(server):
    """Tasks a-0 … a-4 and b-0 … b-4; a-0 is paused."""
    for group in "ab":
        for number in range(5):
            await server.added(a_cron(groupCode=group, jobCode=f"{group}-{number}"))
    await server.ask("POST", path("a", "a-0", "/pause"))
    return server


async def test_a_task_shows_what_it_was_told_and_when_it_fires(server):
    await server.added(a_simple(times(60, forever=True), startDate="2999-01-01T00:00:00Z"))
    doc = await server.task()
    assert doc["trigger"] | {"start": "2999-01-01T00:00:00Z", "interval_s": 60.0} == doc["trigger"]
    assert doc["next_fire_at"] == "2999-01-01T00:00:00Z"
    assert doc["upcoming"][:2] == ["2999-01-01T00:00:00Z", "2999-01-01T00:01:00Z"]
    assert doc["counts"] == {"succeeded": 0, "failed": 0, "waiting": 0}
    assert doc["last"] == {"fire_id": None, "state": None, "finished_at": None}


async def test_a_socket_receiver_is_shown_with_its_manners(server):
    await server.added(recall=a_socket({"host": "10.0.0.7", "port": 9100, "framing": "len4"}))
    recall = (await server.task())["recall"]
    assert (recall["kind"], recall["framing"], recall["ack"]) == ("SOCKET", "len4", "auto")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?group=a", ["a-0", "a-1", "a-2", "a-3", "a-4"]),
        ("?group=A", []),
        ("?q=-3", ["a-3", "b-3"]),
        ("?q=%25", []),
        ("?state=paused", ["a-0"]),
        ("?group=b&q=4&state=active", ["b-4"]),
        ("?limit=1", ["a-0"]),
    ],
)
async def test_tasks_are_listed_by_filter(filled, query, found):
    assert await names(filled, query) == found


@pytest.mark.parametrize("limit", [1, 2, 3, 10, 500])
async def test_the_pages_walk_all_tasks_exactly_once(filled, limit):
    walked, cursor = [], ""
    while cursor is not None:
        page = (await filled.get(f"/tasks?limit={limit}{cursor and '&cursor=' + cursor}")).doc
        walked += [task["name"] for task in page["items"]]
        cursor = page["next_cursor"]
    assert walked == sorted(walked)
    assert len(walked) == len(set(walked)) == 10


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("colour=red", ["colour"]),
        ("state=sleeping", ["state"]),
        ("limit=0", ["limit"]),
        ("limit=501", ["limit"]),
        ("limit=ten", ["limit"]),
        ("cursor=nonsense", ["cursor"]),
        ("cursor=" + "W" * 2000, ["cursor"]),
        ("cursor=%ff%00", ["cursor"]),
        ("colour=red&state=x&limit=501", ["colour", "state", "limit"]),
    ],
)
async def test_a_faulty_query_is_refused_field_by_field(server, query, fields):
    reply = await server.get(f"/tasks?{query}", EN)
    assert (reply.status, reply.doc["title"]) == (400, "Bad request")
    assert reply.headers["Content-Type"].startswith("application/problem+json")
    assert [error["field"] for error in reply.doc["errors"]] == fields
    assert all(field in reply.detail for field in fields)


async def test_an_error_says_what_was_sent_and_what_is_allowed(server):
    (error,) = (await server.get("/tasks?state=sleeping", EN)).doc["errors"]
    assert error == {
        "field": "state",
        "code": "field.choice",
        "message": "state: must be one of: active, paused, finished (sent: sleeping)",
        "sent": "sleeping",
    }


async def test_a_task_is_paused_resumed_fired_and_deleted(server):
    await server.added()
    acts = [("POST", "/pause", 200), ("POST", "/resume", 200), ("POST", "/trigger", 201)]
    states = []
    for method, action, status in acts:
        reply = await server.ask(method, path("group", "task", action))
        assert reply.status == status
        states.append(reply.doc["state"])
    assert states == ["paused", "active", "pending"]
    reply = await server.ask("DELETE", path("group", "task"))
    assert (reply.status, reply.body) == (204, b"")
    assert await server.task() is None


@pytest.mark.parametrize(
    ("method", "action"),
    [("GET", ""), ("DELETE", ""), ("POST", "/pause"), ("POST", "/resume"), ("POST", "/trigger")],
)
async def test_an_unknown_task_is_404_and_named(server, method, action):
    reply = await server.ask(method, path("组", "x", action), headers=EN)
    assert (reply.status, reply.doc["code"]) == (404, "task.not_found")
    assert "组/x" in reply.detail


@pytest.mark.parametrize("name", STRANGE)
async def test_any_name_can_be_acted_on(server, name):
    await server.added(a_cron(jobCode=name, groupCode=name))
    assert (await server.ask("POST", path(name, name, "/pause"))).doc["state"] == "paused"
    fire = (await server.ask("POST", path(name, name, "/trigger"))).doc
    assert (fire["group"], fire["name"]) == (name, name)
    assert await names(server, f"?group={quote(name)}&q={quote(name)}") == [name]
    assert (await server.ask("DELETE", path(name, name))).status == 204


@pytest.mark.parametrize("name", ["%ff", "%00", "%ed%a0%80", "a%0d%0ab", "%" * 3, "x" * 5000])
async def test_a_name_that_cannot_be_is_simply_not_there(server, name):
    assert (await server.get(f"/tasks/group/{name}")).status == 404


@pytest.mark.parametrize("method", ["PUT", "PATCH", "POST"])
async def test_other_methods_are_405(server, method):
    assert (await server.ask(method, "/api/v1/tasks")).status == 405


async def test_data_comes_back_as_it_was_given(server):
    data = {"数": [1, 2.5, None, True], "nested": {"a": '"</script>'}, "big": 2**63}
    await server.added(recall=a_recall(data=data))
    assert (await server.task())["recall"]["data"] == data
