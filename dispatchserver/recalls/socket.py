"""Calls back over a plain TCP connection: one frame out, one reply in, every failure told as an Outcome."""

import asyncio
import fcntl
import socket
import struct
import sys
import termios

from dispatchserver.domain.egresspolicy import USUAL, EgressPolicy
from dispatchserver.domain.fire import Outcome, Reason
from dispatchserver.domain.recall import Ack, Framing, SocketRecall
from dispatchserver.ports import SendOrder
from dispatchserver.recalls import egress
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
        try:
            async with seen.within(order):
                reached = await self._reach(order, seen)
                if isinstance(reached, Outcome):
                    return reached
                return await _talk(reached, order, seen)
        except TimeoutError:
            if seen.connected_at is None:
                return not_connected_in_time(seen)
            return seen.unanswered(Reason.TIMEOUT, no_reply(seen))

    async def _reach(self, order: SendOrder, seen: Seen) -> socket.socket | Outcome:
        """A connected socket, or the Outcome that says why there is none."""
        assert isinstance(order.recall, SocketRecall)
        limit = order.connect_timeout.total_seconds()
        seen.come_to(Step.RESOLVE)
        try:
            addresses = await self._resolver.look_up(order.recall.host, order.recall.port)
            seen.come_to(Step.CONNECT)
            sock = await egress.connect(self._guard, order.recall.host, addresses, limit)
        except (OSError, ValueError) as error:
            return _not_connected(error, seen)
        seen.come_to(Step.REPLY)
        return sock

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


async def _talk(sock: socket.socket, order: SendOrder, seen: Seen) -> Outcome:
    assert isinstance(order.recall, SocketRecall)
    try:
        reader, writer = await asyncio.open_connection(sock=sock)
    except BaseException:
        sock.close()
        raise
    try:
        await _write(writer, order.body, order.recall.framing)
        if order.recall.ack is Ack.NONE:
            return seen.answered(Reason.UNCONFIRMED, f"written to {seen.peer}, no reply wanted")
        replied = await _read(reader, order.recall.framing, seen)
        return seen.answered() if replied else _judge_end(writer, order.recall, seen)
    except EndedEarly:
        return seen.unanswered(Reason.CLOSED, f"{seen.peer} ended its reply early")
    except OSError as error:
        if isinstance(error, TimeoutError) and error.errno is None:
            raise
        return seen.unanswered(Reason.RESET, f"{seen.peer} reset the connection: {why(error)}")
    finally:
        writer.transport.abort()


async def _write(writer: asyncio.StreamWriter, body: bytes, framing: Framing) -> None:
    """Returns when the system has taken all of the frame, so that what follows cannot cut it short."""
    writer.transport.set_write_buffer_limits(high=0)
    if framing is Framing.LEN4:
        writer.write(LENGTH.pack(len(body)))
    writer.write(body)
    if framing is Framing.LINE:
        writer.write(b"\n")
    await writer.drain()
    if framing is Framing.EOF:
        writer.write_eof()


async def _read(reader: asyncio.StreamReader, framing: Framing, seen: Seen) -> bool:
    """Reads one reply into `seen`, capped; False when the stream ended in order before a reply began."""
    if framing is Framing.LEN4:
        return await _read_frame(reader, seen)
    while chunk := await reader.read(CHUNK):
        _first_byte(seen)
        line, newline, _ = chunk.partition(b"\n") if framing is Framing.LINE else (chunk, b"", b"")
        if not seen.take(line) or newline:
            break
    if framing is Framing.LINE and seen.body.endswith(b"\r"):
        seen.body.pop()
    return seen.replied_at is not None


async def _read_frame(reader: asyncio.StreamReader, seen: Seen) -> bool:
    try:
        header = await reader.readexactly(LENGTH.size)
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise EndedEarly from error
        return False
    _first_byte(seen)
    missing: int = LENGTH.unpack(header)[0]
    while missing:
        chunk = await reader.read(min(CHUNK, missing))
        if not chunk:
            raise EndedEarly
        missing -= len(chunk)
        if not seen.take(chunk):
            break
    return True


def _first_byte(seen: Seen) -> None:
    if seen.replied_at is None:
        seen.come_to(Step.REST)


def _judge_end(writer: asyncio.StreamWriter, recall: SocketRecall, seen: Seen) -> Outcome:
    """An end without a reply: a yes where the ack rule takes it for one and the peer had received everything."""
    if recall.ack is Ack.REPLY:
        return seen.unanswered(Reason.CLOSED, f"{seen.peer} closed the connection without a reply")
    own_end = 1 if recall.framing is Framing.EOF else 0
    if _unreceived(writer.get_extra_info("socket")) > own_end:
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
