"""How fast a token may change things."""

from datetime import UTC, datetime, timedelta

import pytest

from dispatchserver.auth.rates import KEYS_LIMIT, Pace, TooFast
from dispatchserver.auth.tokens import new_token
from dispatchserver.stores import groupcommit
from tests.builders import NOON, at
from tests.dialects.building import a_form, a_key

EN = {"Accept-Language": "en"}


def taken(pace, caller, moments):
    """How many of these requests pass."""
    passed = 0
    for moment in moments:
        try:
            pace.take(caller, moment)
        except TooFast:
            continue
        passed += 1
    return passed


def test_a_burst_passes_at_once_and_then_so_many_a_second():
    pace = Pace(10, 30)
    assert taken(pace, "a", [NOON] * 100) == 30
    assert taken(pace, "a", [at(1)] * 100) == 10
    assert taken(pace, "a", [at(61)] * 100) == 30


def test_a_steady_caller_at_the_rate_is_never_refused():
    pace = Pace(10, 1)
    assert taken(pace, "a", [at(n / 10) for n in range(1000)]) == 1000


def test_a_clock_that_is_set_back_shuts_nobody_out():
    pace, earlier = Pace(10, 30), NOON - timedelta(hours=1)
    assert taken(pace, "a", [NOON] * 100) == 30
    assert taken(pace, "a", [earlier] * 100) == 0
    assert taken(pace, "a", [earlier + timedelta(seconds=1)] * 100) == 10


def test_who_is_refused_waits_no_longer_for_having_asked():
    pace = Pace(1, 1)
    assert taken(pace, "a", [NOON] * 100) == 1
    assert taken(pace, "a", [at(1)]) == 1


def test_callers_do_not_slow_each_other():
    pace = Pace(1, 1)
    assert [taken(pace, name, [NOON] * 5) for name in "abc"] == [1, 1, 1]


def test_it_is_told_how_long_to_wait():
    pace = Pace(2, 4)
    taken(pace, "a", [NOON] * 4)
    with pytest.raises(TooFast) as told:
        pace.take("a", NOON)
    assert told.value.seconds == 1
    pace.take("a", at(told.value.seconds))


def test_a_rate_of_0_is_no_limit():
    assert taken(Pace(0, 1), "a", [NOON] * 10_000) == 10_000


def test_no_more_callers_are_remembered_than_there_is_room_for():
    pace = Pace(1, 1)
    for n in range(KEYS_LIMIT * 2):
        pace.take(n, NOON)
    assert len(pace._paid_until) == KEYS_LIMIT


def a_token(name="ci"):
    now = datetime.now(UTC)
    token, secret = new_token(name, now, now + timedelta(days=1))
    return token, {"Authorization": f"Bearer {secret}"} | EN


async def test_a_flood_of_adds_is_429_with_the_time_to_wait_and_adds_nothing(start):
    token, shown = a_token()
    server = await start(token, rate_limit=1, rate_burst=2)
    replies = [await server.add(headers=shown, replace="true") for _ in range(20)]
    assert {reply.status for reply in replies} == {200, 429}
    refused = next(reply for reply in replies if reply.status == 429)
    assert refused.doc["success"] is False and "setting rate_limit" in refused.error
    assert int(refused.headers["Retry-After"]) >= 1


async def test_over_rest_it_is_a_problem_and_reading_stays_free(start):
    token, shown = a_token()
    server = await start(token, rate_limit=1, rate_burst=1)
    path = "/api/v1/tasks/group/task/pause"
    replies = [await server.ask("POST", path, headers=shown) for _ in range(20)]
    refused = [reply for reply in replies if reply.status == 429]
    assert refused and refused[0].doc["code"] == "rate.too_fast"
    assert refused[0].headers["Retry-After"] == "1"
    for _ in range(5):
        assert (await server.get("/tasks", shown)).status == 200


async def test_one_token_does_not_slow_another(start):
    (one, shown), (other, shown_too) = a_token("one"), a_token("other")
    server = await start(one, other, rate_limit=1, rate_burst=1)
    await server.post("pause.do", a_key(), shown)
    assert (await server.post("pause.do", a_key(), shown_too)).status == 200


async def test_our_own_machine_without_a_token_has_no_limit(start):
    server = await start(rate_limit=1, rate_burst=1)
    for _ in range(5):
        assert (await server.post("add.do", a_form(replace="true"))).doc["success"] is True


async def test_reports_of_receivers_are_never_refused(start):
    server = await start(auth="token", rate_limit=1, rate_burst=1)
    for _ in range(5):
        reply = await server.post("taskcallback/updateTaskLog", {"id": "0" * 32})
        assert reply.status == 200


async def test_where_too_many_writes_wait_a_change_is_503_and_changes_nothing(
    task_server, monkeypatch
):
    monkeypatch.setattr(groupcommit, "QUEUE_LIMIT", 0)
    by_do = await task_server.post("pause.do", a_key(), EN)
    assert (by_do.status, by_do.doc["success"]) == (503, False)
    by_rest = await task_server.ask("POST", "/api/v1/tasks/group/task/pause", headers=EN)
    assert (by_rest.status, by_rest.doc["code"]) == (503, "store.unavailable")
    assert (await task_server.task())["state"] == "active"
