"""Hostile input over bare sockets: what breaks the rules of HTTP, or sits on a connection, is shown the door at once."""

import asyncio
import gzip
import zlib

import pytest

from dispatchserver.auth import connections, intake

DO = b"POST /dispatchserver/add.do HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
REST = b"PUT /api/v1/tasks/g/t HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
LOGIN = b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
GET = b"GET /healthz HTTP/1.1\r\n"
HOST = b"Host: 127.0.0.1\r\nConnection: close\r\n"


BROKEN = {
    "a length beside chunks": DO
    + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks beside a length": DO
    + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    "two lengths": DO + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
    "a signed length": DO + b"Content-Length: +2\r\n\r\n{}",
    "a length of another kind": DO + b"Content-Length: 0x2\r\n\r\n{}",
    "chunked twice": DO + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "an unknown framing": DO + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a size of a chunk that is none": DO
    + b"Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n",
    "bare line feeds": GET.replace(b"\r\n", b"\n") + HOST.replace(b"\r\n", b"\n") + b"\n",
    "a bare carriage return": GET + b"X: a\rY: b\r\n" + HOST + b"\r\n",
    "a blank before the colon": GET + b"X : a\r\n" + HOST + b"\r\n",
    "a folded line": GET + b"X: a\r\n b\r\n" + HOST + b"\r\n",
    "a NUL in a header": GET + b"X: a\0b\r\n" + HOST + b"\r\n",
    "no host": GET + b"Connection: close\r\n\r\n",
    "two hosts": GET + b"Host: localhost\r\n" + HOST + b"\r\n",
    "129 headers": GET + HOST + b"".join(b"X%d: 1\r\n" % n for n in range(127)) + b"\r\n",
    "a line of 8191": GET + HOST + b"X: " + b"y" * 8191 + b"\r\n\r\n",
    "an address of 8191": b"GET /" + b"x" * 8191 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "another protocol": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "another version": b"GET /healthz HTTP/3.7\r\n" + HOST + b"\r\n",
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
async def test_what_breaks_the_rules_of_http_is_400(server, data):
    reply = await server.raw(data)
    assert reply.status == 400
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert "aiohttp" not in reply.headers.get("Server", "")


async def test_what_keeps_to_them_is_answered(server):
    headers = b"".join(b"X%d: 1\r\n" % n for n in range(120))
    assert (
        await server.raw(GET + HOST + headers + b"Y: " + b"y" * 8000 + b"\r\n\r\n")
    ).status == 200


async def test_what_is_hidden_behind_a_broken_request_is_never_looked_at(task_server):
    hidden = b"POST /pause.do?jobName=task&groupName=group HTTP/1.1\r\n" + HOST
    hidden += b"Content-Length: 0\r\n\r\n"
    head = DO.replace(b"Connection: close\r\n", b"")
    for framing in (b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",):
        assert (await task_server.raw(head + framing + hidden)).status == 400
    assert (await task_server.task())["state"] == "active"


@pytest.mark.parametrize(
    "path",
    [
        b"/ADD.DO",
        b"//add.do",
        b"/x/../add.do",
        b"/./add.do",
        b"/add.do/",
        b"/add.do%00",
        b"/add%2edo.do",
    ],
)
async def test_no_trick_of_spelling_leads_to_a_call(server, path):
    head = DO.replace(b"/dispatchserver/add.do", path)
    reply = await server.raw(head + b"Content-Length: 2\r\n\r\n{}")
    assert reply.status in (400, 404)


@pytest.mark.parametrize("path", [b"/%61dd.do", b"/add%2edo", b"http://127.0.0.1/add.do"])
async def test_another_spelling_of_a_call_meets_the_same_guard(start, path):
    server = await start(auth="token")
    head = DO.replace(b"/dispatchserver/add.do", path)
    assert (await server.raw(head + b"Content-Length: 2\r\n\r\n{}")).status == 401


@pytest.mark.parametrize("charset", [b"utf-7", b"utf-16", b"shift_jis", b"nonsense"])
@pytest.mark.parametrize("head", [DO, REST], ids=["do", "rest"])
async def test_another_charset_is_415(server, head, charset):
    kind = b"Content-Type: application/json; charset=" + charset + b"\r\n"
    reply = await server.raw(head + kind + b"Content-Length: 2\r\n\r\n{}")
    assert reply.status == 415
    assert charset.decode() in reply.body.decode()


async def test_a_form_of_a_page_in_another_charset_is_415(server):
    kind = FORM.replace(b"\r\n", b"; charset=utf-7\r\n")
    reply = await server.raw(LOGIN + kind + b"Content-Length: 13\r\n\r\nname=+ADw-x+A")
    assert reply.status == 415


async def test_a_form_of_a_page_that_is_no_utf_8_is_refused(server):
    reply = await server.raw(LOGIN + FORM + b"Content-Length: 8\r\n\r\nname=\xff%f")
    assert reply.status == 400


ODD = [
    (b'{"a":NaN}', "NaN"),
    (b'{"a":-Infinity}', "-Infinity"),
    (b'{"a":1e999}', "too large"),
    (b'{"a":' + b"9" * 4301 + b"}", "too large"),
    (b'{"a":1,"a":2}', "the key a twice"),
    (b'{"a":"\\ud800"}', "surrogate"),
    (b'{"a":"\\u0000"}', "NUL"),
    (b'{"a":' + b"[" * 65 + b"]" * 65 + b"}", "at most 64 levels"),
    (b'{"a":' * 100_000, "at most 64 levels"),
    (b'{"a":"\xff"}', "UTF-8"),
]


@pytest.mark.parametrize(("body", "words"), ODD)
async def test_odd_json_is_400_with_words(server, body, words):
    head = REST + b"Accept-Language: en\r\nContent-Length: %d\r\n\r\n" % len(body)
    reply = await server.raw(head + body)
    assert (reply.status, words in reply.detail) == (400, True)


BOMBS = {
    "in chunks": (
        b"Transfer-Encoding: chunked\r\n",
        b"200000\r\n" + b"x" * 0x200000 + b"\r\n0\r\n\r\n",
    ),
    "packed": (b"Content-Encoding: gzip\r\n", gzip.compress(b" " * 50_000_000)),
    "packed otherwise": (b"Content-Encoding: deflate\r\n", zlib.compress(b" " * 50_000_000)),
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
@pytest.mark.parametrize("head", [DO + FORM, REST, LOGIN + FORM], ids=["do", "rest", "page"])
async def test_more_than_a_mebibyte_is_413_however_it_comes(server, head, bomb):
    headers, body = bomb
    if b"chunked" not in headers:
        headers += b"Content-Length: %d\r\n" % len(body)
    assert (await server.raw(head + headers + b"\r\n" + body)).status == 413


@pytest.mark.parametrize("head", [DO, LOGIN], ids=["do", "page"])
async def test_a_form_of_a_hundred_thousand_fields_is_400(server, head):
    body = b"&".join(b"f%d=" % n for n in range(100_000))
    length = b"Content-Length: %d\r\n\r\n" % len(body)
    assert (await server.raw(head + FORM + length + body)).status == 400


async def test_a_form_of_ten_thousand_parts_is_400(server):
    kind = b"Content-Type: multipart/form-data; boundary=b\r\n"
    part = b'--b\r\nContent-Disposition: form-data; name="%d"\r\n\r\n1\r\n'
    body = b"".join(part % n for n in range(10_000)) + b"--b--\r\n"
    length = b"Content-Length: %d\r\n\r\n" % len(body)
    assert (await server.raw(DO + kind + length + body)).status == 400


SLOW = {
    "nothing at all": b"",
    "half a line": b"POST /add.do HT",
    "a head without its end": DO + b"X: 1\r\n",
}


@pytest.mark.parametrize("data", SLOW.values(), ids=SLOW)
async def test_who_sends_no_whole_head_in_time_is_cut_off(server, monkeypatch, data):
    monkeypatch.setattr(connections, "HEAD_TIMEOUT_S", 0.1)
    assert await said(server, data) == b""


async def test_who_drips_a_head_gains_no_time(server, monkeypatch):
    monkeypatch.setattr(connections, "HEAD_TIMEOUT_S", 0.2)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(GET + b"X: ")
    with pytest.raises(ConnectionError):
        for _ in range(1000):
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)
    writer.close()
    reader.feed_eof()


async def test_who_has_sent_a_request_may_wait_with_the_next(server, monkeypatch):
    monkeypatch.setattr(connections, "HEAD_TIMEOUT_S", 0.5)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    for _ in range(2):
        writer.write(GET + b"Host: 127.0.0.1\r\n\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).split()[1] == b"200"
        await reader.readuntil(b"}")
        await asyncio.sleep(0.7)
    writer.close()


SLOW_BODIES = {
    "a body that stops": b"Content-Length: 100\r\n\r\nid=",
    "chunks that stop": b"Transfer-Encoding: chunked\r\n\r\n3\r\nid=\r\n",
    "endless trailers": b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: y\r\n" * 100,
    "an endless chunk extension": b"Transfer-Encoding: chunked\r\n\r\n3;" + b"x" * 200_000,
}


@pytest.mark.parametrize("body", SLOW_BODIES.values(), ids=SLOW_BODIES)
@pytest.mark.parametrize("head", [DO + FORM, REST, LOGIN + FORM], ids=["do", "rest", "page"])
async def test_a_body_that_does_not_come_in_time_is_408(server, monkeypatch, head, body):
    monkeypatch.setattr(intake, "BODY_TIMEOUT_S", 0.1)
    monkeypatch.setattr(connections, "LINGER_S", 0.1)
    assert (await said(server, head + body)).split()[1] == b"408"


async def said(server, data):
    """All that the server answers to these bytes, to whose end we do not come."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        writer.write(data)
        async with asyncio.timeout(5):
            return await reader.read()
    finally:
        writer.close()
