"""The guard at connect time, through both targets: forbidden addresses get no packet, however they are reached."""

import asyncio
import socket

import pytest

from dispatchserver.domain.egresspolicy import USUAL
from dispatchserver.domain.fire import Delivery, Reason
from dispatchserver.recalls import egress


def is_refused(outcome, rule):
    refused = (outcome.delivery, outcome.reason) == (Delivery.NOT_SENT, Reason.EGRESS)
    return refused and outcome.detail.startswith(rule)


@pytest.fixture
async def connects(monkeypatch):
    """Every address that a socket was asked to connect to."""
    seen = []
    loop = asyncio.get_running_loop()
    connect = loop.sock_connect

    async def sock_connect(sock, address):
        seen.append(address[0])
        await connect(sock, address)

    monkeypatch.setattr(loop, "sock_connect", sock_connect)
    return seen


FORBIDDEN = [
    ("169.254.169.254", "egress.metadata"),
    ("100.100.100.200", "egress.metadata"),
    ("169.254.1.1", "egress.link_local"),
    ("0.0.0.0", "egress.unspecified"),
    ("224.0.0.1", "egress.multicast"),
    ("255.255.255.255", "egress.broadcast"),
    ("fe80::1", "egress.link_local"),
    ("::ffff:169.254.169.254", "egress.metadata"),
    ("64:ff9b::a9fe:a9fe", "egress.metadata"),
]


@pytest.mark.parametrize(("address", "rule"), FORBIDDEN)
async def test_a_name_that_leads_to_a_forbidden_address_gets_no_packet(
    post_directly, call, resolve, connects, address, rule
):
    resolve(address)
    assert is_refused(await post_directly(80, host="rebound.test"), rule)
    assert is_refused(await call(80, host="rebound.test"), rule)
    assert connects == []


@pytest.mark.parametrize(("address", "rule"), FORBIDDEN)
async def test_a_forbidden_address_in_the_recall_itself_gets_no_packet(
    post, call, connects, address, rule
):
    literal = f"[{address}]" if ":" in address else address
    assert is_refused(await post(80, host=literal), rule)
    assert is_refused(await call(80, host=address), rule)
    assert connects == []


async def test_every_one_of_many_addresses_is_judged(post_directly, call, resolve, connects):
    resolve("fe80::1", "169.254.169.254", "224.0.0.1")
    assert (await post_directly(80, host="rebound.test")).reason is Reason.EGRESS
    assert (await call(80, host="rebound.test")).reason is Reason.EGRESS
    assert connects == []


async def test_two_forbidden_addresses_of_two_families_are_one_refusal(
    post_directly, resolve, connects
):
    resolve("fe80::1", "169.254.169.254")
    assert (await post_directly(80, host="rebound.test")).reason is Reason.EGRESS
    assert connects == []


async def test_an_allowed_address_beside_a_forbidden_one_is_called(
    peer, post_directly, call, resolve, connects
):
    async def talk(reader, writer):
        await reader.read(4096)
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n\n")
        await writer.drain()

    port = await peer(talk)
    resolve("169.254.169.254", "127.0.0.1")
    assert (await post_directly(port, host="mixed.test")).status == 204
    assert (await call(port, host="mixed.test")).delivery is Delivery.ANSWERED
    assert set(connects) == {"127.0.0.1"}


@pytest.mark.parametrize("spelling", ["127.1", "2130706433", "0177.0.0.1"])
async def test_an_odd_spelling_is_not_called_over_http(post, connects, spelling):
    outcome = await post(80, host=spelling)
    assert (outcome.delivery, outcome.reason) == (Delivery.NOT_SENT, Reason.EGRESS)
    assert connects == []


async def test_an_odd_spelling_that_a_resolver_takes_is_judged_as_what_it_means(call, connects):
    assert is_refused(await call(80, host="0xa9fea9fe"), "egress.metadata")
    assert connects == []


async def test_a_receiver_that_is_gone_without_a_word_is_noticed_by_the_system(peer):
    async def talk(reader, writer):
        await reader.read()

    port = await peer(talk)
    info = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port))
    guard = egress.Guard(USUAL, raw=False)
    with await egress.connect(guard, "127.0.0.1", [info], 1.0) as sock:
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
