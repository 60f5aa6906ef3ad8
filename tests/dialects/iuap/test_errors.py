"""Refusals: every fault at once, each with its field, what was sent and what is allowed; nothing is changed."""

import io
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

import pytest

from tests.dialects.building import a_cron, a_form, a_key, a_recall, a_simple, a_socket, times

EN = {"Accept-Language": "en-GB,en;q=0.9,zh;q=0.8"}
SOON = datetime.now(UTC) + timedelta(days=2)


async def refusal(server, task=None, recall=None, **fields):
    """The English words of an add that must be refused and leave nothing behind."""
    reply = await server.add(task, recall, headers=EN, **fields)
    assert (reply.status, reply.doc["success"], reply.doc["resultValue"]) == (200, False, None)
    assert (await server.get("/tasks")).doc["items"] == []
    return reply.error


async def test_every_fault_is_told_at_once(server):
    task = a_simple(times("x", "DAYS", repeat=-2), jobCode=" a ", priority="high", endDate="soon")
    recall = a_recall("ftp://host/", recallType="HTTP")
    error = await refusal(server, task, recall, replace="maybe", note="n" * 2001)
    for field in ("jobCode", "priority", "endDate", "timeConfig.intervalType"):
        assert f"taskConfig.{field}: " in error
    assert "taskConfig.timeConfig.repeatCount: " in error
    assert "recallConfig.option.url: " in error and "replace: " in error and "note: " in error


async def test_a_fault_says_what_was_sent_and_what_is_allowed(server):
    error = await refusal(server, a_simple(times(unit="DAYS")))
    assert error == (
        "taskConfig.timeConfig.intervalType: must be one of: "
        "NULL, MILLISECOND, SECOND, MINUTE, HOUR (sent: DAYS)"
    )


@pytest.mark.parametrize(
    ("task", "words"),
    [
        (a_cron(cronExpress="*/5 * * * *"), "`0 */5 * * * ?`"),
        (
            a_cron(cronExpress="0 0 12 * * *"),
            "exactly one of day-of-month and day-of-week must be ?",
        ),
        (a_cron(cronExpress="0 0 12 ? * 0"), "Sunday is 1"),
        (a_cron(cronExpress="@daily"), "`0 0 0 * * ?`"),
        (a_cron(cronExpress="0 0 0 30 2 ?"), "taskConfig.cronExpress: never matches"),
        (a_cron(cronExpress="0 0 0 1 1 ? 2020"), "(sent: 0 0 0 1 1 ? 2020)"),
        (a_cron(cronExpress="* " * 200), "at most 256"),
        (a_cron(cronExpress=None), "taskConfig.cronExpress: is required"),
        (a_cron(endDate="2020-01-01 00:00"), "taskConfig.endDate: would never fire"),
        (a_cron(triggerType="Cron"), "FixedDelayTrigger, UnionTrigger (sent: Cron)"),
        (a_cron(triggerType=None), "taskConfig.triggerType: is required"),
        (a_cron(jobCode=None), "taskConfig.jobCode: is required"),
        (a_cron(groupCode="g" * 201), "1 to 200 characters"),
        (a_cron(groupCode="a\tb"), "control characters"),
        (a_cron(priority=2**31), "2147483647"),
        (a_cron(timeZone="Shanghai"), "Asia/Shanghai"),
        (a_cron(dst="never"), "taskConfig.dst: must be one of"),
        (a_cron(policies={"timeout": "9999999999d"}), "taskConfig.policies.timeout: "),
        (a_simple(times(0, repeat=2)), "at least 10 milliseconds"),
        (a_simple(times(None, repeat=2)), "taskConfig.timeConfig.interval: is required"),
        (a_simple(times(10**18, "HOUR", repeat=2)), "at most 36525 days"),
        (a_simple(times(repeat=-1)), "from 0 to"),
        (
            a_simple(times(forever="ever")),
            "isForever: must be true or false (1 or 0 will do) (sent: ever)",
        ),
        (a_simple([1]), "taskConfig.timeConfig: must be a JSON object"),
        (a_simple(startDate="tomorrow"), '"2026-11-22 09:00:00", or ISO 8601'),
        (a_simple(startDate=-5), "1970"),
    ],
)
async def test_a_task_that_cannot_be_is_refused_with_a_way_out(server, task, words):
    assert words in await refusal(server, task)


@pytest.mark.parametrize(
    ("recall", "words"),
    [
        (a_recall("host:80/x"), "recallConfig.option.url: must start with http:// or https://"),
        (a_recall("http://"), "http://host:8080/path"),
        (a_recall("http://u:p@host/"), "user name"),
        (a_recall("http://169.254.169.254/"), "metadata"),
        (a_recall("http://h/" + "x" * 2048), "2048"),
        (a_recall("http://h/a b"), "percent-encode"),
        (
            a_recall(recallType="FTP"),
            "recallConfig.recallType: must be one of: HTTP, SOCKET (sent: FTP)",
        ),
        (a_recall(option=None), "recallConfig.option: is required"),
        (a_recall(option="{"), "recallConfig.option: is not valid JSON"),
        (a_recall(option={}), "recallConfig.option.url: is required"),
        (a_recall(data="x" * 262_145), "recallConfig.data: is too large"),
        (
            a_socket('{"host":"ip","port"}'),
            "recallConfig.option: is not valid JSON: look at character 20",
        ),
        (
            a_socket({"host": "ip", "port": 0}),
            "recallConfig.option.port: must be a whole number from 1",
        ),
        (a_socket({"host": "ip", "port": "x"}), "option.port: must be a whole number (sent: x)"),
        (a_socket({"host": "a b", "port": 1}), "recallConfig.option.host: is not a host name"),
        (a_socket({"host": "ip"}), "recallConfig.option.port: is required"),
    ],
)
async def test_a_receiver_that_cannot_be_is_refused_with_a_way_out(server, recall, words):
    assert words in await refusal(server, recall=recall)


async def test_an_end_before_the_start_is_refused_beside_other_faults(server):
    task = a_simple(startDate=f"{SOON:%Y-%m-%d} 09:00", endDate=f"{SOON:%Y-%m-%d} 08:00")
    error = await refusal(server, task, a_recall("ftp://x/"))
    assert (
        f"taskConfig.endDate: must be later than the start (sent: {SOON:%Y-%m-%d} 08:00)" in error
    )
    assert "recallConfig.option.url: " in error
    assert "never" not in error


async def test_both_configurations_are_required(server):
    error = (await server.post("add.do", b"", EN)).error
    assert error == (
        "recallConfig: is required and was not given; taskConfig: is required and was not given"
    )


async def test_the_words_are_chinese_by_default_and_english_on_request(server):
    chinese, english = (
        await server.add(a_cron(priority="x")),
        await server.add(a_cron(priority="x"), headers=EN),
    )
    assert chinese.error == "taskConfig.priority：应为整数（收到：x）"
    assert english.error == "taskConfig.priority: must be a whole number (sent: x)"


@pytest.mark.parametrize(
    ("header", "english"),
    [("en", True), ("fr, en;q=0.5", True), ("zh-CN", False), ("en ; q=0.1, zh; q=0.2", False)],
)
async def test_the_language_is_what_the_caller_prefers(server, header, english):
    reply = await server.add(a_cron(priority="x"), headers={"Accept-Language": header})
    assert reply.error.isascii() is english


async def test_english_by_default_where_the_server_says_so(start):
    server = await start(lang="en")
    assert (await server.post("pause.do", a_key())).error.startswith("there is no task group/task")


async def test_the_error_header_says_the_same_percent_encoded(server):
    reply = await server.add(a_cron(priority="高"))
    header = reply.headers["error"]
    assert header.isascii()
    assert unquote(header) == reply.error == "taskConfig.priority：应为整数（收到：高）"


async def test_a_long_error_header_is_cut_between_characters(server):
    reply = await server.add(
        a_cron(**dict.fromkeys(("priority", "startDate", "dst", "timeZone"), "坏" * 300))
    )
    header = reply.headers["error"]
    assert len(header) <= 4000
    assert reply.error.startswith(unquote(header, errors="strict"))


async def test_line_breaks_sent_by_a_caller_do_not_reach_a_header(server):
    reply = await server.add(a_cron(priority="1\r\nSet-Cookie: a=b"))
    assert "Set-Cookie" not in reply.headers
    assert "\\x0d\\x0a" in reply.error


async def test_a_body_over_the_limit_is_413_in_the_envelope(server):
    reply = await server.post("add.do", io.BytesIO(b"x" * (1024 * 1024 + 1)), EN)
    assert (reply.status, reply.doc["success"]) == (413, False)
    assert "1048576" in reply.error and unquote(reply.headers["error"]) == reply.error


async def test_an_unreadable_body_is_400_in_the_envelope(server):
    reply = await server.post("add.do", b'{"taskConfig":', EN)
    assert (reply.status, reply.doc["success"]) == (400, False)
    assert reply.error.startswith("body: is not valid JSON")


async def test_a_missing_token_is_401_in_the_envelope(start):
    server = await start(auth="token")
    reply = await server.post("add.do", a_form(), EN)
    assert (reply.status, reply.doc["success"], reply.doc["resultValue"]) == (401, False, None)
    assert reply.headers["WWW-Authenticate"].startswith("Bearer")
    assert "dispatchserver token create" in reply.error


async def test_an_unreadable_json_text_names_its_field(server):
    error = (await server.post("add.do", a_form() | {"taskConfig": "{"}, EN)).error
    assert error.startswith("taskConfig: is not valid JSON: look at character 2")
