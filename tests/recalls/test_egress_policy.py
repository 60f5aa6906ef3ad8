"""The policy at connect time, through both targets: the name that led to an address decides with it."""

import asyncio

import pytest

from dispatchserver.domain.egresspolicy import EgressPolicy, Profile, read_allowed
from dispatchserver.domain.fire import Delivery, Reason
from dispatchserver.domain.recall import HttpRecall, SocketRecall
from dispatchserver.recalls.http import HttpTarget
from dispatchserver.recalls.socket import SocketTarget
from tests.recalls.conftest import an_order

REPLY = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


@pytest.fixture
async def listener():
    """The port of a receiver that answers both kinds, and how often it was reached."""
    reached = []

    async def answer(reader, writer):
        reached.append(1)
        await reader.read(4096)
        writer.write(REPLY)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], reached


async def by_http(policy, port, host):
    target = HttpTarget(policy)
    try:
        return await target.send(an_order(HttpRecall(url=f"http://{host}:{port}/")))
    finally:
        await target.close()


async def by_socket(policy, port, host):
    return await SocketTarget(policy).send(an_order(SocketRecall(host=host, port=port)))


SENDS = pytest.mark.parametrize("send", [by_http, by_socket])


@SENDS
async def test_a_server_that_others_reach_does_not_call_its_own_machine(listener, send):
    port, reached = listener
    outcome = await send(EgressPolicy(loopback=False), port, "127.0.0.1")
    assert (outcome.delivery, outcome.reason) == (Delivery.NOT_SENT, Reason.EGRESS)
    assert (outcome.detail.startswith("egress.loopback"), reached) == (True, [])


@SENDS
async def test_only_the_name_that_the_admin_listed_leads_there(listener, resolve, send):
    port, reached = listener
    resolve("127.0.0.1")
    only = EgressPolicy(
        profile=Profile.ALLOWLIST, loopback=False, allowed=[read_allowed(f"hooks.test:{port}")]
    )
    listed, other = await send(only, port, "hooks.test"), await send(only, port, "evil.test")
    assert listed.delivery is Delivery.ANSWERED
    assert (other.reason, len(reached)) == (Reason.EGRESS, 1)


async def test_names_are_told_apart_though_they_are_called_at_the_same_time(listener, resolve):
    port, reached = listener
    resolve("127.0.0.1")
    only = EgressPolicy(
        profile=Profile.ALLOWLIST, loopback=False, allowed=[read_allowed("*.good.test")]
    )
    target = HttpTarget(only)
    names = [f"{kind}{n}.{kind}.test" for n in range(20) for kind in ("good", "evil")]
    orders = [an_order(HttpRecall(url=f"http://{name}:{port}/")) for name in names]
    outcomes = await asyncio.gather(*(target.send(order) for order in orders))
    await target.close()
    told = {name.split(".")[1]: set() for name in names}
    for name, outcome in zip(names, outcomes, strict=True):
        told[name.split(".")[1]].add(outcome.delivery)
    assert told == {"good": {Delivery.ANSWERED}, "evil": {Delivery.NOT_SENT}}
    assert len(reached) == 20


async def test_a_raw_message_is_not_sent_to_the_port_of_a_known_service():
    outcome = await by_socket(EgressPolicy(), 6379, "127.0.0.1")
    assert outcome.detail == "egress.port forbids 127.0.0.1:6379"
