"""HTTP recalls: what is sent, and what every sort of receiver makes of it."""

import asyncio
import gzip
import random
import shutil
import socket
import ssl
import subprocess
import time

import pytest

from dispatchserver.domain.fire import Delivery, Reason
from dispatchserver.recalls import http
from dispatchserver.recalls.connection import Connection
from dispatchserver.recalls.http_failures import explain
from dispatchserver.recalls.seen import Seen

BODY = b'{"data":{"a":1},"tasklogid":"0123456789abcdef0123456789abcdef"}'


async def read_request(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
    )
    return head, await reader.readexactly(length)


def reply(body=b"", status=b"200 OK", *headers):
    lines = [b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def answering(data, *, then=None, seen=None):
    """A receiver that reads the request, writes these bytes, and goes on as `then` says."""

    async def talk(reader, writer):
        request = await read_request(reader)
        if seen is not None:
            seen.append(request)
        writer.write(data)
        await writer.drain()
        if then is not None:
            await then(writer)

    return talk


async def stay(_):
    await asyncio.sleep(5)


async def test_the_body_and_the_headers_arrive_as_they_were_ordered(peer, post):
    seen = []
    port = await peer(answering(reply(b"fine"), seen=seen))
    outcome = await post(port, "/a?b=c", headers=(("X-Dispatch-Fire-Id", "f1"),))
    (head, body), lines = seen[0], seen[0][0].lower().split(b"\r\n")
    assert (outcome.delivery, outcome.status, outcome.body) == (Delivery.ANSWERED, 200, b"fine")
    assert head.split(b"\r\n")[0].endswith(b"/a?b=c HTTP/1.1")
    assert body == BODY
    assert b"x-dispatch-fire-id: f1" in lines
    assert b"content-type: application/json; charset=utf-8" in lines
    assert b"accept-encoding: identity" in lines


async def test_the_order_may_say_its_own_content_type_but_no_packing(peer, post):
    seen = []
    port = await peer(answering(reply(), seen=seen))
    await post(port, headers=(("content-type", "text/plain"), ("accept-encoding", "gzip")))
    head = seen[0][0].lower()
    assert head.count(b"content-type") == head.count(b"accept-encoding") == 1
    assert b"content-type: text/plain" in head
    assert b"accept-encoding: identity" in head


async def test_headers_arrive_as_they_are_said_but_for_those_that_frame_the_request(peer, post):
    seen = []
    port = await peer(answering(reply(), seen=seen))
    said = (("Host", "evil"), ("X-50%", "100%s"), ("Content-Length", "0"), ("X-B", "%d %%"))
    await post(port, headers=said)
    head, body = seen[0]
    assert b"\r\nX-50%: 100%s\r\nX-B: %d %%\r\n" in head
    assert b"evil" not in head and body == BODY
    assert head.lower().count(b"content-length: ") == head.lower().count(b"host: ") == 1


@pytest.mark.parametrize(
    "said", [("X-A", "1\r\nX-B: 2"), ("X-A", "1\n"), ("X-A\r\nX-B", "1"), ("X-A", "1\r")]
)
async def test_a_header_that_would_be_two_is_not_sent(peer, post, said):
    seen = []
    outcome = await post(await peer(answering(reply(), seen=seen)), headers=(said,))
    assert (outcome.delivery, seen) == (Delivery.NOT_SENT, [])
    assert "a header holds a line break" in outcome.detail


async def test_times_are_noted_in_order(peer, post):
    outcome = await post(await peer(answering(reply())))
    assert 0 <= outcome.connect_ms <= outcome.first_byte_ms


async def test_the_asynchronous_header_is_noted(peer, post):
    port = await peer(answering(reply(b"", b"202 Accepted", b"X-Dispatch-Async: True")))
    assert (await post(port)).asynchronous


async def test_a_refused_connection_was_not_sent(post_directly):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    outcome = await post_directly(port)
    assert (outcome.delivery, outcome.reason) == (Delivery.NOT_SENT, Reason.CONNECT)
    assert outcome.detail == f"cannot connect to 127.0.0.1:{port}: Connection refused"


@pytest.mark.parametrize(("connect", "total"), [(0.2, 5), (5, 0.2)])
async def test_a_connection_that_never_comes_about_was_not_sent(
    black_hole, post_directly, connect, total
):
    outcome = await post_directly(black_hole, connect=connect, total=total)
    assert (outcome.delivery, outcome.reason) == (Delivery.NOT_SENT, Reason.CONNECT)
    assert outcome.detail == f"connect timeout to 127.0.0.1:{black_hole} (0.2 s)"


async def test_an_unknown_name_was_not_sent(post_directly, monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    outcome = await post_directly(80, host="receiver.test")
    assert (outcome.delivery, outcome.reason) == (Delivery.NOT_SENT, Reason.DNS)
    assert outcome.detail == "cannot resolve receiver.test:80: Name or service not known"


async def test_a_slow_name_server_was_not_sent(post_directly, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(0.5) or [])
    outcome = await post_directly(80, host="receiver.test", connect=0.2)
    assert (outcome.delivery, outcome.reason) == (Delivery.NOT_SENT, Reason.DNS)


async def test_a_host_that_is_no_name_was_not_sent(post):
    outcome = await post(80, host="ä" * 80 + ".test")
    assert outcome.delivery is Delivery.NOT_SENT


async def test_a_connection_with_a_second_reply_is_closed_and_not_only_forgotten(peer, post):
    closed = asyncio.Event()

    async def talk(reader, writer):
        await read_request(reader)
        writer.write(reply(b"own") + reply(b"forged"))
        if not await reader.read():
            closed.set()

    assert (await post(await peer(talk), total=5)).body == b"own"
    async with asyncio.timeout(5):
        await closed.wait()


async def test_a_silent_receiver_is_a_timeout(peer, post):
    outcome = await post(await peer(answering(b"", then=stay)))
    assert (outcome.delivery, outcome.reason) == (Delivery.UNANSWERED, Reason.TIMEOUT)
    assert outcome.connect_ms is not None
    assert outcome.first_byte_ms is None


async def test_a_receiver_that_never_reads_is_a_timeout(peer, post):
    async def talk(reader, writer):
        writer.transport.pause_reading()
        await stay(writer)

    outcome = await post(await peer(talk), body=b" " * 1_000_000)
    assert (outcome.delivery, outcome.reason) == (Delivery.UNANSWERED, Reason.TIMEOUT)


async def test_a_cancelled_send_is_cancelled(peer, post):
    sending = asyncio.create_task(post(await peer(answering(b"", then=stay)), total=5))
    await asyncio.sleep(0.05)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending


async def test_one_that_is_called_off_just_when_its_reply_is_complete_ends_its_connection(
    peer, post, monkeypatch
):
    closed = asyncio.Event()

    async def talk(reader, writer):
        await read_request(reader)
        writer.write(reply(b"done"))
        if not await reader.read():
            closed.set()

    whole_reply = Connection.on_message_complete

    def and_call_off(connection):
        whole_reply(connection)
        sending.cancel()

    monkeypatch.setattr(Connection, "on_message_complete", and_call_off)
    sending = asyncio.create_task(post(await peer(talk), total=5))
    with pytest.raises(asyncio.CancelledError):
        await sending
    async with asyncio.timeout(3):
        await closed.wait()


async def test_an_endless_body_is_cut_and_the_status_decides(peer, post, flood):
    async def endless(writer):
        await flood(writer, b"a" * 10_000)

    outcome = await post(await peer(answering(b"HTTP/1.1 200 OK\r\n\r\n", then=endless)), total=5)
    assert (outcome.delivery, outcome.status) == (Delivery.ANSWERED, 200)
    assert (len(outcome.body), outcome.truncated) == (65_536, True)


async def test_a_body_of_just_the_limit_is_whole(peer, post):
    outcome = await post(await peer(answering(reply(b"a" * 65_536))))
    assert (len(outcome.body), outcome.truncated) == (65_536, False)


async def test_a_packed_bomb_stays_packed(peer, post):
    bomb = gzip.compress(b"\0" * 20_000_000)
    port = await peer(answering(reply(bomb, b"200 OK", b"Content-Encoding: gzip")))
    outcome = await post(port)
    assert outcome.body == bomb[:65_536]


async def test_a_dripping_success_is_no_success(peer, post, flood):
    async def drip(writer):
        await flood(writer, b"a", pause=0.03)

    outcome = await post(await peer(answering(b"HTTP/1.1 200 OK\r\n\r\n", then=drip)))
    assert (outcome.delivery, outcome.reason) == (Delivery.UNANSWERED, Reason.TIMEOUT)
    assert outcome.status == 200
    assert outcome.body.startswith(b"a")


async def test_a_dripping_refusal_is_a_refusal(peer, post, flood):
    async def drip(writer):
        await flood(writer, b"a", pause=0.03)

    outcome = await post(await peer(answering(b"HTTP/1.1 500 No\r\n\r\n", then=drip)))
    assert (outcome.delivery, outcome.status) == (Delivery.ANSWERED, 500)
    assert outcome.body.startswith(b"a")


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n"]
)
async def test_a_success_whose_body_is_reset_is_no_success(peer, post, reset, head):
    async def wait_and_reset(writer):
        await asyncio.sleep(0.05)
        reset(writer)

    outcome = await post(await peer(answering(head + b"half", then=wait_and_reset)))
    assert (outcome.delivery, outcome.reason) == (Delivery.UNANSWERED, Reason.RESET)
    assert (outcome.status, outcome.body) == (200, b"half")


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ],
)
async def test_a_success_that_ends_early_is_no_success(peer, post, data):
    outcome = await post(await peer(answering(data)))
    assert (outcome.delivery, outcome.reason) == (Delivery.UNANSWERED, Reason.CLOSED)
    assert outcome.status == 200


async def test_a_reply_without_a_length_ends_with_the_stream(peer, post):
    outcome = await post(await peer(answering(b"HTTP/1.1 200 OK\r\n\r\nall of it")))
    assert (outcome.delivery, outcome.body) == (Delivery.ANSWERED, b"all of it")


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00garbage\r\n\r\n",
        b"hello\n",
        b"HTTP/1.1 99999 What\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
    ],
    ids=["tls", "text", "status", "long line", "many headers", "two lengths", "bad chunk"],
)
async def test_what_is_no_http_is_a_protocol_failure(peer, post, data):
    outcome = await post(await peer(answering(data, then=stay)))
    assert (outcome.delivery, outcome.reason) == (Delivery.UNANSWERED, Reason.PROTOCOL)
    assert "\n" not in outcome.detail
    assert len(outcome.detail) <= 300


async def test_a_success_whose_chunks_go_bad_is_no_success(peer, post):
    async def spoil(writer):
        await asyncio.sleep(0.05)
        writer.write(b"ZZ\r\n")
        await stay(writer)

    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"
    outcome = await post(await peer(answering(head, then=spoil)))
    assert outcome.delivery is Delivery.UNANSWERED
    assert outcome.status == 200


async def test_endless_headers_do_not_last(peer, post, flood):
    async def more(writer):
        await flood(writer, b"X-More: and more\r\n" * 10)

    outcome = await post(await peer(answering(b"HTTP/1.1 200 OK\r\n", then=more)), total=5)
    assert (outcome.delivery, outcome.reason) == (Delivery.UNANSWERED, Reason.PROTOCOL)


async def test_endless_interim_replies_end_by_the_total_timeout(peer, post, flood):
    async def more(writer):
        await flood(writer, b"HTTP/1.1 100 Continue\r\n\r\n")

    outcome = await post(await peer(answering(b"", then=more)))
    assert (outcome.delivery, outcome.reason) == (Delivery.UNANSWERED, Reason.TIMEOUT)


async def test_a_reset_on_accept_is_unanswered(peer, post, reset):
    async def talk(reader, writer):
        reset(writer)

    outcome = await post(await peer(talk))
    assert (outcome.delivery, outcome.reason) == (Delivery.UNANSWERED, Reason.RESET)


async def test_a_reset_after_reading_is_unanswered_and_not_repeated(peer, post, reset):
    seen = []

    async def then(writer):
        reset(writer)

    outcome = await post(await peer(answering(b"", then=then, seen=seen)))
    assert (outcome.delivery, outcome.reason) == (Delivery.UNANSWERED, Reason.RESET)
    assert len(seen) == 1


@pytest.mark.parametrize("part", [b"", b"HTTP/1.1 200 OK\r\nX-Half:"])
async def test_an_end_without_a_reply_is_unanswered_and_not_repeated(peer, post, part):
    seen = []
    outcome = await post(await peer(answering(part, seen=seen)))
    assert (outcome.delivery, outcome.reason) == (Delivery.UNANSWERED, Reason.CLOSED)
    assert len(seen) == 1


@pytest.mark.parametrize("status", [b"301 Moved", b"302 Found", b"307 Temporary", b"308 Permanent"])
async def test_a_redirect_is_not_followed(peer, post, status):
    seen = []
    there = await peer(answering(reply(), seen=seen))
    location = b"Location: http://127.0.0.1:%d/" % there
    outcome = await post(await peer(answering(reply(b"", status, location))))
    assert (outcome.delivery, outcome.status) == (Delivery.ANSWERED, int(status[:3]))
    assert seen == []


async def test_a_cookie_is_not_sent_back(peer, post):
    seen = []

    async def talk(reader, writer):
        while True:
            seen.append(await read_request(reader))
            writer.write(reply(b"", b"200 OK", b"Set-Cookie: a=b; Path=/"))

    port = await peer(talk)
    await post(port)
    await post(port)
    assert len(seen) == 2
    assert b"cookie" not in seen[1][0].lower()


async def test_proxies_of_the_environment_are_not_asked(peer, post, monkeypatch):
    seen = []
    proxy = await peer(answering(reply(b"proxy"), seen=seen))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy}")
    outcome = await post(await peer(answering(reply(b"direct"))))
    assert outcome.body == b"direct"
    assert seen == []


@pytest.mark.parametrize(
    "status", [b"101 Switching Protocols", b"204 No Content", b"413 Too Large"]
)
async def test_a_status_without_a_body_is_an_answer(peer, post, status):
    port = await peer(answering(b"HTTP/1.1 " + status + b"\r\nUpgrade: x\r\n\r\n"))
    outcome = await post(port)
    assert (outcome.delivery, outcome.status) == (Delivery.ANSWERED, int(status[:3]))


def dying(*, connections, ends_with):
    """A receiver that answers the first request of every connection, and ends as told on the second."""

    async def talk(reader, writer):
        connections.append(0)
        await read_request(reader)
        connections[-1] += 1
        writer.write(reply(b"first"))
        await read_request(reader)
        connections[-1] += 1
        await ends_with(writer)

    return talk


async def test_a_kept_connection_is_used_again(peer, post):
    connections = []

    async def answer(writer):
        writer.write(reply(b"second"))
        await writer.drain()

    port = await peer(dying(connections=connections, ends_with=answer))
    assert (await post(port)).body == b"first"
    assert (await post(port)).body == b"second"
    assert connections == [2]


@pytest.mark.parametrize("how", ["fin", "rst"])
async def test_a_kept_connection_that_dies_unanswered_is_replaced_at_once(peer, post, reset, how):
    connections = []

    async def end(writer):
        if how == "rst":
            reset(writer)

    port = await peer(dying(connections=connections, ends_with=end))
    await post(port)
    outcome = await post(port)
    assert (outcome.delivery, outcome.body) == (Delivery.ANSWERED, b"first")
    assert connections == [2, 1]


async def test_a_kept_connection_is_replaced_only_once(peer, post):
    connections = []

    async def talk(reader, writer):
        connections.append(1)
        await read_request(reader)
        if len(connections) == 1:
            writer.write(reply())
            await read_request(reader)

    port = await peer(talk)
    await post(port)
    outcome = await post(port)
    assert (outcome.delivery, outcome.reason) == (Delivery.UNANSWERED, Reason.CLOSED)
    assert len(connections) == 2


async def test_a_kept_connection_that_dies_in_mid_reply_is_not_replaced(peer, post):
    connections = []

    async def end(writer):
        writer.write(b"HTTP/1.1 2")
        await writer.drain()
        await asyncio.sleep(0.02)

    port = await peer(dying(connections=connections, ends_with=end))
    await post(port)
    assert (await post(port)).delivery is Delivery.UNANSWERED
    assert connections == [2]


async def test_a_receiver_that_dies_after_working_for_a_while_is_not_called_twice(
    peer, post, monkeypatch
):
    monkeypatch.setattr(http, "STALE_WITHIN", 0.05)
    connections = []

    async def end(_):
        await asyncio.sleep(0.1)

    port = await peer(dying(connections=connections, ends_with=end))
    await post(port)
    assert (await post(port)).delivery is Delivery.UNANSWERED
    assert connections == [2]


async def test_a_forged_second_reply_is_not_taken_for_the_next(peer, post):
    port = await peer(answering(reply(b"true") + reply(b"forged"), then=stay))
    assert (await post(port)).body == b"true"
    assert (await post(port)).body == b"true"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate with")
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    names = ["-subj", "/CN=localhost", "-keyout", str(key), "-out", str(cert)]
    subprocess.run([*command.split(), *names], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context


async def test_a_self_signed_certificate_is_refused_and_nothing_sent(peer, post, certificate):
    seen = []
    port = await peer(answering(reply(), seen=seen), ssl=certificate)
    outcome = await post(port, scheme="https", connect=2, total=2)
    assert (outcome.delivery, outcome.reason) == (Delivery.NOT_SENT, Reason.TLS)
    assert "self-signed certificate" in outcome.detail
    assert seen == []


async def test_https_to_a_plain_port_is_a_tls_failure(peer, post):
    async def talk(reader, writer):
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        await stay(writer)

    outcome = await post(await peer(talk), scheme="https", connect=2, total=2)
    assert (outcome.delivery, outcome.reason) == (Delivery.NOT_SENT, Reason.TLS)


async def test_a_tls_handshake_that_hangs_was_not_sent(peer, post):
    async def talk(reader, writer):
        await stay(writer)

    outcome = await post(await peer(talk), scheme="https", connect=0.2)
    assert (outcome.delivery, outcome.reason) == (Delivery.NOT_SENT, Reason.CONNECT)


@pytest.mark.parametrize(
    ("connected_at", "error"),
    [
        (1.0, RuntimeError("cannot write http://r/?key=secret")),
        (None, ValueError("no URL: http://r/?key=secret")),
    ],
)
async def test_no_detail_tells_what_the_url_says(connected_at, error):
    seen = Seen(peer="r:80", connected_at=connected_at)
    assert "secret" not in explain(error, seen).detail


async def test_no_spoiled_reply_raises(peer, post):
    chance = random.Random(7)
    whole = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX: y\r\n\r\n4\r\nhalf\r\n0\r\n\r\n"

    async def talk(reader, writer):
        await read_request(reader)
        spoiled = bytearray(whole)
        for _ in range(chance.randint(1, 6)):
            spoiled[chance.randrange(len(spoiled))] = chance.randrange(256)
        writer.write(spoiled[: chance.randint(1, len(spoiled))])
        await writer.drain()

    port = await peer(talk)
    for _ in range(150):
        outcome = await post(port)
        assert outcome.delivery is not Delivery.NOT_SENT
        assert outcome.detail.isprintable()
