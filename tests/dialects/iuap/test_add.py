"""add.do: a task is stored as it was said, and the reply tells when it will fire."""

import itertools
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest

from dispatchserver.clock import SystemClock
from dispatchserver.domain.moments import from_ms
from tests.dialects.building import a_cron, a_form, a_recall, a_simple, a_socket, times

PAST = datetime.now(UTC) - timedelta(days=1)
FUTURE = (datetime.now(UTC) + timedelta(days=400)).replace(
    hour=4, minute=0, second=0, microsecond=0
)


def ms(moment):
    return int(moment.timestamp() * 1000)


def moments(doc):
    return [datetime.fromisoformat(fire) for fire in doc["plannedFires"]]


def is_now(moment):
    return abs(moment - datetime.now(UTC)) < timedelta(seconds=30)


async def test_an_added_task_is_stored_as_it_was_said(server):
    await server.added(a_cron(priority=7), a_recall(data={"city": "北京"}), note="每天中午")
    task = await server.task()
    assert (task["group"], task["name"], task["state"]) == ("group", "task", "active")
    assert (task["priority"], task["note"], task["version"]) == (7, "每天中午", 1)
    assert task["trigger"]["expression"] == "0 0 12 * * ?"
    assert task["recall"]["data"] == {"city": "北京"}


async def test_the_reply_is_these_bytes(server):
    reply = await server.add(a_simple(startDate=ms(FUTURE)))
    planned = FUTURE.isoformat(timespec="seconds")
    golden = f'{{"success":true,"error":null,"resultValue":null,"plannedFires":["{planned}"]}}'
    assert (reply.status, reply.body) == (200, golden.encode())
    assert reply.headers["Content-Type"] == "application/json; charset=utf-8"
    assert "error" not in reply.headers


async def test_a_second_add_without_replace_is_refused_and_changes_nothing(server):
    await server.added(a_cron(priority=1))
    before = await server.task()
    reply = await server.add(a_cron(priority=2))
    assert (reply.status, reply.doc["success"]) == (200, False)
    assert "group/task" in reply.error and "replace=true" in reply.error
    assert await server.task() == before


@pytest.mark.parametrize("word", ["true", "TRUE", "True", "1"])
async def test_replace_overwrites_and_raises_the_version(server, word):
    await server.added(a_cron(priority=1))
    await server.added(a_cron(priority=2), replace=word)
    task = await server.task()
    assert (task["priority"], task["version"], task["state"]) == (2, 2, "active")


@pytest.mark.parametrize("word", ["false", "FALSE", "0", ""])
async def test_every_spelling_of_no_keeps_the_task(server, word):
    await server.added(a_cron(priority=1))
    assert (await server.add(a_cron(priority=2), replace=word)).doc["success"] is False
    assert (await server.task())["priority"] == 1


async def test_replace_makes_a_paused_task_active(server):
    await server.added()
    await server.post("pause.do", {"jobName": "task", "groupName": "group"})
    await server.added(replace="true")
    assert (await server.task())["state"] == "active"


@pytest.mark.parametrize("key", ["option", "data"])
async def test_option_and_data_may_be_text_that_holds_an_object(server, key):
    as_text = {"option": '{"url":"http://127.0.0.1:9/x"};', "data": ' {"a":{"b":[1]}}'}
    await server.added(recall=a_recall(**{key: as_text[key]}))
    recall = (await server.task())["recall"]
    assert recall["url"] == (
        "http://127.0.0.1:9/x" if key == "option" else a_recall()["option"]["url"]
    )
    assert recall["data"] == ({"a": {"b": [1]}} if key == "data" else {})


@pytest.mark.parametrize("data", ["just words", "{not json", [1, 2], 5, True, None, "[1,2]"])
async def test_data_that_is_no_object_goes_as_it_is(server, data):
    await server.added(recall=a_recall(data=data))
    assert (await server.task())["recall"]["data"] == data


@pytest.mark.parametrize(
    "option",
    [
        {"host": "10.0.0.7", "port": 9100},
        {"host": "10.0.0.7", "port": "9100"},
        '{"host":"10.0.0.7","port":"9100"}',
        "10.0.0.7:9100",
        {"host": "10.0.0.7:9100"},
    ],
)
async def test_a_socket_receiver_is_named_in_any_of_these_ways(server, option):
    await server.added(recall=a_socket(option))
    recall = (await server.task())["recall"]
    assert (recall["kind"], recall["host"], recall["port"]) == ("SOCKET", "10.0.0.7", 9100)


@pytest.mark.parametrize("config", [{}, {"timeConfig": None}, {"timeConfig": ""}])
async def test_without_a_time_config_the_task_fires_once_at_its_start(server, config):
    task = a_simple(startDate=ms(FUTURE)) | config
    assert moments(await server.added(task)) == [FUTURE]


@pytest.mark.parametrize("unit", ["NULL", None, "null"])
async def test_the_interval_type_null_means_once(server, unit):
    doc = await server.added(a_simple(times(5, unit, repeat=9), startDate=ms(FUTURE)))
    assert moments(doc) == [FUTURE]


@pytest.mark.parametrize(
    ("unit", "seconds"),
    [("MILLISECOND", 0.5), ("SECOND", 500), ("minute", 500 * 60), ("HOUR", 500 * 3600)],
)
async def test_the_interval_counts_in_its_unit(server, unit, seconds):
    doc = await server.added(a_simple(times(500, unit, repeat=2), startDate=ms(FUTURE)))
    assert moments(doc) == [FUTURE, FUTURE + timedelta(seconds=seconds)]


@pytest.mark.parametrize("end", [None, ""])
async def test_an_end_date_of_null_is_none(server, end):
    await server.added(a_simple(startDate=ms(FUTURE), endDate=end))
    assert (await server.task())["trigger"]["end"] is None


LOCAL = (FUTURE + timedelta(hours=8)).replace(tzinfo=None)
FORMS = [
    ms(FUTURE),
    str(ms(FUTURE)),
    float(ms(FUTURE)),
    LOCAL.strftime("%Y-%m-%d %H:%M"),
    LOCAL.strftime("%Y-%m-%d %H:%M:%S"),
    LOCAL.strftime("%Y-%m-%d %H:%M:%S.000"),
    LOCAL.isoformat(),
    LOCAL.isoformat() + "+08:00",
    LOCAL.isoformat() + "+0800",
    FUTURE.isoformat().replace("+00:00", "Z"),
    f" {LOCAL:%Y-%m-%d %H:%M} ",
]


@pytest.mark.parametrize("form", FORMS)
async def test_a_date_is_read_in_every_form_and_in_the_servers_zone(server, form):
    task = a_simple(startDate=form)
    del task["timeZone"]
    (fire,) = (await server.added(task))["plannedFires"]
    assert fire == LOCAL.isoformat() + "+08:00"


async def test_a_local_date_is_read_in_the_tasks_own_zone(server):
    task = a_simple(startDate=f"{FUTURE:%Y-%m-%d} 09:00", timeZone="Asia/Tokyo")
    (fire,) = (await server.added(task))["plannedFires"]
    assert fire == f"{FUTURE:%Y-%m-%d}T09:00:00+09:00"


@pytest.mark.parametrize(("repeat", "fires"), [(0, 1), (1, 1), (2, 2), (4, 4)])
async def test_repeat_count_is_the_total_number_of_fires(server, repeat, fires):
    doc = await server.added(a_simple(times(repeat=repeat), startDate=ms(FUTURE)))
    assert len(moments(doc)) == fires


@pytest.mark.parametrize(("repeat", "fires"), [(0, 1), (1, 2), (3, 4), (-1, 5)])
async def test_repeat_count_counts_beyond_the_first_where_set_so(start, repeat, fires):
    server = await start(repeat_count="extra")
    doc = await server.added(a_simple(times(repeat=repeat), startDate=ms(FUTURE)))
    assert len(moments(doc)) == fires


@pytest.mark.parametrize("word", [True, "true", 1, "1"])
async def test_for_ever_overrules_the_repeat_count(server, word):
    doc = await server.added(a_simple(times(forever=word, repeat=1), startDate=ms(FUTURE)))
    assert len(moments(doc)) == 5
    assert (await server.task())["trigger"]["count"] is None


async def test_a_one_shot_whose_start_has_passed_fires_at_once(server):
    (fire,) = moments(await server.added(a_simple(startDate=ms(PAST))))
    assert is_now(fire)


async def test_a_counted_run_whose_start_has_passed_counts_from_now(server):
    first, *others = moments(await server.added(a_simple(times(60, repeat=3), startDate=ms(PAST))))
    assert is_now(first)
    assert others == [first + timedelta(minutes=1), first + timedelta(minutes=2)]


async def test_an_endless_run_whose_start_has_passed_stays_on_its_grid(server):
    doc = await server.added(a_simple(times(1, "HOUR", forever=True), startDate=ms(PAST)))
    (first, *_) = moments(doc)
    assert (ms(first) - ms(PAST)) % 3_600_000 == 0
    assert timedelta(0) <= first - datetime.now(UTC) + timedelta(seconds=30) <= timedelta(hours=1.1)


async def test_an_endless_run_without_a_start_begins_at_once(server, monkeypatch):
    ticks = itertools.count(ms(datetime.now(UTC)))
    monkeypatch.setattr(SystemClock, "now", lambda _: from_ms(next(ticks)))
    doc = await server.added(a_simple(times(1, "HOUR", forever=True)))
    assert is_now(moments(doc)[0])


async def test_a_simple_run_ends_before_its_end_and_cron_at_it(server):
    end = ms(FUTURE + timedelta(seconds=4))
    simple = a_simple(times(repeat=9), startDate=ms(FUTURE), endDate=end)
    assert len(moments(await server.added(simple))) == 2
    cron = a_cron(jobCode="cron", cronExpress="0/2 * * * * ?", startDate=ms(FUTURE), endDate=end)
    assert len(moments(await server.added(cron))) == 3


async def test_weekdays_are_numbered_as_in_quartz(server):
    doc = await server.added(a_cron(cronExpress="0 0 12 ? * 1"))
    assert {fire.strftime("%A %H:%M") for fire in moments(doc)} == {"Sunday 12:00"}


async def test_planned_fires_are_told_in_the_tasks_zone(server):
    doc = await server.added(a_cron(timeZone="America/New_York", startDate="2028-01-10 00:00"))
    assert doc["plannedFires"][0] == "2028-01-10T12:00:00-05:00"


async def test_time_limits_are_kept(server):
    policies = {"connectTimeout": "300ms", "timeout": 5, "reportTimeout": "2h"}
    await server.added(a_cron(policies=policies))
    kept = (await server.task())["policies"]
    limits = {"connectTimeout": "300ms", "timeout": "5s", "reportTimeout": "2h"}
    assert kept | limits == kept


@pytest.mark.parametrize("name", ["a/b", "每日 结算", 'it\'s "quoted"', "a?b#c%d", "..", "😀"])
async def test_a_name_is_kept_to_the_letter(server, name):
    await server.added(a_cron(jobCode=name, groupCode=name))
    assert (await server.task(name, name))["name"] == name


async def test_form_fields_may_stand_in_the_query_string(server):
    reply = await server.post(f"add.do?{urlencode(a_form())}")
    assert reply.doc["success"] is True
