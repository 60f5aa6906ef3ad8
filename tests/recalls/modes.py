"""The table of bad manners: what a receiver does, and which failure, in which words, must come of it.

The engine meets them all by a hand-moved clock in test_misbehaving.py, a whole server in tests/faults.
"""

from dataclasses import dataclass

from dispatchserver.domain.fire import Reason
from dispatchserver.domain.recall import Ack, Framing, HttpRecall, SocketRecall
from dispatchserver.domain.retrypolicy import Failure
from dispatchserver.engine.executor import Limits
from tests.clocks import s
from tests.recalls import manners as m

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
HUGE = OK + b"Content-Length: 6500000000\r\n\r\n"
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


def timed_out(name, talk, words=r"no reply from .* within {limit} s \(total timeout\)", **more):
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
    fine("endless chunks", m.http(CHUNKED, m.floods(b"2710\r\n" + b"a" * 10_000 + b"\r\n"))),
    fine("huge body", m.http(HUGE, m.floods(b"a" * 10_000))),
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
        r"within {limit} s \(first-byte timeout\)",
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
    Mode(
        "TLS 1.0",
        m.too_old,
        Failure.NOT_SENT,
        Reason.TLS,
        "TLS with .* failed",
        url="https://localhost:{port}/",
    ),
    not_sent(Reason.DNS, "unknown name", "not known", url="http://unknown.test:{port}/"),
    not_sent(
        Reason.DNS, "slow name", r"DNS timeout.*{limit} s", AT_ONCE, url="http://slow.test:{port}/"
    ),
    not_sent(
        Reason.EGRESS, "rebound name", "egress", url="http://rebound.test:{port}/", final=True
    ),
    not_sent(Reason.CONNECT, "nobody listens", "Connection refused"),
    not_sent(Reason.CONNECT, "black hole", r"connect timeout to .* \({limit} s\)", AT_ONCE),
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
        r"within {limit} s \(first-byte timeout\)",
        FIRST_BYTE,
        socket={},
    ),
    not_sent(Reason.DNS, "socket: unknown name", "not known", socket={"host": "unknown.test"}),
    not_sent(
        Reason.DNS,
        "socket: slow name",
        r"DNS timeout.*{limit} s",
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

PROMISES = Mode(
    "promises, and never reports",
    m.polite(body=b'{"success":"true","asynchronized":"true"}'),
    Failure.REPORT_TIMEOUT,
    Reason.REPORT_TIMEOUT,
)
