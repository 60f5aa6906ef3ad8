"""`PUT /tasks/{group}/{name}`: adds or replaces; what a task shows can be put back; all faults at once."""

import pytest

from tests.dialects.building import a_cron, a_recall, a_simple, a_socket, times
from tests.dialects.rest.putting import (
    EN,
    NOON_LINE,
    NOWHERE,
    UNION,
    WINDOW_LINE,
    a_put,
    faults,
    path,
    put,
    put_calendar,
)

FAR = "2998-03-02T08:00:00Z"
TRIGGERS = {
    "cron": NOON_LINE | {"dst": "skip", "start": FAR, "end": "2999-01-01T00:00:00Z"},
    "unix": {"kind": "cron", "expression": "*/5 8-17 * * 1-5", "dialect": "unix"},
    "once": {"kind": "simple", "start": FAR},
    "repeated": {"kind": "simple", "start": FAR, "interval_s": 0.5, "count": 3},
    "for ever": {"kind": "simple", "interval_s": 3600, "start": FAR},
    "window": WINDOW_LINE | {"days": {"unit": "week", "every": 2, "weekdays": [1, 3]}},
    "once a day": {"kind": "window", "opens": "08:00", "days": {"unit": "month", "days": [0, 15]}},
    "days": {"kind": "days", "days": 3, "at": "09:00", "first_date": "2998-03-02"},
    "delay": {"kind": "delay", "delay_s": "10m", "start": FAR},
    "union": UNION | {"lines": [NOON_LINE, WINDOW_LINE | {"end": "2999-01-01T00:00:00Z"}]},
}
KEPT = ("version", "trigger", "recall", "policies", "updated_at", "next_fire_at", "upcoming")


def kept(doc):
    return {key: doc[key] for key in KEPT}


async def test_a_task_is_added_and_shown_with_its_address(server):
    reply = await put(server, a_put(priority=7, note="夜间", labels={"team": "结算"}))
    assert (reply.status, reply.headers["Location"]) == (201, path())
    shown = await server.task()
    assert reply.doc == shown
    said = (shown["group"], shown["name"], shown["priority"], shown["note"], shown["labels"])
    assert said == ("group", "task", 7, "夜间", {"team": "结算"})
    assert (shown["state"], shown["version"], len(shown["upcoming"])) == ("active", 1, 5)


async def test_a_task_that_is_there_is_replaced(server):
    await server.added()
    reply = await put(server, a_put(UNION))
    assert (reply.status, reply.doc["version"]) == (200, 2)
    assert reply.doc["trigger"]["kind"] == "union"
    assert "Location" not in reply.headers


@pytest.mark.parametrize("trigger", TRIGGERS)
async def test_what_is_shown_can_be_put_back_and_nothing_changes(server, trigger):
    assert (await put(server, a_put(TRIGGERS[trigger]))).status == 201
    shown = await server.task()
    reply = await put(server, shown)
    assert reply.status == 200
    assert kept(reply.doc) == kept(shown)


async def test_what_came_by_form_can_be_put_back_and_nothing_changes(server):
    policies = {"connectTimeout": "300ms", "misfire": {"policy": "fire_all", "max": 7}}
    socket = a_socket({"host": "10.0.0.7", "port": 9100, "framing": "len4"})
    await server.added(a_cron(policies=policies | {"spread": "10m"}), socket, note="夜间")
    await server.added(a_simple(times(60, repeat=9), jobCode="b"), a_recall(data={"数": [1, None]}))
    for name in ("task", "b"):
        shown = await server.task(name)
        reply = await put(server, shown, name)
        assert (reply.status, kept(reply.doc)) == (200, kept(shown))


async def test_a_trigger_without_a_zone_takes_its_groups_else_the_servers(server):
    berlin = b'{"zone": "Europe/Berlin"}'
    assert (await server.ask("PUT", "/api/v1/groups/abroad", berlin)).status == 200
    doc = a_put({"kind": "union", "lines": [WINDOW_LINE, NOON_LINE]})
    for group, zone in (("abroad", "Europe/Berlin"), ("home", "Asia/Shanghai")):
        added = (await put(server, doc, group=group)).doc
        assert [line["zone"] for line in added["trigger"]["lines"]] == [zone, "UTC"]
        assert (await put(server, doc, group=group)).doc["version"] == 1


async def test_an_instruction_of_quartz_can_be_put_back(server):
    trigger = {"kind": "simple", "start": FAR, "interval_s": 60}
    doc = a_put(trigger, policies={"misfire": "MISFIRE_INSTRUCTION_FIRE_NOW"})
    shown = (await put(server, doc)).doc
    assert shown["policies"]["misfire"] == {"policy": "FIRE_NOW"}
    assert kept((await put(server, shown)).doc) == kept(shown)
    refused = await put(server, shown | {"trigger": NOON_LINE})
    assert set(faults(refused)) == {"policies.misfire.policy"}


async def test_what_is_shown_can_be_edited_and_put_back(server):
    await server.added(a_cron(policies={"timeout": "5s"}))
    shown = await server.task()
    shown["policies"]["timeout"] = 7
    shown["trigger"]["zone"] = "Asia/Tokyo"
    reply = await put(server, shown)
    assert (reply.status, reply.doc["version"]) == (200, 2)
    assert reply.doc["policies"] == shown["policies"] | {"timeout": "7s"}
    assert reply.doc["trigger"] == shown["trigger"]


WITHOUT_A_START = {
    "for ever": {"kind": "simple", "interval_s": "10m"},
    "counted": {"kind": "simple", "interval_s": "1h", "count": 5},
    "window": WINDOW_LINE | {"days": {"unit": "day", "every": 2}},
    "days": {"kind": "days", "days": 3, "at": "09:00"},
    "delay": {"kind": "delay", "delay_s": "1h"},
    "union": UNION | {"lines": [NOON_LINE, WINDOW_LINE, {"kind": "days", "at": "09:00"}]},
}


@pytest.mark.parametrize("shape", WITHOUT_A_START)
async def test_the_same_body_put_twice_is_one_task_and_one_version(server, shape):
    doc = a_put(WITHOUT_A_START[shape])
    first = (await put(server, doc)).doc
    again = await put(server, doc)
    assert (again.status, again.doc["version"]) == (200, 1)
    assert again.doc["trigger"] == first["trigger"]
    edited = (await put(server, doc | {"note": "edited"})).doc
    assert (edited["version"], edited["trigger"]) == (2, first["trigger"])


@pytest.mark.parametrize("trigger", [{"kind": "simple", "after": "1h"}, {"kind": "simple"}])
async def test_a_one_shot_a_while_from_now_is_meant_anew_each_time(server, trigger):
    first = (await put(server, a_put(trigger))).doc
    again = (await put(server, a_put(trigger))).doc
    assert again["version"] == 2
    assert again["trigger"]["start"] > first["trigger"]["start"]


async def test_a_counted_run_goes_on_when_only_the_note_is_edited(server):
    trigger = {"kind": "simple", "interval_s": 3600, "count": 5}
    added = (await put(server, a_put(trigger))).doc
    edited = (await put(server, added | {"note": "edited"})).doc
    assert (edited["note"], edited["version"]) == ("edited", 2)
    assert edited["trigger"] == added["trigger"]
    assert edited["upcoming"][-1] == added["upcoming"][-1]


async def test_data_that_only_look_equal_are_replaced(server):
    await put(server, a_put(recall={"kind": "HTTP", "url": NOWHERE, "data": {"a": 1}}))
    reply = await put(server, a_put(recall={"kind": "HTTP", "url": NOWHERE, "data": {"a": True}}))
    assert (reply.doc["version"], reply.doc["recall"]["data"]) == (2, {"a": True})


async def test_a_task_may_be_put_paused_and_stays_so_when_it_is_put_back(server):
    added = (await put(server, a_put(paused=True))).doc
    assert (added["state"], added["paused"], added["next_fire_at"]) == ("paused", True, None)
    back = (await put(server, added)).doc
    assert (back["state"], back["version"]) == ("paused", 1)
    assert (await put(server, added | {"paused": False})).doc["state"] == "active"


async def test_only_a_new_task_is_added_where_that_is_asked(server):
    assert (await put(server, a_put(), If_None_Match="*")).status == 201
    reply = await put(server, a_put(UNION), If_None_Match="*")
    assert (reply.status, reply.doc["code"]) == (409, "task.exists")
    assert (await server.task())["trigger"]["kind"] == "cron"


async def test_only_the_revision_that_was_seen_is_replaced_where_that_is_asked(server):
    seen = (await put(server, a_put())).headers["ETag"]
    assert (await server.get("/tasks/group/task")).headers["ETag"] == seen
    replaced = await put(server, a_put(note="second"), If_Match=seen)
    assert replaced.status == 200
    assert replaced.headers["ETag"] != seen
    stale = await put(server, a_put(note="third"), If_Match=seen)
    assert (stale.status, stale.doc["code"]) == (412, "task.changed")
    assert "version 2" in stale.detail
    assert (await server.task())["note"] == "second"


async def test_a_task_must_be_there_where_that_is_asked(server):
    reply = await put(server, a_put(), If_Match="*")
    assert (reply.status, reply.doc["code"]) == (404, "task.not_found")
    await put(server, a_put())
    assert (await put(server, a_put(note="second"), If_Match="*")).doc["version"] == 2
    reply = await put(server, a_put(), "other", If_Match='"some.1"')
    assert reply.status == 404


@pytest.mark.parametrize(
    ("header", "value", "code"),
    [("If_Match", "some.1", "task.tag"), ("If_None_Match", '"some.1"', "field.choice")],
)
async def test_a_condition_that_cannot_be_read_is_refused(server, header, value, code):
    assert faults(await put(server, a_put(), **{header: value})) == {header.replace("_", "-"): code}
    assert await server.task() is None


async def test_all_that_is_wrong_is_named_at_once_and_changes_nothing(server):
    await server.added()
    before = await server.task()
    doc = {
        "trigger": UNION | {"lines": [NOON_LINE | {"expression": "x"}]},
        "recall": {"kind": "HTTP", "url": "ftp://x/", "port": 80},
        "priority": "high",
        "note": 5.5,
        "labels": {"a": []},
        "policies": {"timeout": "soon", "shift": "skip", "misfire": {"polisy": "skip"}},
        "paused": "perhaps",
        "name": "other",
        "colour": "red",
    }
    assert faults(await put(server, doc)) == {
        "trigger.lines[0].expression": "cron.too_few",
        "recall.url": "recall.url_scheme",
        "recall.port": "field.unknown",
        "priority": "field.integer",
        "note": "field.text",
        "labels": "field.text",
        "policies.timeout": "field.duration",
        "policies.shift": "calendar.shift_alone",
        "policies.misfire.policy": "fault.required",
        "policies.misfire.polisy": "field.unknown",
        "paused": "field.boolean",
        "name": "task.other_name",
        "colour": "field.unknown",
    }
    assert await server.task() == before


async def test_an_unknown_field_is_told_what_can_be_said(server):
    (error,) = (await put(server, a_put(colour="red", upcoming=[]))).doc["errors"]
    assert error["message"] == (
        "colour: is not a known parameter; there are: group, name, trigger, recall, priority, "
        "note, labels, policies, paused (sent: red)"
    )


@pytest.mark.parametrize(
    ("doc", "field", "code"),
    [
        ({}, "trigger", "fault.required"),
        (a_put(recall=None), "recall", "fault.required"),
        (a_put(recall="x"), "recall", "json.syntax"),
        (a_put(group="other"), "group", "task.other_name"),
        (a_put(priority=2**40), "priority", "task.priority"),
        (a_put(note="x" * 2001), "note", "task.note"),
        (a_put(labels={"a": "x" * 201}), "labels", "task.labels"),
        (a_put(labels={str(n): "x" for n in range(51)}), "labels", "task.labels"),
        (a_put(NOON_LINE | {"end": "2020-01-01"}), "trigger.end", "trigger.never"),
        (
            a_put(NOON_LINE | {"expression": "0 0 12 * * ? 2020"}),
            "trigger.expression",
            "trigger.never_matches",
        ),
        (a_put({"kind": "union", "lines": []}), "trigger.lines", "field.list"),
        (
            a_put(policies={"calendar": "NC"}),
            "policies.calendar",
            "calendar.not_found_nearest",
        ),
        (
            a_put({"kind": "delay", "delay_s": 5}, policies={"calendar": "CN"}),
            "policies.calendar",
            "calendar.fixed_delay",
        ),
        (
            a_put(
                NOON_LINE | {"expression": "0 0 12 ? * SAT"},
                policies={"calendar": "CN"},
            ),
            "policies.calendar",
            "calendar.leaves_nothing",
        ),
        (b"[]", "body", "field.object"),
        (b"\xff\xfe", "body", "wire.utf8"),
    ],
)
async def test_what_is_wrong_is_named_in_both_languages(server, doc, field, code):
    await put_calendar(server)
    english, chinese = await put(server, doc), await put(server, doc, Accept_Language="zh")
    assert faults(english)[field] == code
    assert field in chinese.detail
    assert chinese.detail != english.detail
    assert await server.task() is None


@pytest.mark.parametrize("name", ["a/b", "每日 结算", "a?b#c%d&e+f", "..", "😀", "%2F"])
async def test_any_name_can_be_put(server, name):
    reply = await put(server, a_put(), name, name)
    assert reply.status == 201
    assert (await server.ask("GET", reply.headers["Location"])).doc["name"] == name


async def test_a_name_that_cannot_be_is_refused(server):
    for bad in ("%20a", "x" * 201, "a%00b"):
        reply = await server.ask("PUT", f"/api/v1/tasks/group/{bad}", b"{}", EN)
        assert "name" in faults(reply)


async def test_a_union_under_a_calendar_is_put_read_and_put_back_unchanged(server):
    """The whole story: what was planned stays planned, and editing the days changes just the days."""
    await put_calendar(server)
    under = {"calendar": "CN", "shift": "next_working_day"}
    added = (await put(server, a_put(UNION, policies=under))).doc
    shown = await server.get("/tasks/group/task")
    back = await put(server, shown.doc, If_Match=shown.headers["ETag"])
    assert back.status == 200
    assert kept(back.doc) == kept(shown.doc) == kept(added)
    assert back.headers["ETag"] == shown.headers["ETag"]
    assert await server.fires() == []
    union = UNION | {"lines": [NOON_LINE]}
    edited = (await put(server, back.doc | {"trigger": union})).doc
    assert edited["version"] == 2
    assert {fire[11:] for fire in edited["upcoming"]} == {"12:00:00Z"}


async def test_where_a_token_is_asked_for_it_is_asked_for_here(start):
    server = await start(auth="token")
    assert (await put(server, a_put())).status == 401
