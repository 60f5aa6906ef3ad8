"""Every way in which receivers misbehave, against every policy that it touches: real connections, a hand-moved clock.

What each of them does to one send is told in test_http.py and test_socket.py, and what must come of it in modes.py.
Here it goes through the engine: which failure it is, whether it is repeated under which policy, and that it leaves
nothing taken behind it.
"""

import asyncio
import re
import socket
import threading
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from dispatchserver.domain.concurrency import ConcurrencyKey, Overlap, OverlapRule
from dispatchserver.domain.fire import FireState, Reason
from dispatchserver.domain.recall import RecallKind
from dispatchserver.domain.retrypolicy import Backoff, Delays, Failure, Retry
from dispatchserver.domain.task import Policies
from dispatchserver.recalls.http import HttpTarget
from dispatchserver.recalls.resolving import Resolver
from dispatchserver.recalls.socket import SocketTarget
from tests.builders import every, once
from tests.certificates import make_chain, showing
from tests.clocks import ManualClock, s
from tests.engine.works import Works
from tests.houses import sqlite_house
from tests.recalls import manners as m
from tests.recalls.modes import MODES, PROMISES

NEVER = Retry(pauses=Backoff(most=0))
SOON = Delays(spans=(s(5),))
ONE_KEY = ConcurrencyKey(name="shared", limit=1)


def policies_of(mode):
    """Each policy by name; and of those that repeat, which failures they repeat."""
    asked = frozenset({mode.failure or Failure.CONTRACT})
    return {
        "plain": (Policies(), {Failure.NOT_SENT}),
        "usual": (Policies(retry=Retry()), set(Failure) - {Failure.REFUSED}),
        "asked": (Policies(retry=Retry(pauses=SOON, on=asked)), asked),
        "others": (
            Policies(retry=Retry(pauses=SOON, on=frozenset(Failure) - asked)),
            set(Failure) - asked,
        ),
    }


class Stage(Works):
    """The works with real targets, called at one receiver that misbehaves."""

    def __init__(self, house, port, mode):
        resolver = Resolver()
        self.http, self.socket = HttpTarget(resolver=resolver), SocketTarget(resolver=resolver)
        self.mode, self.to = mode, mode.recall(port)
        super().__init__(house, ManualClock(), slots=20, limits=mode.limits)

    def targets(self):
        return {RecallKind.HTTP: self.http, RecallKind.SOCKET: self.socket}

    async def ask(self, name, policies, trigger=None):
        await self.add(name, trigger or once(), recall=self.to, policies=policies)

    async def fire(self, name):
        return (await self.house.fires(name=name))[0]

    async def states(self, name):
        return [fire.state for fire in await self.house.fires(name=name)]


@dataclass
class Receiver:
    """Where the receiver of a mode is, and what it heard."""

    port: int
    heard: list = field(default_factory=list)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return make_chain(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def tls(request, monkeypatch):
    """The side of the receiver, which shows this certificate; the server trusts the authority."""

    def context(name):
        if not name:
            return None
        folder = request.getfixturevalue("certificates")
        monkeypatch.setenv("SSL_CERT_FILE", str(folder / "authority.pem"))
        return showing(folder, name)

    return context


@pytest.fixture
def names(monkeypatch):
    """A name server: one name it does not know, one it never answers for, one leads to forbidden ground."""
    end, real = threading.Event(), socket.getaddrinfo

    def getaddrinfo(host, port, *_, **__):
        if host == "unknown.test":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        if host == "slow.test":
            end.wait(60)
        address = "169.254.169.254" if host == "rebound.test" else "127.0.0.1"
        return real(address, port, type=socket.SOCK_STREAM)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    yield
    end.set()


@pytest.fixture
async def receiver(mode, peer, black_hole, tls):
    if mode.name.endswith("black hole"):
        return Receiver(black_hole)
    if mode.talk is None and not mode.tls:
        with socket.create_server(("127.0.0.1", 0)) as closed:
            return Receiver(closed.getsockname()[1])
    here = Receiver(0)
    talk = mode.talk or m.polite()
    here.port = await peer(
        lambda reader, writer: talk(reader, writer, here.heard), ssl=tls(mode.tls)
    )
    return here


@pytest.fixture
async def stage(mode, receiver, names, tmp_path):
    async with sqlite_house(tmp_path) as house:
        stage = Stage(house, receiver.port, mode)
        yield stage
        await stage.http.close()
        await asyncio.sleep(0)


async def check_first_attempt(stage, name, repeated):
    """One attempt was made, it is told in the right words, and its fire stands as the policy says."""
    mode, fire = stage.mode, await stage.fire(name)
    (attempt,) = await stage.store.list_attempts(fire.id)
    words = mode.words.format(limit=r"0\.2")
    assert re.search(words, attempt.outcome.detail), attempt.outcome.detail
    if mode.failure is None:
        assert (fire.state, attempt.outcome.delivery) == (FireState.SUCCEEDED, "answered")
        return
    assert (fire.reason, attempt.verdict.reason) == (mode.reason, mode.reason)
    assert fire.state is (FireState.PENDING if repeated else FireState.FAILED)
    if repeated:
        assert fire.run_at >= stage.clock.now() + s(max(mode.asked, 0.5))


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
async def test_whatever_a_receiver_does_costs_its_own_call_and_nothing_else(mode, stage, receiver):
    ruled = policies_of(mode)
    for name, (policies, _) in ruled.items():
        await stage.ask(name, policies)
    for rule in (OverlapRule.SKIP, OverlapRule.QUEUE_ONE):
        policies = Policies(overlap=Overlap(rule=rule), retry=NEVER)
        await stage.ask(rule, policies, every(60, count=2))
    for name in ("keyed", "keyed too"):
        await stage.ask(name, Policies(concurrency=ONE_KEY, retry=NEVER))

    await stage.turn()
    for name, (_, on) in ruled.items():
        await check_first_attempt(stage, name, mode.repeated(on))
    over = FireState.SUCCEEDED if mode.failure is None else FireState.FAILED
    await stage.turn()  # the key was given back
    for name in (OverlapRule.SKIP, OverlapRule.QUEUE_ONE, "keyed", "keyed too"):
        await check_first_attempt(stage, name, repeated=False)

    await stage.turn(60)  # the turn was given back; and what was to be repeated is
    for rule in (OverlapRule.SKIP, OverlapRule.QUEUE_ONE):
        assert await stage.states(rule) == [over, over]
    for name, (_, on) in ruled.items():
        made = 2 if mode.repeated(on) and mode.asked <= 60 else 1
        assert (await stage.fire(name)).attempts == made, name
    assert not await stage.store.find_stuck(stage.clock.now())
    await check_what_it_heard(stage, receiver)


async def check_what_it_heard(stage, receiver):
    """No attempt reached the receiver twice, what was not sent did not reach it at all, and no cookie came back."""
    heard = [str(request) for request in receiver.heard]
    for fire in await stage.house.fires():
        assert sum(fire.id in request for request in heard) <= fire.attempts
    assert stage.mode.failure is not Failure.NOT_SENT or heard == []
    assert not any("cookie" in request.lower() for request in heard)


@pytest.mark.parametrize("mode", [PROMISES], ids=lambda mode: mode.name)
async def test_a_promise_that_is_not_kept_is_a_failure_of_its_own(mode, stage):
    ruled = policies_of(mode)
    for name, (policies, _) in ruled.items():
        await stage.ask(name, policies)
    queue = Policies(overlap=Overlap(rule=OverlapRule.QUEUE_ONE), retry=NEVER, concurrency=ONE_KEY)
    await stage.ask("queue", queue, every(60, count=2))
    await stage.turn()
    assert stage.engine.crew.free == stage.slots
    await stage.turn(60)
    assert await stage.states("queue") == ["waiting", "pending"]
    stage.clock.advance(timedelta(hours=1))
    await stage.engine.sweeper.run_once()
    for name, (_, on) in ruled.items():
        fire = await stage.fire(name)
        repeated = mode.repeated(on)
        assert fire.state is (FireState.PENDING if repeated else FireState.FAILED), name
        assert fire.reason is Reason.REPORT_TIMEOUT
    await stage.turn(60)
    assert await stage.states("queue") == ["failed", "waiting"]
    assert (await stage.fire("asked")).attempts == 2
