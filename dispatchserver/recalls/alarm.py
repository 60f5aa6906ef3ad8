"""A time limit that does not take our own standstill for another's silence."""

import asyncio
from types import TracebackType

GRACE = 0.02  # seconds; a loop that runs again has read by then what lay in its sockets


class Alarm:
    """Ends a block with TimeoutError when a moment of the loop's clock has passed, like asyncio.timeout_at, but asks twice.

    A process that stood still (stopped, suspended, starved of its processor) finds its limits passed and the replies in
    its sockets, and a loop may run what is due before it reads. So a moment that has passed is put off once: by as much
    as it was noticed too late, and the time to read.

    It may serve block after block. Most blocks end long before their moment, so its timer is left as it is where the
    next moment is a later one: when it goes off, it sees whether anybody has still to be rung for.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._task: asyncio.Task[object] | None = None
        self._cancelling = 0
        self._moment = self._timer_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._is_put_off = False
        self.rings = False
        """Whether the block is being ended."""
        self.put_off = 0.0
        """Seconds by which moments were put off so far in this block."""

    def until(self, moment: float) -> "Alarm":
        """The limit of the block that is entered next."""
        self._moment = moment
        return self

    def __enter__(self) -> "Alarm":
        self._task = asyncio.current_task(self._loop)
        assert self._task is not None
        self._cancelling = self._task.cancelling()
        self.rings, self.put_off = False, 0.0
        self.move(self._moment)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        task, self._task = self._task, None
        if not self.rings:
            return
        assert task is not None
        # who else cancelled the task meanwhile has precedence
        if task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def move(self, moment: float) -> None:
        """Sets another moment, for an alarm that does not ring yet."""
        self._moment, self._is_put_off = moment, False
        if self._timer is None or moment < self._timer_at:
            self._wind(moment)

    def close(self) -> None:
        """Leaves no timer behind."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wind(self, moment: float) -> None:
        self.close()
        self._timer_at = moment
        self._timer = self._loop.call_at(moment, self._goes_off)

    def _goes_off(self) -> None:
        self._timer = None
        if self._task is None:
            return
        late = self._loop.time() - self._moment
        if late < 0:
            self._wind(self._moment)
        elif self._is_put_off:
            self.rings = True
            self._task.cancel()
        else:
            self.put_off += 2 * late + GRACE
            self._moment += 2 * late + GRACE
            self._is_put_off = True
            self._wind(self._moment)
