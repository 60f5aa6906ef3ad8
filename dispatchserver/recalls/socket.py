"""Calls back over a plain TCP connection: one frame out, one reply in, every failure told as an Outcome."""

import asyncio
import fcntl
import socket
import struct
import sys
import termios
from functools import partial

from dispatchserver.domain.egresspolicy import USUAL, EgressPolicy
from dispatchserver.domain.fire import Outcome, Reason
from dispatchserver.domain.recall import Ack, Framing, SocketRecall
from dispatchserver.ports import SendOrder
from dispatchserver.recalls import egress
from dispatchserver.recalls.alarm import Alarm
from dispatchserver.recalls.line import Line
from dispatchserver.recalls.resolving import Resolver
from dispatchserver.recalls.seen import (
    Seen,
    Step,
    no_reply,
    not_connected_in_time,
    not_resolved,
    why,
)

LENGTH = struct.Struct(">I")
CHUNK = 16 * 1024


class EndedEarly(Exception):
    """The peer ended the stream where more had to come."""


class SocketTarget:
    """Never takes a reset or a silence for a yes, and leaves no connection open behind it.

    Framing, of the message and of the reply alike: `line` ends with a newline (a reply may end with the
    stream too); `eof` ends with the stream, so we close our half after writing; `len4` has its length
    before it; `raw` is the bytes alone, our half stays open, and the receiver knows by itself where they
    end. A `raw` or `eof` reply ends with the stream.
    """

    def __init__(self, policy: EgressPolicy = USUAL, resolver: Resolver | None = None) -> None:
        self._guard = egress.Guard(policy, raw=True)
        self._resolver = resolver or Resolver()

    async def send(self, order: SendOrder) -> Outcome:
        """Sends one frame and reads one reply; see RecallTarget."""
        assert isinstance(order.recall, SocketRecall)
        seen = Seen(peer=order.recall.address)
        alarm = Alarm(seen.loop)
        try:
            with seen.within(order.total_timeout, alarm):
                reached = await self._reach(order, seen)
                if isinstance(reached, Outcome):
                    return reached
                return await _talk(reached, order, seen)
        except TimeoutError:
            if seen.connected_at is None:
                return not_connected_in_time(seen)
            return seen.unanswered(Reason.TIMEOUT, no_reply(seen))
        finally:
            alarm.close()

    async def _reach(self, order: SendOrder, seen: Seen) -> Line | Outcome:
        """A connection, or the Outcome that says why there is none."""
        assert isinstance(order.recall, SocketRecall)
        limit = order.connect_timeout.total_seconds()
        seen.come_to(Step.RESOLVE, order.dns_timeout)
        try:
            addresses = await self._resolver.look_up(order.recall.host, order.recall.port)
            seen.come_to(Step.CONNECT, order.connect_timeout)
            dial = partial(self._dial, order.recall.host)
            line = await egress.first_of(addresses, limit, dial)
        except (OSError, ValueError) as error:
            return _not_connected(error, seen)
        seen.come_to(Step.REPLY, order.first_byte_timeout)
        return line

    async def _dial(self, host: str, info: egress.AddressInfo) -> Line:
        """A connection to this very address: it is a number, so nothing is looked up any more."""
        address, port = self._guard.check(host, info)
        _, line = await asyncio.get_running_loop().create_connection(Line, address, port)
        return line

    async def close(self) -> None:
        """Nothing is kept open between sends."""


def _not_connected(error: OSError | ValueError, seen: Seen) -> Outcome:
    if isinstance(error, TimeoutError) and error.errno is None:
        return not_connected_in_time(seen)
    if isinstance(error, OSError) and egress.is_shortage(error):
        return egress.nothing_left(error, seen)
    if seen.step is Step.RESOLVE:
        return not_resolved(error, seen)
    if isinstance(error, OSError) and egress.is_refusal(error):
        return seen.not_sent(Reason.EGRESS, str(error.strerror))
    return seen.not_sent(Reason.CONNECT, f"cannot connect to {seen.peer}: {why(error)}")


async def _talk(line: Line, order: SendOrder, seen: Seen) -> Outcome:
    assert isinstance(order.recall, SocketRecall)
    try:
        await _write(line, order.body, order.recall.framing)
        if order.recall.ack is Ack.NONE:
            return seen.answered(Reason.UNCONFIRMED, f"written to {seen.peer}, no reply wanted")
        replied = await _read(line, order.recall.framing, seen)
        return seen.answered() if replied else _judge_end(line, order.recall, seen)
    except EndedEarly:
        return seen.unanswered(Reason.CLOSED, f"{seen.peer} ended its reply early")
    except OSError as error:
        if isinstance(error, TimeoutError) and error.errno is None:
            raise
        return seen.unanswered(Reason.RESET, f"{seen.peer} reset the connection: {why(error)}")
    finally:
        line.abort()


async def _write(line: Line, body: bytes, framing: Framing) -> None:
    """Returns when the system has taken all of the frame, so that what follows cannot cut it short."""
    before = LENGTH.pack(len(body)) if framing is Framing.LEN4 else b""
    after = b"\n" if framing is Framing.LINE else b""
    await line.send(before + body + after)
    if framing is Framing.EOF:
        line.end()


async def _read(line: Line, framing: Framing, seen: Seen) -> bool:
    """Reads one reply into `seen`, capped; False when the stream ended in order before a reply began."""
    if framing is Framing.LEN4:
        return await _read_frame(line, seen)
    while chunk := await line.receive(CHUNK):
        _first_byte(seen)
        text, newline, _ = chunk.partition(b"\n") if framing is Framing.LINE else (chunk, b"", b"")
        if not seen.take(text) or newline:
            break
    if framing is Framing.LINE and seen.body.endswith(b"\r"):
        seen.body.pop()
    return seen.replied_at is not None


async def _read_frame(line: Line, seen: Seen) -> bool:
    header = b""
    while len(header) < LENGTH.size:
        part = await line.receive(LENGTH.size - len(header))
        if not part and header:
            raise EndedEarly
        if not part:
            return False
        header += part
    _first_byte(seen)
    missing: int = LENGTH.unpack(header)[0]
    while missing:
        chunk = await line.receive(min(CHUNK, missing))
        if not chunk:
            raise EndedEarly
        missing -= len(chunk)
        if not seen.take(chunk):
            break
    return True


def _first_byte(seen: Seen) -> None:
    if seen.replied_at is None:
        seen.come_to(Step.REST)


def _judge_end(line: Line, recall: SocketRecall, seen: Seen) -> Outcome:
    """An end without a reply: a yes where the ack rule takes it for one and the peer had received everything."""
    if recall.ack is Ack.REPLY:
        return seen.unanswered(Reason.CLOSED, f"{seen.peer} closed the connection without a reply")
    own_end = 1 if recall.framing is Framing.EOF else 0
    if _unreceived(line.socket) > own_end:
        return seen.unanswered(
            Reason.CLOSED, f"{seen.peer} closed the connection before it had received the message"
        )
    return seen.answered()


def _unreceived(sock: socket.socket) -> int:
    """How much of what was written the peer's system had not acknowledged when it ended the stream.

    A peer that hangs up without reading, as a forwarder with a dead backend does, sends an end that looks
    orderly: only what it left unacknowledged, or the reset that follows, gives it away. Both are asked
    of the kernel; where they cannot be (not Linux), the answer is 0.
    """
    if sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
        return sys.maxsize
    if sys.platform != "linux":
        return 0
    queued = fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, b"\0" * 4)
    return int.from_bytes(queued, sys.byteorder)
