"""Names that lead elsewhere than they did: the guard judges each address that is connected to, every time."""

import asyncio
import socket

import pytest

from dispatchserver.auth.own import Own
from dispatchserver.domain.egress import read_address
from dispatchserver.domain.egresspolicy import EgressPolicy, Profile, read_allowed
from dispatchserver.domain.fire import Delivery, Reason
from dispatchserver.domain.recall import HttpRecall, SocketRecall
from dispatchserver.recalls.http import HttpTarget
from dispatchserver.recalls.socket import SocketTarget
from tests.recalls.conftest import _info, an_order

REPLY = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
HERE = [read_allowed("127.0.0.1")]
PUBLIC = EgressPolicy(profile=Profile.PUBLIC, loopback=False, allowed=HERE)

FORBIDDEN = {
    "private": "10.0.0.7",
    "private, mapped": "::ffff:10.0.0.7",
    "private, by NAT64": "64:ff9b::a00:7",
    "private, by 6to4": "2002:a00:7::1",
    "shared": "100.64.0.1",
    "a site's own IPv6": "fd12::7",
    "loopback": "127.0.0.2",
    "loopback, mapped": "::ffff:127.0.0.2",
    "loopback of IPv6": "::1",
    "metadata": "169.254.169.254",
    "metadata, mapped": "::ffff:169.254.169.254",
    "metadata, by NAT64": "64:ff9b::a9fe:a9fe",
    "metadata of IPv6": "fd00:ec2::254",
    "link-local": "fe80::1",
    "unspecified": "0.0.0.0",
    "unspecified of IPv6": "::",
}


@pytest.fixture
async def port(peer):
    """Of a receiver on 127.0.0.1 that answers both kinds."""

    async def answer(reader, writer):
        await reader.read(4096)
        writer.write(REPLY)
        await writer.drain()

    return await peer(answer)


@pytest.fixture
def answers(monkeypatch):
    """Makes each look-up of a name give the next of these lists of addresses, the last one for ever."""

    def give(*lists):
        left = list(lists)

        def getaddrinfo(host, port, *_, **__):
            now = left.pop(0) if len(left) > 1 else left[0]
            return [_info(address, port) for address in now]

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

    return give


@pytest.fixture
async def connects(monkeypatch):
    """Every address that a socket was asked to connect to."""
    seen, loop = [], asyncio.get_running_loop()
    connect = loop.sock_connect

    async def sock_connect(sock, address):
        seen.append(address[0])
        await connect(sock, address)

    monkeypatch.setattr(loop, "sock_connect", sock_connect)
    return seen


async def by_http(port, policy=PUBLIC, host="rebound.test"):
    target = HttpTarget(policy)
    try:
        return await target.send(an_order(HttpRecall(url=f"http://{host}:{port}/")))
    finally:
        await target.close()


async def by_socket(port, policy=PUBLIC, host="rebound.test"):
    return await SocketTarget(policy).send(an_order(SocketRecall(host=host, port=port)))


SENDS = pytest.mark.parametrize("send", [by_http, by_socket])


def is_refused(outcome):
    return (outcome.delivery, outcome.reason) == (Delivery.NOT_SENT, Reason.EGRESS)


@SENDS
@pytest.mark.parametrize("address", FORBIDDEN.values(), ids=FORBIDDEN)
async def test_a_name_that_leads_inside_gets_no_packet_from_a_public_server(
    answers, connects, send, address
):
    answers([address])
    assert is_refused(await send(9000))
    assert connects == []


@SENDS
@pytest.mark.parametrize("address", FORBIDDEN.values(), ids=FORBIDDEN)
async def test_a_second_answer_that_leads_inside_is_judged_anew(
    port, answers, connects, send, address
):
    answers(["127.0.0.1"], [address])
    assert (await send(port)).delivery is Delivery.ANSWERED
    assert is_refused(await send(port))
    assert connects == ["127.0.0.1"]


@SENDS
@pytest.mark.parametrize("address", FORBIDDEN.values(), ids=FORBIDDEN)
async def test_a_forbidden_address_among_several_is_never_the_way_out(
    answers, connects, send, address
):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    answers(["127.0.0.1", address])
    outcome = await send(port)
    assert outcome.delivery is Delivery.NOT_SENT
    assert set(connects) == {"127.0.0.1"}


async def test_a_kept_connection_and_a_remembered_answer_lead_only_where_they_were_allowed_to(
    port, answers, connects
):
    answers(["127.0.0.1"], ["169.254.169.254"])
    target = HttpTarget(PUBLIC)
    order = an_order(HttpRecall(url=f"http://rebound.test:{port}/"))
    outcomes = [await target.send(order) for _ in range(3)]
    await target.close()
    assert {outcome.delivery for outcome in outcomes} == {Delivery.ANSWERED}
    assert set(connects) == {"127.0.0.1"}


@pytest.mark.parametrize(
    "there", ["169.254.169.254", "[::ffff:a9fe:a9fe]", "metadata.google.internal"]
)
@pytest.mark.parametrize("status", [b"301", b"302", b"303", b"307", b"308"])
async def test_a_redirect_inside_is_no_way_in(peer, answers, connects, status, there):
    async def redirect(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        head = b"HTTP/1.1 %s Go\r\nContent-Length: 0\r\nLocation: http://%s/\r\n\r\n"
        writer.write(head % (status, there.encode()))
        await writer.drain()

    port = await peer(redirect)
    answers(["127.0.0.1"], ["169.254.169.254"])
    outcome = await by_http(port)
    assert (outcome.delivery, outcome.status) == (Delivery.ANSWERED, int(status))
    assert connects == ["127.0.0.1"]


@SENDS
@pytest.mark.parametrize("name", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
async def test_the_server_itself_is_not_called_by_a_name_that_leads_to_it(
    port, answers, connects, send, name
):
    own = Own([(read_address("127.0.0.1"), port)])
    answers([name])
    assert is_refused(await send(port, EgressPolicy(own=own), "self.test"))
    assert connects == []


@SENDS
async def test_a_server_on_every_address_calls_none_of_its_own(answers, connects, send):
    own = Own([(read_address("0.0.0.0"), 9000), (read_address("::"), 9000)])
    answers(["127.0.0.1", "127.0.0.9", "::1"])
    assert is_refused(await send(9000, EgressPolicy(own=own), "self.test"))
    assert connects == []
