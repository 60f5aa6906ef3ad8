"""Feels how late the event loop wakes those who sleep: late is what everything else in this process then is, too."""

from datetime import datetime, timedelta

from dispatchserver.ports import Clock, Meter

PERIOD = timedelta(seconds=1)


class Pulse:
    """Asks to be woken every second, and measures how much later it was."""

    def __init__(self, clock: Clock, meter: Meter) -> None:
        self._clock = clock
        self._meter = meter
        self._expected: datetime | None = None

    async def run_once(self) -> datetime | None:
        """One beat; answers when the next is expected."""
        now = self._clock.now()
        if self._expected is not None and now >= self._expected:
            self._meter.lagged(now - self._expected)
        self._expected = now + PERIOD
        return self._expected
