"""What one attempt has seen so far, and the Outcome that this makes."""

import asyncio
import os
from dataclasses import dataclass, field

from dispatchserver.domain.fire import Delivery, Outcome, Reason

REPLY_LIMIT = 64 * 1024
DETAIL_LIMIT = 300


def now() -> float:
    """Seconds of the loop's own clock, which nobody can set."""
    return asyncio.get_running_loop().time()


@dataclass(slots=True, kw_only=True)
class Seen:
    """The notebook of one attempt: filled while it goes on, turned into an Outcome where it ends.

    `peer` is host:port, never the whole URL, whose query may hold secrets.
    """

    peer: str
    began: float = field(default_factory=now)
    resolving: bool = False
    connected_at: float | None = None
    replied_at: float | None = None
    reused: bool = False
    status: int | None = None
    body: bytearray = field(default_factory=bytearray)
    truncated: bool = False
    asynchronous: bool = False
    retry_after: str = ""

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
    line = "".join(c if c.isprintable() else " " for c in text[: DETAIL_LIMIT * 2])
    return " ".join(line.split())[:DETAIL_LIMIT]


def why(error: BaseException) -> str:
    """The system's own words for an error number, else what the error says."""
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return str(error) or type(error).__name__
