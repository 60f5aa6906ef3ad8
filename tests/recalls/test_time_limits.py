"""Each step of a call has a time limit of its own: the name, the connection, the first byte, and the whole."""

import asyncio
import socket
import subprocess
import sys
import threading

import pytest

from dispatchserver.domain.fire import Delivery, Reason
from dispatchserver.recalls.resolving import Resolver

HTTP_HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
SECOND = 1.0


@pytest.fixture
def names(monkeypatch):
    """Look-ups by hand: those of hosts named `hung…` last until the test ends, others find this machine."""
    let_go, asked = threading.Event(), []
    real = socket.getaddrinfo

    def getaddrinfo(host, port, *_, **more):
        if host.startswith("hung"):
            asked.append(host)
            let_go.wait(10)
        return real("127.0.0.1", port, type=socket.SOCK_STREAM)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    yield asked
    let_go.set()


@pytest.fixture(params=["http", "socket"])
def send(request, post_directly, call):
    """Either kind of recall."""
    return post_directly if request.param == "http" else call


async def silent(reader, writer):
    await reader.read()


async def test_a_look_up_that_hangs_is_told_with_its_own_limit(send, names):
    outcome = await send(80, host="hung.test", dns=0.1, connect=5, total=5)
    assert (outcome.delivery, outcome.reason) == (Delivery.NOT_SENT, Reason.DNS)
    assert outcome.detail == "DNS timeout for hung.test:80 (0.1 s)"


async def test_the_total_limit_ends_a_look_up_too(send, names):
    outcome = await send(80, host="hung.test", dns=5, connect=5, total=0.1)
    assert (outcome.reason, outcome.detail) == (Reason.DNS, "DNS timeout for hung.test:80 (0.1 s)")


async def test_the_time_for_the_name_is_none_of_the_connections(send, names, black_hole):
    outcome = await send(black_hole, host="slow.test", dns=0.1, connect=0.3, total=5)
    assert outcome.detail == f"connect timeout to slow.test:{black_hole} (0.3 s)"


async def test_one_hanging_name_asked_for_by_many_takes_one_thread(names):
    resolver = Resolver(places=2)
    asking = [asyncio.ensure_future(resolver.look_up("hung.test", 80)) for _ in range(50)]
    await asyncio.sleep(0.05)
    assert names == ["hung.test"]
    async with asyncio.timeout(SECOND):
        assert await resolver.look_up("fine.test", 80)
    await called_off(asking)


async def test_when_every_thread_hangs_the_next_look_up_gives_up_in_time(names):
    resolver = Resolver(places=2)
    asking = [asyncio.ensure_future(resolver.look_up(f"hung{n}.test", 80)) for n in range(2)]
    await asyncio.sleep(0.05)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await resolver.look_up("fine.test", 80)
    async with asyncio.timeout(SECOND):  # an address needs no thread
        assert await resolver.look_up("127.0.0.1", 80)
    await called_off(asking)


async def test_a_thread_that_comes_back_is_used_again(monkeypatch):
    resolver, let_go = Resolver(places=1), threading.Event()
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, port, **_: (
            (host != "hung.test" or let_go.wait(10)) and real("127.0.0.1", port)
        ),
    )
    asking = [asyncio.ensure_future(resolver.look_up("hung.test", 80))]
    await asyncio.sleep(0.05)
    waiting = asyncio.ensure_future(resolver.look_up("fine.test", 80))
    await called_off(asking)
    let_go.set()
    assert await waiting


async def called_off(tasks):
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_what_was_found_is_remembered_and_its_addresses_take_turns(monkeypatch):
    asked = []

    def getaddrinfo(host, port, **_):
        asked.append(host)
        kind = socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, ""
        return [(*kind, (f"127.0.0.{n}", port)) for n in (1, 2)]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    resolver = Resolver()
    first = [(await resolver.look_up("receiver.test", 80))[0][4][0] for _ in range(4)]
    assert asked == ["receiver.test"]
    assert first == ["127.0.0.1", "127.0.0.1", "127.0.0.2", "127.0.0.1"]


async def test_an_unknown_name_is_asked_for_anew(monkeypatch):
    answers = [socket.gaierror(socket.EAI_NONAME, "Name or service not known")]
    real = socket.getaddrinfo

    def getaddrinfo(host, port, **_):
        if answers:
            raise answers.pop()
        return real("127.0.0.1", port)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    resolver = Resolver()
    with pytest.raises(socket.gaierror):
        await resolver.look_up("receiver.test", 80)
    assert await resolver.look_up("receiver.test", 80)


async def test_a_reply_that_does_not_begin_in_time_is_told_with_its_own_limit(send, peer):
    port = await peer(silent)
    outcome = await send(port, first_byte=0.1, total=5)
    assert (outcome.delivery, outcome.reason) == (Delivery.UNANSWERED, Reason.TIMEOUT)
    assert outcome.detail == f"no reply from 127.0.0.1:{port} within 0.1 s (first-byte timeout)"


async def test_without_a_first_byte_limit_the_total_one_is_told(send, peer):
    port = await peer(silent)
    outcome = await send(port, total=0.1)
    assert outcome.detail == f"no reply from 127.0.0.1:{port} within 0.1 s (total timeout)"


async def test_a_reply_that_has_begun_may_take_longer_than_the_first_byte(post, peer):
    async def talk(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(HTTP_HEAD)
        await asyncio.sleep(0.3)
        writer.write(b"ok")
        await reader.read()

    assert (await post(await peer(talk), first_byte=0.15, total=5)).body == b"ok"


async def test_a_line_that_has_begun_may_take_longer_than_the_first_byte(call, peer):
    async def talk(reader, writer):
        await reader.readline()
        writer.write(b"o")
        await asyncio.sleep(0.3)
        writer.write(b"k\n")
        await reader.read()

    assert (await call(await peer(talk), first_byte=0.15, total=5)).body == b"ok"


async def test_the_time_to_connect_is_none_of_the_first_bytes(post_directly, peer, monkeypatch):
    real = socket.getaddrinfo
    pause = threading.Event()
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, port, **_: pause.wait(0.3) or real("127.0.0.1", port)
    )

    async def talk(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(HTTP_HEAD + b"ok")
        await reader.read()

    outcome = await post_directly(await peer(talk), host="slow.test", first_byte=0.15, total=5)
    assert outcome.body == b"ok"


HANGING = """
import asyncio, socket, time
from dispatchserver.recalls.resolving import Resolver

async def ask():
    async with asyncio.timeout(0.1):
        await Resolver().look_up("hung.test", 80)

socket.getaddrinfo = lambda *_, **__: time.sleep(60)
try:
    asyncio.run(ask())
except TimeoutError:
    print("gave up")
"""


def test_a_process_ends_though_a_look_up_hangs():
    ended = subprocess.run(
        [sys.executable, "-c", HANGING], capture_output=True, text=True, timeout=30, check=True
    )
    assert (ended.stdout, ended.stderr) == ("gave up\n", "")
