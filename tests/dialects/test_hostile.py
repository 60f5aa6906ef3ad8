"""Hostile input over bare sockets: what breaks the rules of HTTP, or sits on a connection, is shown the door at once."""

import asyncio
import contextlib
import os
import socket
import time

import pytest

from dispatchserver.auth import connections, intake
from tests.abuses import (
    BOMBS,
    BROKEN,
    CHARSETS,
    DO,
    FORM,
    GET,
    HOST,
    LOGIN,
    MANY_FIELDS,
    MANY_PARTS,
    ODD,
    PARTS,
    REST,
    SLOW,
    SLOW_BODIES,
    SPELLINGS,
    TRICKS,
)


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


@pytest.mark.parametrize("path", TRICKS)
async def test_no_trick_of_spelling_leads_to_a_call(server, path):
    head = DO.replace(b"/dispatchserver/add.do", path)
    reply = await server.raw(head + b"Content-Length: 2\r\n\r\n{}")
    assert reply.status in (400, 404)


@pytest.mark.parametrize("path", SPELLINGS)
async def test_another_spelling_of_a_call_meets_the_same_guard(start, path):
    server = await start(auth="token")
    head = DO.replace(b"/dispatchserver/add.do", path)
    assert (await server.raw(head + b"Content-Length: 2\r\n\r\n{}")).status == 401


@pytest.mark.parametrize("charset", CHARSETS)
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


@pytest.mark.parametrize(("body", "words"), ODD)
async def test_odd_json_is_400_with_words(server, body, words):
    head = REST + b"Accept-Language: en\r\nContent-Length: %d\r\n\r\n" % len(body)
    reply = await server.raw(head + body)
    assert (reply.status, words in reply.detail) == (400, True)


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
@pytest.mark.parametrize("head", [DO + FORM, REST, LOGIN + FORM], ids=["do", "rest", "page"])
async def test_more_than_a_mebibyte_is_413_however_it_comes(server, head, bomb):
    headers, body = bomb
    if b"chunked" not in headers:
        headers += b"Content-Length: %d\r\n" % len(body)
    assert (await server.raw(head + headers + b"\r\n" + body)).status == 413


@pytest.mark.parametrize("head", [DO, LOGIN], ids=["do", "page"])
async def test_a_form_of_a_hundred_thousand_fields_is_400(server, head):
    length = b"Content-Length: %d\r\n\r\n" % len(MANY_FIELDS)
    assert (await server.raw(head + FORM + length + MANY_FIELDS)).status == 400


async def test_a_form_of_ten_thousand_parts_is_400(server):
    length = b"Content-Length: %d\r\n\r\n" % len(MANY_PARTS)
    assert (await server.raw(DO + PARTS + length + MANY_PARTS)).status == 400


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


def asking(port, times=150):
    """A connection that asks for 30 kB so many times, and takes in little by itself."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect(("127.0.0.1", port))
    *early, last = [b"GET /static/app.css HTTP/1.1\r\nHost: 127.0.0.1\r\n"] * times
    sock.sendall(b"\r\n".join([*early, last + b"Connection: close\r\n\r\n"]))
    return sock


def holding_little(port):
    """From now on the system holds only a few kB for callers of this port."""
    for key in list(asyncio.get_running_loop()._selector.get_map().values()):
        with socket.socket(fileno=os.dup(key.fd)) as sock:
            if sock.getsockname()[1:2] == (port,):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)


def taken_of(sock, pause_s=0.0):
    """How much comes, until no more does; after each piece it pauses."""
    sock.settimeout(2)
    taken = 0
    with contextlib.suppress(OSError):
        while piece := sock.recv(64 * 1024):
            taken += len(piece)
            time.sleep(pause_s)
    return taken


@pytest.mark.parametrize("times", [1, 150])
async def test_who_takes_no_reply_is_cut_off(server, monkeypatch, times):
    monkeypatch.setattr(connections, "TAKEN_WITHIN_S", 0.2)
    holding_little(server.port)
    with asking(server.port, times) as caller:
        await asyncio.sleep(1)
        cut_off = await asyncio.to_thread(taken_of, caller)
    with asking(server.port, times) as caller:
        assert cut_off < await asyncio.to_thread(taken_of, caller)


async def test_who_takes_a_reply_slowly_gets_it_whole(server, monkeypatch):
    monkeypatch.setattr(connections, "TAKEN_WITHIN_S", 0.2)
    monkeypatch.setattr(connections, "TAKEN_AT_LEAST", 1)
    with asking(server.port) as at_once:
        whole = await asyncio.to_thread(taken_of, at_once)
    with asking(server.port) as slowly:
        assert whole == await asyncio.to_thread(taken_of, slowly, 0.002)


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
