"""Every way in which receivers misbehave, against every policy that it touches: real connections, a hand-moved clock.

What each of them does to one send is told in test_http.py and test_socket.py. Here it goes through the engine: which
failure it is, whether it is repeated under which policy, and that it leaves nothing taken behind it.
"""

import asyncio
import re
import socket
import ssl
import subprocess
import threading
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from dispatchserver.domain.concurrency import ConcurrencyKey, Overlap, OverlapRule
from dispatchserver.domain.fire import FireState, Reason
from dispatchserver.domain.recall import Ack, Framing, HttpRecall, RecallKind, SocketRecall
from dispatchserver.domain.retrypolicy import Backoff, Delays, Failure, Retry
from dispatchserver.domain.task import Policies
from dispatchserver.engine.executor import Limits
from dispatchserver.recalls.http import HttpTarget
from dispatchserver.recalls.resolving import Resolver
from dispatchserver.recalls.socket import SocketTarget
from tests.builders import every, once
from tests.clocks import ManualClock, s
from tests.engine.works import Works
from tests.houses import sqlite_house
from tests.recalls import manners as m

OK = b"HTTP/1.1 200 OK\r\n"
# What ends by itself has time enough on the slowest machine; what does not, ends by one of these.
PATIENT = Limits(connect_timeout=s(20), total_timeout=s(20), dns_timeout=s(20))
HASTY = Limits(connect_timeout=s(20), total_timeout=s(0.2), dns_timeout=s(20))
AT_ONCE = Limits(connect_timeout=s(0.2), total_timeout=s(20), dns_timeout=s(0.2))
FIRST_BYTE = Limits(connect_timeout=s(20), total_timeout=s(20), first_byte_timeout=s(0.2))


@dataclass(frozen=True)
class Mode:
    """One way to misbehave, and what must come of it: `failure` None is success.

    `words` is a pattern of the attempt's detail. `final`: no policy repeats it. `asked` is the pause that
    the receiver asks for, in seconds.
    """

    name: str
    talk: object = None
    failure: Failure | None = None
    reason: Reason | None = None
    words: str = ""
    limits: Limits = PATIENT
    url: str = "http://127.0.0.1:{port}/x"
    socket: dict | None = None
    final: bool = False
    asked: int = 0
    tls: str = ""
    body: str = "x"

    def recall(self, port):
        if self.socket is None:
            return HttpRecall(url=self.url.format(port=port), data=self.body)
        return SocketRecall(port=port, data=self.body, **{"host": "127.0.0.1"} | self.socket)

    def repeated(self, on):
        return self.failure in on and not self.final


def unanswered(reason, name, talk, words, limits=PATIENT, **more):
    return Mode(name, talk, Failure.UNANSWERED, reason, words, limits, **more)


def timed_out(name, talk, words=r"no reply from .* within 0\.2 s \(total timeout\)", **more):
    return unanswered(Reason.TIMEOUT, name, talk, words, HASTY, **more)


def no_http(name, data, then=m.stays):
    return unanswered(Reason.PROTOCOL, name, m.http(data, then), "sent no valid HTTP reply")


def status(code, failure, *headers, **more):
    said = b"%d Said" % code
    return Mode(str(code), m.polite(said, *headers), failure, Reason.STATUS, **more)


def not_sent(reason, name, words, limits=PATIENT, **more):
    return Mode(name, None, Failure.NOT_SENT, reason, words, limits, **more)


def fine(name, talk, **more):
    return Mode(name, talk, **more)


BY_HTTP = [
    fine("endless body", m.http(OK + b"\r\n", m.floods(b"a" * 10_000))),
    timed_out("dripping body", m.http(OK + b"\r\n", m.floods(b"a", 0.03)), "no end of the reply"),
    no_http("endless headers", OK, m.floods(b"X-More: and more\r\n" * 10)),
    timed_out("dripping headers", m.http(OK, m.floods(b"X: y\r\n", 0.03))),
    no_http("huge header", OK + b"X: " + b"a" * 20_000 + b"\r\n\r\n"),
    no_http("bad status", b"HTTP/1.1 99999 What\r\n\r\n"),
    no_http("garbage", b"hello\r\n\r\n"),
    no_http("TLS bytes", b"\x16\x03\x01\x02\x00\x01\r\n\r\n"),
    no_http("two lengths", OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc"),
    timed_out("endless 100", m.http(b"", m.floods(b"HTTP/1.1 100 Continue\r\n\r\n", 0.001))),
    fine("packed bomb", m.http(m.a_reply(m.BOMB, b"200 OK", b"Content-Encoding: gzip"))),
    status(302, Failure.REFUSED, b"Location: http://169.254.169.254/latest/meta-data"),
    Mode("redirect loop", m.loops, Failure.REFUSED, Reason.STATUS),
    unanswered(Reason.RESET, "reset on accept", m.resets_at_once, "reset the connection"),
    unanswered(Reason.RESET, "reset after reading", m.http(then=m.resets), "reset the connection"),
    unanswered(
        Reason.RESET,
        "reset in the reply",
        m.http(OK + b"Content-Length: 20\r\n\r\nhalf", m.resets_soon),
        "in the middle of the reply",
    ),
    unanswered(Reason.CLOSED, "end without a reply", m.http(), "without a reply"),
    unanswered(
        Reason.CLOSED, "end in the head", m.http(OK + b"X-Ha"), "middle of the reply's head"
    ),
    unanswered(
        Reason.CLOSED,
        "end in the body",
        m.http(OK + b"Content-Length: 20\r\n\r\nhalf"),
        "ended the reply early",
    ),
    fine("kept connection closed", m.http(m.a_reply(b"ok"))),
    timed_out("silence", m.http(then=m.stays)),
    timed_out("never reads", m.never_reads),
    unanswered(
        Reason.TIMEOUT,
        "no first byte",
        m.http(then=m.stays),
        r"within 0\.2 s \(first-byte timeout\)",
        FIRST_BYTE,
    ),
    status(500, Failure.BUSY),
    status(408, Failure.BUSY),
    status(429, Failure.BUSY, b"Retry-After: 600", asked=600),
    status(503, Failure.BUSY, b"Retry-After: nonsense"),
    status(404, Failure.REFUSED),
    status(410, Failure.REFUSED, final=True),
    fine("forged second reply", m.http(m.a_reply(b"true") + m.a_reply(b"forged"), m.stays)),
    fine("cookie", m.polite(b"200 OK", b"Set-Cookie: a=b; Path=/")),
    Mode(
        "says no",
        m.polite(body=b'{"success":"false","resultValue":"disk full"}'),
        Failure.CONTRACT,
        Reason.CONTRACT,
    ),
    Mode(
        "wants no other call",
        m.polite(body=b'{"success":"false","retry":"false"}'),
        Failure.CONTRACT,
        Reason.CONTRACT,
        final=True,
    ),
    not_sent(
        Reason.TLS,
        "self-signed",
        "self-signed certificate",
        tls="self-signed",
        url="https://localhost:{port}/",
    ),
    not_sent(Reason.TLS, "expired", "has expired", tls="expired", url="https://localhost:{port}/"),
    not_sent(Reason.TLS, "wrong host", "mismatch", tls="good", url="https://other.test:{port}/"),
    not_sent(Reason.DNS, "unknown name", "not known", url="http://unknown.test:{port}/"),
    not_sent(
        Reason.DNS, "slow name", r"DNS timeout.*0\.2 s", AT_ONCE, url="http://slow.test:{port}/"
    ),
    not_sent(
        Reason.EGRESS, "rebound name", "egress", url="http://rebound.test:{port}/", final=True
    ),
    not_sent(Reason.CONNECT, "nobody listens", "Connection refused"),
    not_sent(Reason.CONNECT, "black hole", r"connect timeout to .* \(0\.2 s\)", AT_ONCE),
]
BY_SOCKET = [
    unanswered(Reason.RESET, "socket: reset on accept", m.resets_at_once, "reset", socket={}),
    unanswered(
        Reason.RESET, "socket: reset after reading", m.line(then=m.resets), "reset", socket={}
    ),
    timed_out("socket: never reads", m.never_reads, socket={}),
    fine("socket: endless reply", m.line(then=m.floods(b"a" * 10_000)), socket={}),
    timed_out("socket: half open", m.line(then=m.stays), socket={}),
    timed_out("socket: partial line", m.line(b"half a li", m.stays), socket={}),
    unanswered(
        Reason.CLOSED,
        "socket: partial frame",
        m.frame(b"\0\0"),
        "ended its reply early",
        socket={"framing": Framing.LEN4},
    ),
    fine("socket: orderly end", m.line(), socket={}),
    unanswered(
        Reason.CLOSED,
        "socket: end where a reply is due",
        m.line(),
        "without a reply",
        socket={"ack": Ack.REPLY},
    ),
    Mode(
        "socket: says no",
        m.line(b'{"success":"false"}\n'),
        Failure.CONTRACT,
        Reason.CONTRACT,
        socket={},
    ),
    unanswered(
        Reason.TIMEOUT,
        "socket: no first byte",
        m.line(then=m.stays),
        r"within 0\.2 s \(first-byte timeout\)",
        FIRST_BYTE,
        socket={},
    ),
    not_sent(Reason.DNS, "socket: unknown name", "not known", socket={"host": "unknown.test"}),
    not_sent(
        Reason.DNS,
        "socket: slow name",
        r"DNS timeout.*0\.2 s",
        AT_ONCE,
        socket={"host": "slow.test"},
    ),
    not_sent(
        Reason.EGRESS, "socket: rebound", "egress", socket={"host": "rebound.test"}, final=True
    ),
    not_sent(Reason.CONNECT, "socket: nobody listens", "Connection refused", socket={}),
    not_sent(Reason.CONNECT, "socket: black hole", r"connect timeout", AT_ONCE, socket={}),
]
MODES = BY_HTTP + BY_SOCKET

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
    """Certificates that a receiver may show, and the authority that signed two of them."""
    folder = tmp_path_factory.mktemp("tls")
    new = "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj"
    (folder / "names").write_text("subjectAltName=DNS:localhost")
    for name in ("authority", "self-signed"):
        openssl(folder, f"{new} /CN=localhost -x509 -days 2 -keyout {name}.key -out {name}.pem")
    for name, days in (("good", 2), ("expired", -1)):
        openssl(folder, f"{new} /CN=localhost -keyout {name}.key -out {name}.csr")
        signed = f"-CA authority.pem -CAkey authority.key -CAcreateserial -days {days}"
        openssl(folder, f"x509 -req -in {name}.csr {signed} -extfile names -out {name}.pem")
    return folder


def openssl(folder, command):
    subprocess.run(["openssl", *command.split()], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def tls(request, monkeypatch):
    """The side of the receiver, which shows this certificate; the server trusts the authority."""

    def context(name):
        if not name:
            return None
        folder = request.getfixturevalue("certificates")
        monkeypatch.setenv("SSL_CERT_FILE", str(folder / "authority.pem"))
        shown = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        shown.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
        return shown

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
    assert re.search(mode.words, attempt.outcome.detail), attempt.outcome.detail
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


PROMISES = Mode(
    "promises, and never reports",
    m.polite(body=b'{"success":"true","asynchronized":"true"}'),
    Failure.REPORT_TIMEOUT,
    Reason.REPORT_TIMEOUT,
)


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
