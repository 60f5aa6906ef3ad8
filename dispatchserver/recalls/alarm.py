"""A time limit that does not take our own standstill for another's silence."""

import asyncio
from types import TracebackType

GRACE = 0.02  # seconds; a loop that runs again has read by then what lay in its sockets


class Alarm:
    """Ends the block with TimeoutError when a moment of the loop's clock has passed, like asyncio.timeout_at, but asks twice.

    A process that stood still (stopped, suspended, starved of its processor) finds its limits passed and the replies in
    its sockets, and a loop may run what is due before it reads. So a moment that has passed is put off once: by as much
    as it was noticed too late, and the time to read.
    """

    def __init__(self, moment: float) -> None:
        self._moment = moment
        self._limit = asyncio.timeout(None)
        self._timer: asyncio.TimerHandle | None = None
        self.put_off = 0.0
        """Seconds by which moments were put off so far."""

    async def __aenter__(self) -> "Alarm":
        await self._limit.__aenter__()
        self._arm()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        await self._limit.__aexit__(kind, error, trace)

    def move(self, moment: float) -> None:
        """Sets another moment, for an alarm that does not ring yet."""
        if moment != self._moment:
            self._moment = moment
            self._arm()

    @property
    def rings(self) -> bool:
        """Whether the block is being ended."""
        return self._limit.when() is not None

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(self._moment, self._passed)

    def _passed(self) -> None:
        loop = asyncio.get_running_loop()
        late = max(0.0, loop.time() - self._moment)
        self.put_off += 2 * late + GRACE
        self._timer = loop.call_later(late + GRACE, self._ring)

    def _ring(self) -> None:
        self._limit.reschedule(asyncio.get_running_loop().time())
