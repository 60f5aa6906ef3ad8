"""/api/v1/fires: what was done, and what came of it."""

from datetime import datetime, timedelta

import pytest

from tests.dialects.building import a_cron

EN = {"Accept-Language": "en"}


@pytest.fixture
async def filled(server):
    """Nine fires: of a/x, a/y and b/x, three each."""
    for group, name in (("a", "x"), ("a", "y"), ("b", "x")):
        await server.added(a_cron(groupCode=group, jobCode=name))
        for _ in range(3):
            await server.triggered(group=group, name=name)
    return server


def near(fire, **shift):
    moment = datetime.fromisoformat(fire["due_at"]) + timedelta(**shift)
    return moment.isoformat().replace("+00:00", "Z")


async def test_the_latest_fire_comes_first(filled):
    fires = await filled.fires()
    order = [(fire["due_at"], fire["id"]) for fire in fires]
    assert len(order) == 9
    assert order == sorted(order, reverse=True)


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        ({"group": "a"}, 6),
        ({"name": "x"}, 6),
        ({"group": "a", "name": "x"}, 3),
        ({"group": "A"}, 0),
        ({"state": "succeeded"}, 0),
        ({"state": "cancelled"}, 0),
    ],
)
async def test_fires_are_listed_by_filter(filled, wanted, count):
    assert len(await filled.fires(**wanted)) == count


async def test_since_counts_and_until_does_not(filled):
    latest, *_, first = await filled.fires()
    assert len(await filled.fires(since=first["due_at"])) == 9
    assert latest["id"] not in {f["id"] for f in await filled.fires(until=latest["due_at"])}
    assert await filled.fires(since=near(latest, milliseconds=1)) == []
    assert len(await filled.fires(until=near(latest, milliseconds=1))) == 9


async def test_a_local_moment_is_read_in_the_servers_zone(filled):
    (first, *_) = await filled.fires()
    local = datetime.fromisoformat(first["due_at"]) + timedelta(hours=8)
    assert await filled.fires(since=f"{local + timedelta(minutes=1):%Y-%m-%d %H:%M:%S}") == []
    assert len(await filled.fires(since=f"{local - timedelta(minutes=1):%Y-%m-%d %H:%M:%S}")) == 9


@pytest.mark.parametrize("limit", [1, 2, 4, 9, 10])
async def test_the_pages_walk_all_fires_exactly_once(filled, limit):
    walked, cursor = [], ""
    while cursor is not None:
        page = (await filled.get(f"/fires?limit={limit}{cursor and '&cursor=' + cursor}")).doc
        assert len(page["items"]) <= limit
        walked += [fire["id"] for fire in page["items"]]
        cursor = page["next_cursor"]
    assert walked == [fire["id"] for fire in await filled.fires()]


async def test_a_fire_is_shown_with_whom_it_calls(filled):
    (fire, *_) = await filled.fires(group="b")
    doc = (await filled.get(f"/fires/{fire['id']}")).doc
    assert (doc["group"], doc["name"], doc["kind"], doc["version"]) == ("b", "x", "manual", 1)
    assert doc["recall"]["url"] == "http://127.0.0.1:9/receive"
    assert isinstance(doc["attempt_log"], list)


@pytest.mark.parametrize("fire_id", ["0" * 32, "x", "%ff", "%00", "a%2Fb", "..", "%E7%BB%84"])
async def test_an_unknown_fire_is_404_and_named(server, fire_id):
    reply = await server.get(f"/fires/{fire_id}", EN)
    assert reply.status == 404
    if fire_id != "..":
        assert reply.doc["code"] == "fire.not_found"


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("state=done", ["state"]),
        ("since=yesterday", ["since"]),
        ("until=1000000000000&since=-1", ["since"]),
        ("q=x", ["q"]),
        ("limit=9999", ["limit"]),
        ("cursor=WyJhIiwiYiJd", ["cursor"]),
        ("cursor=WzFlOTk5LCJhIl0", ["cursor"]),
        ("cursor=WzkyMjMzNzIwMzY4NTQ3NzU4MDgsImEiXQ", ["cursor"]),
        ("cursor=WzEsIlx1ZDgwMCJd", ["cursor"]),
        ("cursor=" + "W1tb" * 500, ["cursor"]),
    ],
)
async def test_a_faulty_query_is_refused_field_by_field(server, query, fields):
    reply = await server.get(f"/fires?{query}", EN)
    assert reply.status == 400
    assert [error["field"] for error in reply.doc["errors"]] == fields
