"""/api/v1/calendars: made, shown, imported, previewed, refused with every fault named."""

import json
from datetime import UTC, datetime

import pytest

from tests.dialects.building import a_cron

NEXT_YEAR = datetime.now(UTC).year + 1

CN = {
    "weekdays": [6, 7],
    "excluded": [{"first": "2099-10-01", "last": "2099-10-07", "title": "国庆节"}],
    "working": ["2099-10-10"],
}
EVENT = f"BEGIN:VEVENT\r\nDTSTART;VALUE=DATE:{NEXT_YEAR}0501\r\nEND:VEVENT\r\n"
ICAL = f"BEGIN:VCALENDAR\r\n{EVENT}END:VCALENDAR\r\n"


async def put(server, doc=CN, name="CN", **headers):
    body = doc if isinstance(doc, bytes) else json.dumps(doc).encode()
    return await server.ask("PUT", f"/api/v1/calendars/{name}", body, headers)


def under(calendar, **more):
    return a_cron(policies={"calendar": calendar} | more)


async def test_a_calendar_is_shown_as_it_was_put(server):
    reply = await put(server)
    shown = (await server.get("/calendars/CN")).doc
    assert reply.status == 200
    assert reply.doc == shown
    assert {key: shown[key] for key in CN} == CN
    assert (shown["name"], shown["version"]) == ("CN", 1)
    assert (await server.get("/calendars")).doc == {"items": [shown | {"tasks": 0}]}


async def test_a_range_without_a_last_day_is_one_day(server):
    reply = await put(server, {"excluded": [{"first": "2099-10-01"}]})
    assert reply.doc["excluded"] == [{"first": "2099-10-01", "last": "2099-10-01", "title": ""}]


async def test_every_fault_of_a_calendar_is_named(server):
    doc = {
        "weekdays": [0, "1"],
        "excluded": [{"first": "2099-10-07", "last": "2099-10-01"}, {"last": "x", "day": 1}, 7],
        "working": ["2099-02-30", 5, "1815-06-18"],
        "colour": "red",
    }
    reply = await put(server, doc)
    assert reply.status == 400
    assert {(each["field"], each["code"]) for each in reply.doc["errors"]} == {
        ("colour", "field.unknown"),
        ("weekdays", "calendar.weekday_list"),
        ("excluded[0].last", "calendar.range_backwards"),
        ("excluded[1].first", "fault.required"),
        ("excluded[1].last", "calendar.date"),
        ("excluded[1].day", "field.unknown"),
        ("excluded[2]", "field.object"),
        ("working[0]", "calendar.date"),
        ("working[1]", "calendar.date"),
        ("working[2]", "calendar.date_range"),
    }
    assert (await server.get("/calendars/CN")).status == 404


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"\xff", b"{", b'{"weekdays": 7}', b'{"excluded": {}}', b'{"working": 1}']
)
async def test_a_body_that_is_no_calendar_is_refused(server, body):
    reply = await put(server, body)
    assert (reply.status, len(reply.doc["errors"])) == (400, 1)


async def test_a_calendar_that_excludes_everything_is_refused_in_both_languages(server):
    doc = {"weekdays": [1, 2, 3, 4, 5, 6, 7], "working": ["2020-01-01"]}
    for lang, word in (("zh", "每一天"), ("en", "every day")):
        reply = await put(server, doc, **{"Accept-Language": lang})
        assert [each["code"] for each in reply.doc["errors"]] == ["calendar.excludes_all"]
        assert word in reply.detail


async def test_an_imported_calendar_gains_dates_and_loses_none(server):
    await put(server)
    path = "/api/v1/calendars/CN/import?title=%E4%BA%94%E4%B8%80"
    reply = await server.ask("POST", path, ICAL.encode(), {"Content-Type": "text/calendar"})
    may_day = f"{NEXT_YEAR}-05-01"
    added = {"first": may_day, "last": may_day, "title": "五一"}
    assert reply.doc["excluded"] == [added, *CN["excluded"]]
    assert reply.doc["weekdays"] == CN["weekdays"]


async def test_an_import_makes_the_calendar_and_a_broken_one_names_its_line(server):
    made = await server.ask("POST", "/api/v1/calendars/new/import", ICAL.encode())
    broken = await server.ask("POST", "/api/v1/calendars/new/import", b"BEGIN:VEVENT\r\nhello\r\n")
    assert (made.status, made.doc["version"], broken.status) == (200, 1, 400)
    assert [each["field"] for each in broken.doc["errors"]] == ["body"]


async def test_a_preview_strikes_out_the_holiday_and_shows_the_made_up_day(server):
    await put(server)
    preview = (await server.get("/calendars/CN/preview?from=2099-10-01&to=2099-10-11")).doc
    assert [each["date"][8:] for each in preview["excluded"]] == [
        *("01", "02", "03", "04", "05", "06", "07", "11"),
    ]
    assert preview["excluded"][0]["title"] == "国庆节"
    assert preview["working"] == ["2099-10-10"]


@pytest.mark.parametrize(
    "query",
    ["", "from=2099-01-01", "from=2099-01-02&to=2099-01-01", "from=1990-01-01&to=2099-01-01"],
)
async def test_a_preview_of_no_fit_range_is_refused(server, query):
    await put(server)
    assert (await server.get(f"/calendars/CN/preview?{query}")).status == 400


async def test_an_unknown_calendar_is_not_found_with_the_nearest_names(server):
    await put(server, name="CN-workdays")
    reply = await server.get("/calendars/CN-workday")
    assert reply.status == 404
    assert "CN-workdays" in reply.detail


async def test_a_calendar_in_use_is_not_deleted(server):
    await put(server)
    await server.added(under("CN"))
    refused = await server.ask("DELETE", "/api/v1/calendars/CN")
    assert (refused.status, refused.doc["code"]) == (409, "calendar.in_use")
    await server.post("delete.do", {"groupCode": "group", "jobCode": "task"})
    assert (await server.ask("DELETE", "/api/v1/calendars/CN")).status == 204


async def test_a_task_under_a_calendar_shows_it_and_fires_by_it(server):
    await put(server, {"weekdays": [1, 2, 3, 4, 5, 6], "working": []})
    reply = await server.added(under("CN", shift="next_working_day"))
    task = await server.task()
    assert task["policies"]["calendar"] == "CN"
    assert task["policies"]["shift"] == "next_working_day"
    planned = [datetime.fromisoformat(fire) for fire in reply["plannedFires"]]
    assert {fire.isoweekday() for fire in planned} == {7}
    assert datetime.fromisoformat(task["next_fire_at"]) == planned[0]


async def test_an_unknown_calendar_is_refused_at_add_with_the_nearest_names(server):
    await put(server, name="CN-workdays")
    reply = await server.add(under("CN-workday"))
    assert "CN-workdays" in reply.error
    assert await server.task() is None


@pytest.mark.parametrize(
    "policies", [{"shift": "skip"}, {"calendar": "CN", "shift": "sideways"}, {"calendar": " "}]
)
async def test_a_shift_or_calendar_that_is_none_is_refused(server, policies):
    await put(server)
    reply = await server.add(a_cron(policies=policies))
    assert "taskConfig.policies." in reply.error


async def test_a_task_that_its_calendar_never_lets_fire_is_refused(server):
    await put(server, {"weekdays": [7]})
    sundays = a_cron(cronExpress="0 0 9 ? * SUN", policies={"calendar": "CN"})
    assert (await server.add(sundays)).doc["success"] is False
