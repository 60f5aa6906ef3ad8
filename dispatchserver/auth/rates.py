"""How fast a caller may change things: a burst at once, and then so many a second."""

from collections.abc import Hashable
from datetime import datetime, timedelta

from dispatchserver.domain.errors import DispatchError

KEYS_LIMIT = 10_000
SECOND = timedelta(seconds=1)


class TooFast(DispatchError):
    """The caller asks more in a second than it may; `seconds` are to wait until it may again."""

    code = "rate.too_fast"

    def __init__(self, rate: int, burst: int, wait: timedelta) -> None:
        self.seconds = max(1, -(-wait // SECOND))
        super().__init__(rate=rate, burst=burst, seconds=self.seconds)


class Pace:
    """Lets each caller ask `burst` times at once, and `rate` times a second in the long run; a rate of 0 is no limit."""

    def __init__(self, rate: int, burst: int) -> None:
        self._rate = rate
        self._burst = burst
        self._step = SECOND / rate if rate else timedelta(0)
        self._paid_until: dict[Hashable, datetime] = {}

    def take(self, caller: Hashable, now: datetime) -> None:
        """Books one request of this caller; raises TooFast, which books nothing."""
        if not self._rate:
            return
        burst = self._step * self._burst
        paid_until = min(
            self._paid_until.pop(caller, now), now + burst
        )  # the clock may be set back
        due = max(paid_until, now) + self._step
        early = due - now - burst
        # The latest to ask goes last, so the one dropped for lack of room is the longest silent.
        self._paid_until[caller] = due if early <= timedelta(0) else due - self._step
        if len(self._paid_until) > KEYS_LIMIT:
            del self._paid_until[next(iter(self._paid_until))]
        if early > timedelta(0):
            raise TooFast(self._rate, self._burst, early)
