"""The only file that knows what time it is."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

from dispatchserver.domain.moments import EPOCH, MILLISECOND

NS_PER_MS = 1_000_000
LONGEST_NAP = timedelta(seconds=1)
SET_BACK_NS = 500 * NS_PER_MS
"""A clock that goes back by less between two looks is being put right, not set."""
WARY_S = 60.0


class SystemClock:
    """The machine's wall clock. For a minute after it was set back, nobody sleeps longer than a nap: who asks to be woken
    may have read the time before that, and would sleep until it comes again.
    """

    def __init__(self) -> None:
        self._ahead = time.time_ns() - time.monotonic_ns()
        """By how many nanoseconds the wall clock was ahead of one that nobody can set."""
        self._set_back_at = float("-inf")
        self._last_ms, self._last = 0, EPOCH

    def now(self) -> datetime:
        """The present moment, cut to the millisecond."""
        wall = time.time_ns()
        ms = wall // NS_PER_MS
        if ms != self._last_ms:  # it is asked several times for every fire
            ahead = wall - time.monotonic_ns()
            if ahead < self._ahead - SET_BACK_NS:
                self._set_back_at = time.monotonic()
            self._ahead = ahead
            self._last_ms, self._last = ms, EPOCH + ms * MILLISECOND
        return self._last

    async def sleep_until(self, moment: datetime) -> None:
        """Returns once the wall clock shows `moment`; before only where it was set back of late.

        Sleeps at most a second at a time, since the event loop's clock does not see the wall clock being
        set; looks again on waking, since a timer may fire up to a millisecond early.
        """
        while (left := moment - datetime.now(UTC)) > timedelta(0):
            await asyncio.sleep(min(left, LONGEST_NAP).total_seconds())
            self.now()
            if left > LONGEST_NAP and time.monotonic() - self._set_back_at < WARY_S:
                return
