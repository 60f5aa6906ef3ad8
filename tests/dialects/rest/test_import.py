"""`POST /tasks:import`: lines of JSON become tasks; what is faulty is told by its line; said again, nothing changes."""

import asyncio
import gzip
import io
import json
import os
import signal
import sqlite3
from contextlib import closing

import pytest

from dispatchserver.auth.intake import BODY_LIMIT
from dispatchserver.auth.tokens import new_token
from dispatchserver.dialects.rest import linereading
from dispatchserver.dialects.rest.importing import TOLD_LIMIT
from dispatchserver.dialects.rest.linereading import LineReading
from dispatchserver.domain.errors import StoreUnavailable
from tests.builders import NOON
from tests.dialects.rest.putting import CN, EN, NOON_LINE, a_put, put, put_calendar
from tests.processes import asides

PATH = "/api/v1/tasks:import"
FAR = "2998-03-02T08:00:00Z"
BAD = {"trigger": {"kind": "cron", "expression": "0 61 * * * ?"}}


@pytest.fixture(autouse=True, params=["here", "aside", "for new"])
def where_lines_are_read(request, monkeypatch):
    """Whatever holds of imports holds of short ones, read by the server, of long ones, read by a process aside, and of those
    that this process takes for new tasks from the first line on, whether they are or not.
    """
    worth = 10**9 if request.param == "here" else 0
    monkeypatch.setattr(linereading, "WORTH_A_PROCESS", worth)
    monkeypatch.setattr(linereading, "CORES", 2)
    if request.param == "for new":
        always = property(lambda _: True, lambda _, said: None)
        monkeypatch.setattr(LineReading, "all_new", always, raising=False)


def a_line(name="task", group="group", **changed):
    return {"group": group, "name": name} | a_put(**changed)


async def send(server, lines, query="", **headers):
    body = b"\n".join(
        line if isinstance(line, bytes) else json.dumps(line, ensure_ascii=False).encode()
        for line in lines
    )
    headers = {key.replace("_", "-"): value for key, value in headers.items()}
    return await server.ask("POST", PATH + query, io.BytesIO(body), EN | headers)


def counts(reply):
    names = ("lines", "added", "replaced", "unchanged", "refused")
    return tuple(reply.doc[name] for name in names)


def kept(task):
    return [task[name] for name in ("version", "trigger", "updated_at", "created_at")]


async def names(server):
    found, cursor = [], ""
    while cursor is not None:
        page = (await server.get(f"/tasks?limit=500&cursor={cursor}")).doc
        found += [item["name"] for item in page["items"]]
        cursor = page["next_cursor"]
    return found


async def test_every_line_becomes_the_task_that_a_put_of_it_would_make(server):
    line = a_line("夜间", trigger=NOON_LINE, priority=7, note="结算", labels={"team": "a"})
    line |= {"policies": {"timeout": "30s", "retry": {"max": 2, "base": "2s"}}, "paused": True}
    assert counts(await send(server, [line, a_line("b")])) == (2, 2, 0, 0, 0)
    imported = await server.task("夜间")
    await put(server, {k: v for k, v in line.items() if k not in ("group", "name")}, "by put")
    by_put = await server.task("by put")
    for name in ("trigger", "recall", "policies", "priority", "note", "labels", "state", "version"):
        assert imported[name] == by_put[name]
    assert (imported["state"], imported["note"]) == ("paused", "结算")


async def test_lines_that_differ_in_names_triggers_and_data_are_told_apart(server):
    hourly = {"kind": "simple", "interval_s": 3600, "start": FAR}
    recall = a_put()["recall"]
    lines = [
        a_line("a", recall=recall | {"data": 1}),
        a_line("b", recall=recall | {"data": True}),
        a_line("c", recall=recall | {"data": {"deep": ["1", 1.0, None]}}),
        a_line("d", trigger=hourly, recall=recall | {"data": 1}),
        a_line("e", trigger=hourly | {"interval_s": 7200}),
    ]
    assert counts(await send(server, lines)) == (5, 5, 0, 0, 0)
    shown = {name: await server.task(name) for name in "abcde"}
    assert [json.dumps(shown[name]["recall"]["data"]) for name in "abcde"] == [
        "1",
        "true",
        '{"deep": ["1", 1.0, null]}',
        "1",
        "null",
    ]
    assert [shown[name]["trigger"].get("interval_s") for name in "cde"] == [None, 3600, 7200]


async def test_the_same_lines_once_more_change_nothing_even_without_a_start(server):
    lines = [
        a_line("a", trigger={"kind": "simple", "interval_s": 3600}),
        a_line("b"),
        a_line("c", trigger={"kind": "window", "opens": "08:00", "closes": "9:00", "every_s": 60}),
    ]
    await send(server, lines)
    before = [kept(await server.task(name)) for name in "abc"]
    await asyncio.sleep(0.01)
    assert counts(await send(server, lines)) == (3, 0, 0, 3, 0)
    assert [kept(await server.task(name)) for name in "abc"] == before


async def test_a_task_that_is_there_is_replaced_and_of_two_lines_with_one_name_the_last_one_holds(
    server,
):
    await send(server, [a_line(note="first")])
    reply = await send(server, [a_line(note="second"), a_line("other"), a_line(note="third")])
    assert counts(reply) == (3, 1, 2, 0, 0)
    task = await server.task()
    assert (task["note"], task["version"]) == ("third", 3)


async def test_the_first_faulty_line_ends_the_import_and_those_before_it_are_stored(server):
    reply = await send(server, [a_line("a"), b"", a_line("b"), a_line("c") | BAD, a_line("d")])
    assert reply.status == 400
    assert reply.headers["Content-Type"].startswith("application/problem+json")
    assert (reply.doc["line"], counts(reply)) == (4, (3, 2, 0, 0, 1))
    (fault,) = reply.doc["errors"]
    assert (fault["field"], fault["code"]) == ("trigger.expression", "cron.value.minute")
    assert "line 4" in reply.detail
    assert "the 2 lines" in reply.detail
    assert "61" in reply.detail
    assert await names(server) == ["a", "b"]


async def test_skipping_leaves_faulty_lines_out_and_tells_every_fault_of_each(server):
    lines = [
        a_line("a") | BAD | {"priority": "high"},
        a_line("b"),
        b"{broken",
        a_line("c", group="") | {"colour": "red"},
        a_line("d"),
    ]
    reply = await send(server, lines, "?onError=skip")
    assert (reply.status, counts(reply)) == (200, (5, 2, 0, 0, 3))
    told = [(bad["line"], {f["field"] for f in bad["errors"]}) for bad in reply.doc["errors"]]
    assert told == [
        (1, {"trigger.expression", "priority"}),
        (3, {"body"}),
        (4, {"group", "colour"}),
    ]
    first = reply.doc["errors"][0]
    assert (first["group"], first["name"]) == ("group", "a")
    assert await names(server) == ["b", "d"]


async def test_what_only_the_store_can_refuse_is_told_by_its_line_and_field_too(server):
    await put_calendar(server, "CN", CN)
    lines = [
        a_line("a", policies={"calendar": "CN"}),
        a_line("b", policies={"calendar": "CM"}),
        a_line("c", recall=a_put()["recall"] | {"auth": {"bearer": {"secret": "gone"}}}),
        a_line("d", recall={"kind": "HTTP", "url": "http://169.254.169.254/"}),
        a_line("e", trigger={"kind": "simple", "interval_s": 60, "end": "2001-01-01T00:00:00Z"}),
    ]
    reply = await send(server, lines, "?onError=skip")
    told = [(bad["line"], [f["field"] for f in bad["errors"]]) for bad in reply.doc["errors"]]
    assert told == [
        (2, ["policies.calendar"]),
        (3, ["recall.auth.bearer.secret"]),
        (4, ["recall.url"]),
        (5, ["trigger.end"]),
    ]
    assert await names(server) == ["a"]
    stopped = await send(server, [a_line("f"), *lines])
    assert (stopped.doc["line"], counts(stopped)) == (3, (3, 1, 0, 1, 1))
    assert await names(server) == ["a", "f"]


async def test_among_lines_that_are_all_in_order_a_forbidden_address_is_refused_by_its_line(server):
    metadata = {"kind": "HTTP", "url": "http://169.254.169.254/"}
    reply = await send(server, [a_line("a"), a_line("b", recall=metadata)])
    assert (reply.doc["line"], counts(reply)) == (2, (2, 1, 0, 0, 1))
    assert [fault["field"] for fault in reply.doc["errors"]] == ["recall.url"]
    assert await names(server) == ["a"]


async def test_a_task_whose_data_cannot_be_read_is_a_faulty_line_and_no_more(server):
    hourly = {"kind": "simple", "interval_s": 3600, "start": FAR}
    await send(server, [a_line("later", trigger=hourly)])
    with closing(sqlite3.connect(server.settings.database_path)) as file, file:
        file.execute("""UPDATE task_versions SET trigger_json = '{"kind":"sunrise"}'""")
    lines = [a_line("a"), a_line("later"), a_line("b")]
    reply = await send(server, lines, "?onError=skip")
    assert (reply.status, counts(reply)) == (200, (3, 2, 0, 0, 1))
    (told,) = reply.doc["errors"]
    assert (told["line"], told["name"], told["code"]) == (2, "later", "task.unreadable")
    assert "sunrise" in told["detail"]
    assert await names(server) == ["a", "b"]


async def test_only_new_tasks_are_taken_where_that_is_asked(server):
    await send(server, [a_line("b", note="mine")])
    lines = [a_line("a"), a_line("b"), a_line("c")]
    reply = await send(server, lines, "?onError=skip", If_None_Match="*")
    assert counts(reply) == (3, 2, 0, 0, 1)
    assert [bad["code"] for bad in reply.doc["errors"]] == ["task.exists"]
    assert (await server.task("b"))["note"] == "mine"


async def test_a_change_is_in_the_audit_and_saying_the_same_again_is_not(server):
    await send(server, [a_line()])
    await send(server, [a_line()])
    await send(server, [a_line(note="new")])
    with closing(sqlite3.connect(server.settings.database_path)) as database:
        done = database.execute("SELECT action, who, door FROM audit ORDER BY id").fetchall()
    assert done == [("added", "local", "rest"), ("replaced", "local", "rest")]


async def test_more_lines_than_one_transaction_takes_are_stored_in_order(server):
    many = linereading.LINES_AT_ONCE * 2 + 5
    lines = [a_line(f"{n:05}") for n in range(many)]
    lines[-2] |= BAD
    reply = await send(server, lines)
    assert (reply.doc["line"], counts(reply)) == (many - 1, (many - 1, many - 2, 0, 0, 1))
    metrics = (await server.ask("GET", "/metrics")).body.decode()
    assert f'dispatch_tasks{{state="active"}} {many - 2}' in metrics


async def test_no_more_than_a_hundred_faulty_lines_are_told_and_all_are_counted(server):
    reply = await send(server, [b"{}"] * (TOLD_LIMIT + 50), "?onError=skip")
    assert (reply.doc["refused"], len(reply.doc["errors"])) == (TOLD_LIMIT + 50, TOLD_LIMIT)


async def test_a_body_may_be_larger_than_other_bodies_but_no_line(server):
    wide = "x" * 100_000
    lines = [a_line(str(n), recall=a_put()["recall"] | {"data": wide}) for n in range(15)]
    assert counts(await send(server, lines)) == (15, 15, 0, 0, 0)
    reply = await send(server, [a_line("a"), b"x" * (BODY_LIMIT + 1), a_line("b")])
    assert (reply.status, reply.doc["line"], reply.doc["code"]) == (413, 2, "body.line_too_long")
    assert await server.task("a") is not None
    assert await server.task("b") is None


@pytest.mark.parametrize("body", [b"", b"\n\r\n  \n"])
async def test_nothing_is_imported_from_nothing(server, body):
    reply = await server.ask("POST", PATH, body)
    assert (reply.status, counts(reply)) == (200, (0, 0, 0, 0, 0))


async def test_a_body_that_breaks_off_leaves_what_was_whole_and_nothing_of_its_last_line(server):
    whole, cut = json.dumps(a_line("a")), json.dumps(a_line("b"))
    body = f"{whole}\n{cut}".encode()
    head = f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(head.encode() + b"%x\r\n%s\r\n" % (len(body), body))
    writer.write_eof()
    await reader.read()
    writer.close()
    while await server.task("a") is None:  # noqa: ASYNC110  (the server sets no event)
        await asyncio.sleep(0.01)
    assert await server.task("b") is None


async def test_who_falls_silent_is_answered_with_what_is_stored(server, monkeypatch):
    monkeypatch.setattr("dispatchserver.auth.linestream.BODY_TIMEOUT_S", 0.2)

    async def half():
        yield json.dumps(a_line("a")).encode() + b"\n"
        await asyncio.sleep(1)

    reply = await server.ask("POST", PATH, half(), EN)
    assert (reply.status, reply.doc["line"], reply.doc["added"]) == (408, 2, 1)


@pytest.mark.parametrize("headers", [{}, {"Content-Encoding": "gzip"}])
async def test_it_may_be_packed_by_gzip_in_one_piece_or_several(server, headers):
    lines = [json.dumps(a_line(str(n))).encode() + b"\n" for n in range(300)]
    body = gzip.compress(b"".join(lines[:100])) + gzip.compress(b"".join(lines[100:]))
    body = body if not headers else gzip.compress(b"".join(lines))
    reply = await server.ask("POST", PATH, body, EN | headers)
    assert counts(reply) == (300, 300, 0, 0, 0)


async def test_what_is_packed_and_cut_off_leaves_what_was_whole(server):
    packed = gzip.compress(b"\n".join(json.dumps(a_line(str(n))).encode() for n in range(300)))
    reply = await server.ask("POST", PATH, packed[: len(packed) // 2], EN)
    assert (reply.status, reply.doc["code"]) == (400, "body.broken")
    assert reply.doc["added"] == reply.doc["line"] - 1 == len(await names(server)) > 0


async def test_a_bomb_is_unpacked_no_further_than_a_line_may_go(server):
    bomb = gzip.compress(b"x" * 300_000_000)
    reply = await server.ask("POST", PATH, bomb, EN)
    assert (reply.status, reply.doc["code"]) == (413, "body.line_too_long")


@pytest.mark.parametrize(
    ("query", "headers", "field"),
    [
        ("?onError=maybe", {}, "onError"),
        ("?onerror=skip", {}, "onerror"),
        ("", {"If_Match": '"1"'}, "If-Match"),
        ("", {"If_None_Match": "1"}, "If-None-Match"),
    ],
)
async def test_an_import_that_is_asked_for_in_an_unknown_way_changes_nothing(
    server, query, headers, field
):
    reply = await send(server, [a_line()], query, **headers)
    assert reply.status == 400
    assert [fault["field"] for fault in reply.doc["errors"]] == [field]
    assert await names(server) == []


async def test_another_charset_is_refused(server):
    reply = await send(server, [a_line()], Content_Type="application/x-ndjson; charset=gbk")
    assert reply.status == 415


async def test_it_needs_a_token_and_counts_as_one_change_of_it(start):
    token, text = new_token("ci", NOON)
    server = await start(token, auth="token", rate_limit=1, rate_burst=1)
    assert (await send(server, [a_line()])).status == 401
    lines = [a_line(str(n)) for n in range(50)]
    reply = await send(server, lines, Authorization=f"Bearer {text}")
    assert counts(reply) == (50, 50, 0, 0, 0)
    assert (await send(server, lines, Authorization=f"Bearer {text}")).status == 429


async def test_group_defaults_hold_for_lines_that_say_nothing(server):
    said = {"policies": {"timeout": "7s"}, "zone": "Europe/Berlin"}
    await server.ask("PUT", "/api/v1/groups/ours", json.dumps(said).encode())
    bare = {"kind": "cron", "expression": "0 0 12 * * ?"}
    lines = [a_line("a", "ours", trigger=bare), a_line("a", "theirs", trigger=bare)]
    assert counts(await send(server, lines)) == (2, 2, 0, 0, 0)
    ours, theirs = await server.task("a", "ours"), await server.task("a", "theirs")
    assert (ours["policies"]["timeout"], theirs["policies"]["timeout"]) == ("7s", None)
    assert (ours["trigger"]["zone"], theirs["trigger"]["zone"]) == (
        "Europe/Berlin",
        "Asia/Shanghai",
    )


async def test_of_two_imports_at_once_none_is_lost(server):
    several = [[a_line(f"{who}{n}") for n in range(1_500)] for who in "ab"]
    replies = await asyncio.gather(*(send(server, lines) for lines in several))
    assert [counts(reply) for reply in replies] == [(1_500, 1_500, 0, 0, 0)] * 2


async def test_a_disk_that_takes_no_more_ends_it_with_503(server, monkeypatch):
    async def full(*args, **more):
        raise StoreUnavailable("disk full")

    monkeypatch.setattr(server.server.tasks, "put_all", full)
    monkeypatch.setattr(server.server.tasks, "add_new", full)
    reply = await send(server, [a_line()])
    assert (reply.status, reply.doc["line"], reply.doc["added"]) == (503, 1, 0)


async def test_what_the_store_refuses_far_into_a_file_ends_the_import_exactly_there(server):
    at = linereading.LINES_AT_ONCE * 2 + 30
    lines = [a_line(f"{n:05}") for n in range(at + linereading.LINES_AT_ONCE)]
    await send(server, [lines[at]])
    reply = await send(server, lines, If_None_Match="*")
    assert (reply.doc["line"], reply.doc["code"]) == (at + 1, "task.exists")
    assert counts(reply) == (at + 1, at, 0, 0, 1)
    assert await names(server) == [line["name"] for line in lines[: at + 1]]
    rest = await send(server, lines, "?onError=skip", If_None_Match="*")
    assert counts(rest) == (len(lines), len(lines) - at - 1, 0, 0, at + 1)
    told = [bad["line"] for bad in rest.doc["errors"]]
    assert told == list(range(1, TOLD_LIMIT + 1))


@pytest.mark.parametrize("where_lines_are_read", ["aside"], indirect=True)
async def test_lines_that_go_on_being_new_are_made_ready_aside_and_others_are_looked_at(
    server, monkeypatch
):
    ways = []
    for name in ("add_new", "put_all"):
        way = getattr(server.server.tasks, name)
        monkeypatch.setattr(server.server.tasks, name, noting(ways, name, way))
    size = linereading.LINES_AT_ONCE
    lines = [a_line(f"{n:05}") for n in range(8 * size)]
    assert counts(await send(server, lines)) == (8 * size, 8 * size, 0, 0, 0)
    assert (ways[0], ways[-1]) == ("put_all", "add_new")
    assert ways.count("put_all") < ways.count("add_new")
    ways.clear()
    assert counts(await send(server, lines)) == (8 * size, 0, 0, 8 * size, 0)
    assert ways == ["put_all"] * 8


def noting(ways, name, way):
    async def noted(*args, **more):
        ways.append(name)
        return await way(*args, **more)

    return noted


@pytest.mark.parametrize("where_lines_are_read", ["for new"], indirect=True)
async def test_a_task_taken_for_new_fires_when_it_is_due(server):
    lines = [a_line(str(n), trigger={"kind": "simple"}) for n in range(3)]
    assert counts(await send(server, lines)) == (3, 3, 0, 0, 0)
    while len((await server.get("/fires")).doc["items"]) < 3:  # noqa: ASYNC110  (it sets no event)
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("where_lines_are_read", ["aside"], indirect=True)
async def test_where_the_process_aside_is_killed_the_server_reads_on_and_no_line_is_lost(
    server, caplog
):
    lines = [json.dumps(a_line(f"{n:05}")).encode() + b"\n" for n in range(6_000)]

    async def body():
        yield b"".join(lines[:3_000])
        while not await names(server):  # noqa: ASYNC110  (the server sets no event)
            await asyncio.sleep(0.01)
        for pid in asides(os.getpid()):
            os.kill(pid, signal.SIGKILL)
        yield b"".join(lines[3_000:])

    reply = await server.ask("POST", PATH, body(), EN)
    assert counts(reply) == (6_000, 6_000, 0, 0, 0)
    assert "import.aside_gone" in caplog.text
    assert asides(os.getpid()) == []
