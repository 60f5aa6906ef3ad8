"""The only file that knows what time it is."""

import asyncio
from datetime import UTC, datetime, timedelta

LONGEST_NAP = timedelta(seconds=1)


class SystemClock:
    """The machine's wall clock."""

    def now(self) -> datetime:
        """The present moment, cut to the millisecond."""
        present = datetime.now(UTC)
        return present.replace(microsecond=present.microsecond // 1000 * 1000)

    async def sleep_until(self, moment: datetime) -> None:
        """Returns once the wall clock shows `moment`, never before.

        Sleeps at most a second at a time, since the event loop's clock does not see the wall clock being
        set; looks again on waking, since a timer may fire up to a millisecond early.
        """
        while (left := moment - datetime.now(UTC)) > timedelta(0):  # noqa: ASYNC110  (a moment, not an event)
            await asyncio.sleep(min(left, LONGEST_NAP).total_seconds())
