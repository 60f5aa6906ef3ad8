"""A process that stood still finds its limits passed and the replies in its sockets: what was answered in time counts."""

import asyncio
import socket
import threading
import time
from contextlib import suppress

import pytest
import uvloop

from dispatchserver.domain.fire import Delivery, Reason
from dispatchserver.domain.recall import Framing, HttpRecall, SocketRecall
from dispatchserver.recalls.http import HttpTarget
from dispatchserver.recalls.socket import SocketTarget
from tests.recalls.conftest import an_order

LIMIT = 0.2
STOOD_STILL = 0.6
REPLY = {
    "http": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "socket": b"ok\n",
}


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request):
    """Runs on either loop, as a server does."""
    with asyncio.Runner(loop_factory=request.param) as runner:
        yield runner.run


class Peer:
    """Takes one connection on a thread of its own, and answers when the sender's loop stands still."""

    def __init__(self, reply):
        self.heard, self.may_answer = threading.Event(), threading.Event()
        self._reply = reply

    def __enter__(self):
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._talk)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.may_answer.set()
        self._listening.shutdown(socket.SHUT_RDWR)  # nobody may have come
        self._thread.join()
        self._listening.close()

    def _talk(self):
        with suppress(OSError):
            connection, _ = self._listening.accept()
            with connection:
                self._answer(connection)

    def _answer(self, connection):
        connection.recv(65536)
        self.heard.set()
        self.may_answer.wait()
        connection.sendall(self._reply)
        while connection.recv(65536):
            pass  # until the sender ends it


def stand_still(peer):
    """Blocks the loop from when the peer has heard the call until long after its time limit; the peer answers then."""
    if peer.heard.is_set():
        peer.may_answer.set()
        time.sleep(STOOD_STILL)
    else:
        asyncio.get_running_loop().call_later(0.001, stand_still, peer)


async def send(kind, peer, **limits):
    if kind == "http":
        target, recall = HttpTarget(), HttpRecall(url=f"http://127.0.0.1:{peer.port}/x")
    else:
        target = SocketTarget()
        recall = SocketRecall(host="127.0.0.1", port=peer.port, framing=Framing.LINE)
    outcome = await target.send(an_order(recall, **limits))
    await target.close()
    await asyncio.sleep(0)
    return outcome


async def send_and_stand_still(kind, peer):
    asyncio.get_running_loop().call_soon(stand_still, peer)
    return await send(kind, peer, connect=5, total=LIMIT)


@pytest.mark.parametrize("kind", REPLY)
def test_a_reply_that_came_while_the_process_stood_still_is_an_answer(run, kind):
    with Peer(REPLY[kind]) as peer:
        outcome = run(send_and_stand_still(kind, peer))
    assert (outcome.delivery, outcome.body) == (Delivery.ANSWERED, b"ok")


@pytest.mark.parametrize("kind", REPLY)
def test_a_receiver_that_hangs_is_given_up_though_the_process_stood_still(run, kind):
    with Peer(b"") as peer:
        outcome = run(send_and_stand_still(kind, peer))
    assert (outcome.delivery, outcome.reason) == (Delivery.UNANSWERED, Reason.TIMEOUT)
    assert outcome.detail.endswith("within 0.2 s (total timeout)")


def test_a_connection_that_was_made_while_the_process_stood_still_is_used(run):
    async def stand_still_and_send(peer):
        loop = asyncio.get_running_loop()
        loop.call_soon(loop.call_soon, time.sleep, STOOD_STILL)
        return await send("http", peer, connect=LIMIT, total=LIMIT)

    with Peer(REPLY["http"]) as peer:
        peer.may_answer.set()
        assert run(stand_still_and_send(peer)).body == b"ok"
