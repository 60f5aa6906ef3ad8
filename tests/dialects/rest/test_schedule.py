"""`POST /schedule/explain`: words, fires, how often, notices; and all that is wrong with a question."""

import json
from time import perf_counter

import pytest

EN = {"Accept-Language": "en"}
WORK = {"expr": "0 15 9,13 ? * MON-FRI", "tz": "Asia/Shanghai", "start": "2026-11-22 00:00"}


def explain(post, asked, lang="en"):
    body = asked if isinstance(asked, bytes) else json.dumps(asked).encode()
    return post("api/v1/schedule/explain", body, {"Accept-Language": lang})


def explained(post, lang="en", **asked):
    reply = explain(post, asked, lang)
    assert reply.status == 200, reply.body
    return reply.doc


def faults(post, asked):
    """The fields at fault, with the codes of their faults."""
    reply = explain(post, asked)
    assert (reply.status, reply.headers["Content-Type"]) == (
        400,
        "application/problem+json; charset=utf-8",
    )
    return {error["field"]: error["code"] for error in reply.doc["errors"]}


def test_a_cron_expression_is_told_in_words_and_in_fires(post):
    doc = explained(post, **WORK, count=3)
    assert doc["words"] == "every weekday at 09:15 and 13:15, starting on 2026-11-22 00:00:00"
    assert doc["zone"] == "Asia/Shanghai"
    assert doc["fires"][0] == {"at": "2026-11-23T01:15:00Z", "local": "2026-11-23T09:15:00+08:00"}
    assert len(doc["fires"]) == 3
    assert (doc["per_day"], doc["per_year"], doc["notices"]) == (2, 520, [])


def test_the_words_are_in_the_callers_language(post):
    assert (
        explained(post, "zh", **WORK)["words"] == "工作日 09:15、13:15，自 2026-11-22 00:00:00 起"
    )


def test_ten_fires_from_now_on_where_nothing_else_is_asked(post):
    doc = explained(post, expr="0 0 12 * * ?")
    assert len(doc["fires"]) == 10
    assert doc["words"] == "every day at 12:00"


def test_a_fire_at_the_start_counts(post):
    doc = explained(post, expr="0 0 12 * * ?", tz="UTC", start="2027-01-01T12:00:00Z", count=1)
    assert doc["fires"][0]["at"] == "2027-01-01T12:00:00Z"


def test_the_clock_change_is_met_by_the_rule_asked_for_and_told(post):
    asked = {"expr": "0 30 2 * * ?", "tz": "America/New_York", "start": "2027-03-14", "count": 1}
    once, skipped = explained(post, **asked), explained(post, **asked, dst="skip")
    assert once["fires"][0]["local"] == "2027-03-14T03:00:00-04:00"
    assert skipped["fires"][0]["local"] == "2027-03-15T02:30:00-04:00"
    assert [once["notices"][0]["code"], skipped["notices"][0]["code"]] == ["gap_moved", "gap_lost"]
    assert once["notices"][0]["text"] == (
        "on 2027-03-14 the clocks go forward and 02:30 is left out: fires at 03:00 EDT"
    )


def test_a_simple_trigger_is_explained_as_well(post):
    trigger = {"kind": "simple", "interval_s": 0.5, "count": 3, "start": "2027-01-01T00:00:00Z"}
    doc = explained(post, trigger=trigger, tz="UTC")
    assert doc["words"].startswith("every 500 milliseconds from 2027-01-01 00:00:00")
    assert [fire["at"] for fire in doc["fires"]] == [
        "2027-01-01T00:00:00Z",
        "2027-01-01T00:00:00.500Z",
        "2027-01-01T00:00:01Z",
    ]
    assert doc["fires"][1]["local"] == "2027-01-01T00:00:00.500+00:00"


def test_a_simple_trigger_without_a_start_begins_now_and_without_a_count_never_ends(post):
    doc = explained(post, trigger={"kind": "simple", "interval_s": 60})
    assert (len(doc["fires"]), doc["per_day"], doc["per_year"]) == (10, 1440, 525_600)


def test_a_trigger_as_a_task_shows_it_is_understood(post):
    trigger = {"kind": "cron", "zone": "Asia/Tokyo", "expression": "0 0 2 * * ?"}
    trigger |= {"dst": "quartz", "start": None, "end": None}
    doc = explained(post, trigger=trigger)
    assert (doc["zone"], doc["words"]) == ("Asia/Tokyo", "every day at 02:00")


def test_what_never_fires_is_answered_with_a_notice(post):
    doc = explained(post, expr="0 0 12 * * ?", end="2020-01-01")
    assert (doc["fires"], doc["per_year"]) == ([], 0)
    assert doc["notices"] == [{"code": "never", "text": "it never fires again"}]


def test_all_faults_are_told_at_once(post):
    asked = {"expr": "0 0 12 * *", "tz": "Mars", "dst": "x", "start": "soon", "end": [], "count": 0}
    assert faults(post, asked | {"exp": 1}) == {
        "expr": "cron.unix",
        "tz": "trigger.zone",
        "dst": "field.choice",
        "start": "field.moment",
        "end": "field.moment",
        "count": "field.count",
        "exp": "field.unknown",
    }


@pytest.mark.parametrize(
    ("trigger", "expected"),
    [
        ({}, {"trigger.kind": "fault.required"}),
        ("x", {"trigger": "json.syntax"}),
        (5, {"trigger": "field.object"}),
        ({"kind": "lunar"}, {"trigger.kind": "field.choice"}),
        ({"kind": "simple", "expression": "x"}, {"trigger.expression": "field.unknown"}),
        ({"kind": "simple", "interval_s": 0}, {"trigger.interval_s": "trigger.interval"}),
        ({"kind": "simple", "interval_s": "1e9"}, {"trigger.interval_s": "field.duration"}),
        ({"kind": "simple", "count": 2}, {"trigger.interval_s": "fault.required"}),
        ({"kind": "simple", "count": 0}, {"trigger.count": "field.count"}),
        ({"kind": "simple", "zone": "Mars"}, {"trigger.zone": "trigger.zone"}),
        ({"kind": "simple", "end": "2020-01-01"}, {"trigger.end": "trigger.end_before_start"}),
        ({"kind": "cron"}, {"trigger.expression": "fault.required"}),
        ({"kind": "cron", "expression": "x" * 9999}, {"trigger.expression": "cron.too_long"}),
    ],
)
def test_a_faulty_trigger_is_told_its_fault(post, trigger, expected):
    assert faults(post, {"trigger": trigger}) == expected


def test_an_expression_beside_a_trigger_is_refused(post):
    asked = {"trigger": {"kind": "simple"}, "expr": "0 0 12 * * ?", "end": "2030-01-01"}
    assert faults(post, asked) == dict.fromkeys(("expr", "end"), "explain.beside_trigger")


@pytest.mark.parametrize("count", [1, 1000, "1000"])
def test_one_to_a_thousand_fires_can_be_asked_for(post, count):
    assert len(explained(post, expr="* * * * * ?", count=count)["fires"]) == int(count)


@pytest.mark.parametrize("count", [0, -1, 1001, 10**30, "many", 1.5, True, []])
def test_other_counts_are_refused(post, count):
    assert set(faults(post, {"expr": "* * * * * ?", "count": count})) == {"count"}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "json.syntax"),
        (b"[]", "field.object"),
        (b'"x"', "field.object"),
        (b"\xff\xfe", "wire.utf8"),
        (b'{"expr":NaN}', "json.constant"),
        (b"[" * 5000, "json.deep"),
        (b'{"expr":"\\ud800"}', "json.text"),
    ],
)
def test_a_body_that_is_no_json_object_is_refused(post, body, code):
    assert faults(post, body) == {"body": code}


def test_an_end_before_the_start_is_refused(post):
    asked = {"expr": "* * * * * ?", "start": "2027-01-02", "end": "2027-01-01"}
    assert faults(post, asked) == {"end": "trigger.end_before_start"}


def test_an_endless_zone_name_is_refused_at_once(post):
    began = perf_counter()
    assert faults(post, {"expr": "* * * * * ?", "tz": "Z" * 500_000}) == {"tz": "trigger.zone"}
    assert perf_counter() - began < 1


async def test_where_a_token_is_asked_for_it_is_asked_for_here(start):
    server = await start(auth="token")
    reply = await server.ask("POST", "/api/v1/schedule/explain", b'{"expr":"* * * * * ?"}', EN)
    assert reply.status == 401
