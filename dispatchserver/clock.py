"""The only file that knows what time it is."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

LONGEST_NAP = timedelta(seconds=1)
SET_BACK_S = 0.5
"""A clock that goes back by less within a nap is being put right, not set."""


class SystemClock:
    """The machine's wall clock."""

    def now(self) -> datetime:
        """The present moment, cut to the millisecond."""
        present = datetime.now(UTC)
        return present.replace(microsecond=present.microsecond // 1000 * 1000)

    async def sleep_until(self, moment: datetime) -> None:
        """Returns once the wall clock shows `moment`; before only where it was set back meanwhile.

        Sleeps at most a second at a time, since the event loop's clock does not see the wall clock being
        set; looks again on waking, since a timer may fire up to a millisecond early.
        """
        while (left := moment - datetime.now(UTC)) > timedelta(0):
            ahead = _ahead()
            await asyncio.sleep(min(left, LONGEST_NAP).total_seconds())
            if _ahead() < ahead - SET_BACK_S:
                return


def _ahead() -> float:
    """How many seconds the wall clock is ahead of one that nobody can set."""
    return time.time() - time.monotonic()
