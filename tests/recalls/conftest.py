"""Receivers of every sort of manners, and the two targets that meet them."""

import asyncio
import socket
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import pytest

from dispatchserver.domain.recall import Ack, Framing, HttpRecall, SocketRecall
from dispatchserver.ports import SendOrder
from dispatchserver.recalls.http import HttpTarget
from dispatchserver.recalls.socket import SocketTarget
from tests.forwarding import forwarding
from tests.recalls import manners

BODY = b'{"data":{"a":1},"tasklogid":"0123456789abcdef0123456789abcdef"}'


def an_order(recall, *, body=BODY, headers=(), connect=0.3, total=0.4, client_pem=None, **more):
    """`dns` and `first_byte` are time limits too; all are seconds."""
    more = {f"{name}_timeout": timedelta(seconds=limit) for name, limit in more.items()}
    return SendOrder(
        recall=recall,
        body=body,
        headers=headers,
        connect_timeout=timedelta(seconds=connect),
        total_timeout=timedelta(seconds=total),
        **more,
        client_pem=client_pem,
    )


@pytest.fixture
async def peer():
    """Starts a receiver that talks as it is told to, and answers its port; all end with the test."""
    async with AsyncExitStack() as stack:

        async def start(talk, **options):
            return await stack.enter_async_context(manners.talking(talk, **options))

        yield start


@pytest.fixture
def reset():
    """Ends a connection with RST."""

    return manners.reset


@pytest.fixture
def flood():
    """Writes the same bytes for ever."""

    return manners.flood


@pytest.fixture
def black_hole():
    """The port of a listener whose queue is full: connecting to it hangs."""
    with manners.full_listener() as port:
        yield port


@pytest.fixture
async def proxy():
    """A proxy that there really is."""
    async with forwarding() as found:
        yield found


@asynccontextmanager
async def posting(proxy=None):
    """Sends HTTP recalls; the target is shared, so that connections are kept between sends."""
    target = HttpTarget(proxy=proxy)

    async def send(port, path="/x", *, scheme="http", host="127.0.0.1", **limits):
        recall = HttpRecall(url=f"{scheme}://{host}:{port}{path}")
        return await target.send(an_order(recall, **limits))

    yield send
    await target.close()
    await asyncio.sleep(0)


@pytest.fixture
async def post_directly():
    """Sends one HTTP recall, to where it says itself."""
    async with posting() as send:
        yield send


@pytest.fixture(params=["direct", "by proxy"])
async def post(request):
    """Sends one HTTP recall, directly and through a proxy: it makes no difference to what receivers may do."""
    if request.param == "direct":
        async with posting() as send:
            yield send
        return
    async with forwarding() as found, posting(found.proxy) as send:
        yield send


@pytest.fixture
async def call():
    """Sends one socket recall."""

    target = SocketTarget()

    async def send(port, host="127.0.0.1", *, framing=Framing.LINE, ack=Ack.AUTO, **limits):
        recall = SocketRecall(host=host, port=port, framing=framing, ack=ack)
        outcome = await target.send(an_order(recall, **limits))
        await target.close()
        await asyncio.sleep(0)
        return outcome

    return send


@pytest.fixture
def resolve(monkeypatch):
    """Makes every name resolve to these addresses."""

    def answer(*addresses):
        def getaddrinfo(host, port, *_, **__):
            return [_info(address, port) for address in addresses]

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

    return answer


def _info(address, port):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    target = (address, port, 0, 0) if ":" in address else (address, port)
    return (family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", target)
