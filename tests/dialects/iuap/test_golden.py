"""The requests that the manuals and the known clients of iuap-dispatch print, byte for byte."""

from datetime import UTC, datetime
from urllib.parse import quote_from_bytes

import pytest

ADD = "/iuap-dispatch-service/dispatchserver/add.do"
FORM = "application/x-www-form-urlencoded"
DONE = b'{"success":true,"error":null,"resultValue":null'

SIMPLE = (
    '{"triggerType":"SimpleTrigger","jobCode":"7b1c5b5e-3f0a-4a3c-9d2e-2f6c6a9e1f11",'
    '"groupCode":"simpleTaskGroup","startDate":1463813876403,"endDate":null,"priority":0,'
    '"timeConfig":{"interval":2,"intervalType":"SECOND","isForever":false,"repeatCount":1}}'
)
CRON = (
    '{"cronExpress":"* */1 * * * ?","groupCode":"cronTaskGroup","jobCode":"cronTask",'
    '"priority":0,"triggerType":"CronTrigger"}'
)
RECALL = '{"data":{},"option":{"url":"http://127.0.0.1:9/example"},"recallType":"HTTP"}'
RECALL_DATA = (
    '{"data":{"serverName":"Windows 2003"},"option":{"url":"http://127.0.0.1:9/example"},'
    '"recallType":"HTTP"}'
)
SOCKET = '{"recallType":"SOCKET","option":{"host":"10.0.0.7","port":9100},"data":"{}"}'
SEED = (
    '{"triggerType":"CronTrigger","jobCode":"报表","groupCode":"财务","priority":5,'
    '"endDate":"2999-12-31 23:59","cronExpress":"0 0/5 8-18 ? * MON-FRI"}'
)
BOTH = [(SIMPLE, RECALL), (CRON, RECALL), (CRON, RECALL_DATA), (SIMPLE, SOCKET), (SEED, RECALL)]
TESTER = '{"replace":true,"recallConfig":%s,"taskConfig":%s,"note":"创建任务"}'


def form(task, recall, charset="utf-8"):
    fields = {"recallConfig": recall, "taskConfig": task, "replace": "true"}
    pairs = [f"{name}={quote_from_bytes(text.encode(charset))}" for name, text in fields.items()]
    return "&".join(pairs).encode()


def raw(task, recall):
    return TESTER % (recall, task)


def multipart(task, recall):
    fields = {"recallConfig": recall, "taskConfig": task, "replace": "true"}
    part = '--XyZ\r\nContent-Disposition: form-data; name="{}"\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{}\r\n'
    return ("".join(part.format(*field) for field in fields.items()) + "--XyZ--\r\n").encode()


@pytest.mark.parametrize(("task", "recall"), BOTH)
async def test_the_form_of_the_manual(server, task, recall):
    reply = await server.raw_post(ADD, form(task, recall), FORM)
    assert (reply.status, reply.body[: len(DONE)]) == (200, DONE)


@pytest.mark.parametrize("content_type", [FORM, None, "text/plain", "application/json;charset=GBK"])
@pytest.mark.parametrize(("task", "recall"), BOTH)
async def test_the_testers_json_whatever_it_is_called(server, task, recall, content_type):
    charset = "gbk" if content_type and "GBK" in content_type else "utf-8"
    body = raw(task, recall).encode(charset)
    reply = await server.raw_post(ADD, body, content_type, chunked=True)
    assert reply.body[: len(DONE)] == DONE
    (task,) = (await server.get("/tasks")).doc["items"]
    assert task["note"] == "创建任务"


@pytest.mark.parametrize(("task", "recall"), BOTH)
async def test_a_multipart_form(server, task, recall):
    reply = await server.raw_post(ADD, multipart(task, recall), "multipart/form-data; boundary=XyZ")
    assert reply.body[: len(DONE)] == DONE


@pytest.mark.parametrize(("task", "recall"), BOTH)
async def test_one_field_data_that_holds_all(server, task, recall):
    body = b"data=" + quote_from_bytes(raw(task, recall).encode()).encode()
    reply = await server.raw_post(ADD, body, FORM)
    assert reply.body[: len(DONE)] == DONE


@pytest.mark.parametrize("end", [";", " ;\r\n", "\n"])
async def test_the_semicolon_that_was_copied_from_the_manual(server, end):
    for body in (raw(CRON, RECALL) + end, form(CRON + end, RECALL + end).decode()):
        reply = await server.raw_post(ADD, body.encode(), FORM)
        assert reply.body[: len(DONE)] == DONE


async def test_a_byte_order_mark_is_overlooked(server):
    reply = await server.raw_post(ADD, b"\xef\xbb\xbf" + raw(CRON, RECALL).encode(), FORM)
    assert reply.body[: len(DONE)] == DONE


@pytest.mark.parametrize("content_type", [FORM, FORM + ";charset=GBK", FORM + "; charset=gb2312"])
async def test_a_form_from_a_chinese_windows(server, content_type):
    reply = await server.raw_post(ADD, form(SEED, RECALL, "gbk"), content_type)
    assert reply.body[: len(DONE)] == DONE
    assert (await server.task("报表", "财务"))["priority"] == 5


async def test_json_from_a_chinese_windows(server):
    reply = await server.raw_post(ADD, raw(SEED, RECALL).encode("gbk"), FORM, chunked=True)
    assert reply.body[: len(DONE)] == DONE
    assert (await server.task("报表", "财务"))["note"] == "创建任务"


async def test_a_gbk_value_that_could_be_utf_8_is_read_like_its_neighbours(server):
    unicom = "联通".encode("gbk")  # by chance also two letters of UTF-8
    body = b"jobName=" + quote_from_bytes(unicom).encode() + b"&groupName="
    body += quote_from_bytes("财务".encode("gbk")).encode()
    reply = await server.raw_post("/dispatchserver/pause.do", body, FORM)
    assert "财务/联通" in reply.doc["error"]


async def test_the_dates_of_the_published_examples(server):
    await server.raw_post(ADD, form(SIMPLE, RECALL), FORM)
    task = await server.task("7b1c5b5e-3f0a-4a3c-9d2e-2f6c6a9e1f11", "simpleTaskGroup")
    begun = datetime.fromisoformat(task["created_at"])
    assert begun <= datetime.now(UTC)  # its start is of 2016: it is counted from now
    assert task["trigger"]["start"] == task["created_at"]
    assert (task["trigger"]["count"], task["trigger"]["end"]) == (1, None)


@pytest.mark.parametrize("call", ["pause.do", "resumeTask.do", "trigger.do", "delete.do"])
async def test_the_calls_of_the_seed_answer_the_same_envelope(server, call):
    await server.raw_post(ADD, form(CRON, RECALL), FORM)
    body = b"jobName=cronTask&groupName=cronTaskGroup"
    reply = await server.raw_post(f"/dispatchserver/{call}", body, FORM)
    assert reply.body.startswith(DONE)
    assert reply.body == DONE + b"}" or call == "trigger.do"


async def test_a_second_add_of_the_seed_with_replace_false_is_told(server):
    body = form(CRON, RECALL).replace(b"replace=true", b"replace=false")
    await server.raw_post(ADD, body, FORM)
    reply = await server.raw_post(ADD, body, FORM)
    golden = '{"success":false,"error":"任务 cronTaskGroup/cronTask 已存在；'
    assert reply.body.decode().startswith(golden)
    assert reply.body.endswith(b'","resultValue":null}')
