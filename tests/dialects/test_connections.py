"""How many connections are let in, and how little the others cost."""

import asyncio
import logging
import socket
from contextlib import asynccontextmanager

import pytest

from dispatchserver.auth.connections import LOOPBACK, Doorkeeper
from dispatchserver.auth.own import Own, is_this_machine
from dispatchserver.domain.egress import read_address
from tests.processes import until

ASK = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@asynccontextmanager
async def silent(server, count):
    """So many connections that say nothing."""
    pairs = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(count)]
    yield pairs
    for _, writer in pairs:
        writer.close()


async def status(server):
    """Of one more connection; None where it was cut before its answer could be read."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        writer.write(ASK)
        return int((await reader.readline()).split()[1])
    except (ConnectionError, IndexError):
        return None
    finally:
        writer.close()


async def test_one_connection_too_many_is_turned_away_at_once(start):
    server = await start(connections=3)
    async with silent(server, 3):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 503 ") and b"Retry-After: 1\r\n" in answer
        writer.close()


async def test_there_is_room_again_when_one_has_gone(start):
    server = await start(connections=1)
    async with silent(server, 1):
        assert await status(server) in (503, None)

    async def served():
        return await status(server) == 200

    assert await until(served)


async def test_a_refused_request_leaves_its_room(start):
    server = await start(connections=1)
    for _ in range(3):

        async def refused():
            reply = await server.raw(b"GET / HTTP/9.9\r\n\r\n")
            return reply.status == 400

        assert await until(refused)


async def test_our_own_machine_has_no_limit_of_an_address(start):
    server = await start(connections=20, connections_per_address=2)
    async with silent(server, 10):
        assert await status(server) == 200


def test_one_address_takes_no_more_than_its_share():
    keeper = Doorkeeper(10, 2)
    assert None not in [keeper.enter("10.0.0.7", 0), keeper.enter("10.0.0.7", 0)]
    assert keeper.enter("10.0.0.7", 0) is None
    assert keeper.enter("::ffff:10.0.0.7", 0) is None
    assert keeper.enter("10.0.0.8", 0) is not None


def test_all_addresses_together_take_no_more_than_there_are():
    keeper = Doorkeeper(10, 2)
    let_in = [keeper.enter(f"10.0.0.{n}", 0) for n in range(20)]
    assert [key is not None for key in let_in] == [True] * 10 + [False] * 10


def test_an_ipv6_site_is_one_address():
    keeper = Doorkeeper(10, 1)
    assert keeper.enter("2001:db8:1:1::1", 0) is not None
    assert keeper.enter("2001:db8:1:1:ffff::2", 0) is None
    assert keeper.enter("2001:db8:1:2::1", 0) is not None


def test_who_leaves_makes_room_and_is_forgotten():
    keeper = Doorkeeper(1, 1)
    for n in range(1000):
        key = keeper.enter(f"10.0.{n // 256}.{n % 256}", 0)
        assert key is not None
        keeper.leave(key)
    assert not keeper._open


def test_proxies_and_our_own_machine_are_exempt():
    keeper = Doorkeeper(10, 1, LOOPBACK)
    assert None not in [keeper.enter(peer, 0) for peer in ("127.0.0.1", "127.9.9.9", "::1", "::1")]


def test_a_flood_is_told_once_a_minute_with_its_count(caplog):
    keeper = Doorkeeper(1, 1)
    keeper.enter("10.0.0.7", 0)
    with caplog.at_level(logging.WARNING):
        for second in range(120):
            keeper.enter("10.0.0.8", second)
    assert [record.turned_away for record in caplog.records] == [1, 60]


OUR_OWN = ["127.0.0.1", "127.0.0.2", "::1"]


@pytest.mark.parametrize("address", OUR_OWN)
def test_a_wildcard_is_every_address_of_this_machine_with_the_port(address):
    own = Own([(read_address("0.0.0.0"), 8080), (read_address("::"), 8080)])
    assert (read_address(address), 8080) in own
    assert (read_address(address), 8081) not in own


def test_the_address_that_others_see_is_our_own():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine is in no network")
        seen = read_address(sock.getsockname()[0])
    assert (seen, 8080) in Own([(read_address("0.0.0.0"), 8080)])
    assert (seen, 8081) not in Own([(read_address("0.0.0.0"), 8080)])


@pytest.mark.parametrize("address", ["192.0.2.1", "8.8.8.8", "2001:db8::1", "224.0.0.1"])
def test_others_are_not_our_own(address):
    assert not is_this_machine(read_address(address))


def test_one_address_is_only_itself():
    own = Own([(read_address("127.0.0.2"), 8080)])
    assert (read_address("127.0.0.2"), 8080) in own
    assert (read_address("127.0.0.1"), 8080) not in own


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_both_addresses_of_localhost_are_our_own(address):
    own = Own([(read_address(address), 8080)])
    assert (read_address("127.0.0.1"), 8080) in own and (read_address("::1"), 8080) in own
    assert (read_address("127.0.0.2"), 8080) not in own
