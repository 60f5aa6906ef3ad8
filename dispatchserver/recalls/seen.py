"""What one attempt has seen so far, how long it may still take, and the Outcome that this makes."""

import asyncio
import os
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from dispatchserver.domain.fire import Delivery, Outcome, Reason
from dispatchserver.recalls.alarm import Alarm

REPLY_LIMIT = 64 * 1024
DETAIL_LIMIT = 300


def now() -> float:
    """Seconds of the loop's own clock, which nobody can set."""
    return asyncio.get_running_loop().time()


class Step(StrEnum):
    """What an attempt waits for, and by which name people know the time limit of it."""

    RESOLVE = "DNS timeout"
    CONNECT = "connect timeout"
    REPLY = "first-byte timeout"
    REST = "total timeout"


@dataclass(slots=True, kw_only=True)
class Seen:
    """The notebook of one attempt: filled while it goes on, turned into an Outcome where it ends.

    `peer` is host:port, never the whole URL, whose query may hold secrets. `limit` is the time limit that passes
    first at this `step`: the step's own, or (`limited_by`) the total one.
    """

    peer: str
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    began: float = field(default_factory=now)
    step: Step = Step.CONNECT
    limit: timedelta = timedelta(0)
    limited_by: Step = Step.REST
    connected_at: float | None = None
    replied_at: float | None = None
    reused: bool = False
    status: int | None = None
    body: bytearray = field(default_factory=bytearray)
    truncated: bool = False
    asynchronous: bool = False
    retry_after: str = ""
    _total: timedelta = timedelta(0)
    _alarm: Alarm | None = None

    def within(self, total: timedelta, alarm: Alarm) -> Alarm:
        """Bounds the attempt as a whole; raises TimeoutError. Each step may have a limit of its own beside that."""
        self._total = self.limit = total
        self._alarm = alarm
        return alarm.until(self.began + total.total_seconds())

    def come_to(self, step: Step, own: timedelta | None = None) -> None:
        """The attempt is at this step from now on, with its `own` time limit; that of the step before is kept no longer."""
        self.step, moment = step, self.loop.time()
        if step is Step.REPLY:
            self.connected_at = moment
        elif step is Step.REST:
            self.replied_at = moment
        alarm = self._alarm
        if alarm is None or alarm.rings:
            return
        if own is None and self.limited_by is Step.REST and not alarm.put_off:
            return  # the total limit holds already
        self.limit, self.limited_by = self._total, Step.REST
        ends = self.began + self._total.total_seconds() + alarm.put_off
        if own is not None and moment + own.total_seconds() < ends:
            self.limit, self.limited_by, ends = own, step, moment + own.total_seconds()
        alarm.move(ends)

    def take(self, chunk: bytes) -> bool:
        """Keeps what still fits of the reply; False when the reply is longer than what is kept of one."""
        room = REPLY_LIMIT - len(self.body)
        self.body += chunk[:room]
        self.truncated = len(chunk) > room
        return not self.truncated

    def not_sent(self, reason: Reason, detail: str) -> Outcome:
        """Certainly nothing reached the receiver's program."""
        return self._outcome(Delivery.NOT_SENT, reason, detail)

    def unanswered(self, reason: Reason, detail: str) -> Outcome:
        """Something may have been sent, and no answer that can be trusted came."""
        return self._outcome(Delivery.UNANSWERED, reason, detail)

    def answered(self, reason: Reason | None = None, detail: str = "") -> Outcome:
        """The receiver's answer is here."""
        return self._outcome(Delivery.ANSWERED, reason, detail)

    def _outcome(self, delivery: Delivery, reason: Reason | None, detail: str) -> Outcome:
        return Outcome(
            delivery=delivery,
            reason=reason,
            detail=one_line(detail),
            status=self.status,
            body=bytes(self.body),
            truncated=self.truncated,
            asynchronous=self.asynchronous,
            retry_after=self.retry_after,
            connect_ms=self._since_start(self.connected_at),
            first_byte_ms=self._since_start(self.replied_at),
        )

    def _since_start(self, moment: float | None) -> int | None:
        return None if moment is None else int((moment - self.began) * 1000)


def one_line(text: str) -> str:
    """The text as one short printable line, whatever a receiver put into it."""
    if not text:
        return ""
    line = "".join(c if c.isprintable() else " " for c in text[: DETAIL_LIMIT * 2])
    return " ".join(line.split())[:DETAIL_LIMIT]


def why(error: BaseException) -> str:
    """The system's own words for an error number, else what the error says."""
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return str(error) or type(error).__name__


def not_connected_in_time(seen: Seen) -> Outcome:
    """A time limit passed before there was a connection."""
    reason = Reason.DNS if seen.step is Step.RESOLVE else Reason.CONNECT
    to = "for" if seen.step is Step.RESOLVE else "to"
    words = f"{seen.step} {to} {seen.peer} ({seen.limit.total_seconds():.1f} s)"
    return seen.not_sent(reason, words)


def not_resolved(error: Exception, seen: Seen) -> Outcome:
    """The name has no address, or can be no name."""
    words = error.strerror if isinstance(error, OSError) else error
    return seen.not_sent(Reason.DNS, f"cannot resolve {seen.peer}: {words}")


def no_reply(seen: Seen) -> str:
    """That a time limit passed on a connection, and which one."""
    missing = "reply" if seen.status is None else "end of the reply"
    limit = f"{seen.limit.total_seconds():.1f} s ({seen.limited_by})"
    return f"no {missing} from {seen.peer} within {limit}"
