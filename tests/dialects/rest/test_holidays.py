"""POST /api/v1/calendars/{name}/holidays: a country's days laid into a calendar, in one change."""

import json

import pytest

from tests.dialects.building import a_cron

CN = {"country": "CN", "subdivision": None, "years": [2026]}


async def add(server, doc=CN, name="CN", **headers):
    body = doc if isinstance(doc, bytes) else json.dumps(doc).encode()
    return await server.ask("POST", f"/api/v1/calendars/{name}/holidays", body, headers)


async def put(server, doc, name="CN"):
    return await server.ask("PUT", f"/api/v1/calendars/{name}", json.dumps(doc).encode())


def faults(reply):
    assert reply.status == 400, reply.body
    return {each["field"]: each["code"] for each in reply.doc["errors"]}


async def test_the_national_holiday_is_excluded_and_the_made_up_days_are_worked(server):
    made = await add(server)
    assert (made.status, made.doc["version"], made.doc["weekdays"]) == (200, 1, [6, 7])
    shown = (await server.get("/calendars/CN/preview?from=2026-09-19&to=2026-10-11")).doc
    assert [each["date"][5:] for each in shown["excluded"]] == [
        *("09-19", "09-25", "09-26", "09-27"),
        *("10-01", "10-02", "10-03", "10-04", "10-05", "10-06", "10-07", "10-11"),
    ]
    assert shown["working"] == ["2026-09-20", "2026-10-10"]


async def test_the_answer_tells_what_the_country_brought_and_what_is_not_known_yet(server):
    reply = await add(server, CN | {"years": [2026, 2030]}, **{"Accept-Language": "en"})
    assert reply.doc["named"]["country"] == "CN"
    assert "2026-10-10" in reply.doc["named"]["working"]
    assert {"first": "2026-10-01", "last": "2026-10-03", "title": "National Day"} in (
        reply.doc["named"]["excluded"]
    )
    until = reply.doc["made_up_until"]
    assert f"Make-up days are known up to {until}" in reply.doc["notices"][0]
    assert (await add(server)).doc["notices"] == []


@pytest.mark.parametrize(("said", "title"), [({}, "国庆节"), ({"language": "en"}, "National Day")])
async def test_titles_are_in_the_language_of_the_caller_or_the_one_asked_for(server, said, title):
    reply = await add(server, CN | said, **{"Accept-Language": "zh"})
    assert title in {each["title"] for each in reply.doc["excluded"]}


async def test_years_are_listed_or_written_as_people_write_them(server):
    listed = await add(server, CN | {"years": [2026, 2025]})
    written = await add(server, CN | {"years": "2025-2026"})
    assert listed.doc == written.doc


async def test_a_calendar_gains_holidays_and_keeps_its_own_dates(server):
    own = {"first": "2026-12-24", "last": "2026-12-31", "title": "freeze"}
    await put(server, {"weekdays": [7], "excluded": [own], "note": "plant 2"})
    reply = await add(server, CN | {"weekend": False})
    assert own in reply.doc["excluded"]
    assert (reply.doc["weekdays"], reply.doc["note"]) == ([7], "plant 2")
    assert (await add(server, CN | {"weekend": False})).doc["version"] == reply.doc["version"]


async def test_every_fault_is_named_and_nothing_is_made(server):
    wrong = {"country": "XQ", "years": [1900], "colour": "red", "weekend": "?", "language": "fr"}
    assert faults(await add(server, wrong)) == {
        "years": "calendar.seed_years",
        "colour": "field.unknown",
        "weekend": "field.boolean",
        "language": "field.choice",
    }
    assert set(faults(await add(server, {}))) == {"country", "years"}
    assert faults(await add(server, CN | {"years": "soon"})) == {
        "years": "calendar.seed_years_text"
    }
    assert faults(await add(server, CN | {"years": 2026})) == {"years": "field.list"}
    assert faults(await add(server, CN | {"country": "XQ"}))["country"].startswith("calendar.seed")
    assert (await server.get("/calendars/CN")).status == 404


async def test_an_unknown_country_is_answered_with_the_nearest_in_both_languages(server):
    for lang, words in (("zh", "是不是"), ("en", "did you mean")):
        reply = await add(server, CN | {"country": "Chnia"}, **{"Accept-Language": lang})
        assert words in reply.detail
        assert "CN (China)" in reply.detail


async def test_holidays_that_leave_no_working_day_are_refused(server):
    await put(server, {"weekdays": [1, 2, 3, 4, 5], "working": []})
    reply = await add(server)
    assert faults(reply) == {"years": "calendar.excludes_all"}
    assert (await server.get("/calendars/CN")).doc["weekdays"] == [1, 2, 3, 4, 5]


async def test_a_name_that_can_be_none_is_refused(server):
    assert faults(await add(server, name="%20")) == {"name": "calendar.name"}


async def test_tasks_are_listed_by_their_calendar_and_calendars_count_them(server):
    await add(server)
    await server.added(a_cron(jobCode="a", policies={"calendar": "CN"}))
    await server.added(a_cron(jobCode="b"))
    listed = (await server.get("/tasks?calendar=CN")).doc["items"]
    assert [each["name"] for each in listed] == ["a"]
    assert (await server.get("/calendars")).doc["items"][0]["tasks"] == 1
