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

    def __init__(self, moment: float, loop: asyncio.AbstractEventLoop) -> None:
        self._moment = moment
        self._loop = loop
        self._task: asyncio.Task[object] | None = None
        self._cancelling = 0
        self._timer: asyncio.TimerHandle | None = None
        self.rings = False
        """Whether the block is being ended."""
        self.put_off = 0.0
        """Seconds by which moments were put off so far."""

    def __enter__(self) -> "Alarm":
        self._task = asyncio.current_task(self._loop)
        assert self._task is not None
        self._cancelling = self._task.cancelling()
        self._timer = self._loop.call_at(self._moment, self._passed)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._task is not None
        assert self._timer is not None
        self._timer.cancel()
        # who else cancelled the task meanwhile has precedence
        if (
            self.rings
            and self._task.uncancel() <= self._cancelling
            and kind is asyncio.CancelledError
        ):
            raise TimeoutError from error

    def move(self, moment: float) -> None:
        """Sets another moment, for an alarm that does not ring yet."""
        if moment != self._moment and self._timer is not None:
            self._moment = moment
            self._timer.cancel()
            self._timer = self._loop.call_at(moment, self._passed)

    def _passed(self) -> None:
        late = max(0.0, self._loop.time() - self._moment)
        self.put_off += 2 * late + GRACE
        self._timer = self._loop.call_later(late + GRACE, self._ring)

    def _ring(self) -> None:
        assert self._task is not None
        self.rings = True
        self._task.cancel()
