"""A circuit breaker: who fails time after time is left in peace for a while, and then tried by one call. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

TROUBLE_LIMIT = 20
REST = timedelta(seconds=30)


class Circuit(StrEnum):
    """How a breaker stands: calls go through; nobody is sent there; one call tries whether it serves again."""

    CLOSED = "closed"
    OPEN = "open"
    PROBING = "probing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """Leaves a receiver in peace that has failed 20 times on end: for 30 s nobody is sent there, then one probe is.

    `failures` are those on end; `rests_until` is set while it is open, and stays set while its probe is out.
    """

    failures: int = 0
    rests_until: datetime | None = None
    probing: bool = False

    @property
    def circuit(self) -> Circuit:
        """How it stands."""
        if self.rests_until is None:
            return Circuit.CLOSED
        return Circuit.PROBING if self.probing else Circuit.OPEN

    def admits(self, now: datetime) -> bool:
        """Whether somebody may be sent there now; an open one admits only its probe."""
        if self.rests_until is None:
            return True
        rests = self.rests_until - REST <= now < self.rests_until  # else the clock was set back
        return not rests and not self.probing

    def sent(self) -> "Breaker":
        """After a call began: where it is open, that was its probe."""
        return self if self.rests_until is None else replace(self, probing=True)

    def after(self, trouble: bool | None, now: datetime) -> "Breaker":
        """After a call ended: in trouble, well, or in a way that says nothing of the receiver (None)."""
        if trouble is None:
            return replace(self, probing=False)
        if not trouble:
            return CLOSED
        failures = self.failures + 1
        if self.rests_until is not None and not self.probing and now < self.rests_until:
            return replace(self, failures=failures)  # one of those that were out when it opened
        if failures < TROUBLE_LIMIT:
            return Breaker(failures=failures)
        return Breaker(failures=failures, rests_until=now + REST)


CLOSED = Breaker()
