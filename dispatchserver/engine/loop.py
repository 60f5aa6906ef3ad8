"""The shape of every loop: one pass, then wait until it asked to look again or somebody wakes it."""

import asyncio
import logging
from collections.abc import Coroutine, Iterable
from datetime import datetime, timedelta
from functools import cached_property, partial
from typing import Any

from dispatchserver.domain.errors import StoreUnavailable
from dispatchserver.engine.metering import Unmetered
from dispatchserver.ports import Clock, Meter, Pass, Wake

PAUSE_AFTER_ERROR = timedelta(seconds=1)
BOOKING_TIME = timedelta(seconds=5)
SUPERSEDED = "superseded"

log = logging.getLogger(__name__)


async def breathe() -> None:
    """Lets others of this event loop have their turn: for what would otherwise take long at a stretch."""
    await asyncio.sleep(0)


class Loop:
    """Repeats one pass until stopped. Survives a failing pass: it is logged, and tried again a second later."""

    def __init__(self, name: str, run_once: Pass, clock: Clock, meter: Meter | None = None) -> None:
        self._name = name
        self._run_once = run_once
        self._clock = clock
        self._meter = meter or Unmetered()
        self._woken = asyncio.Event()
        self._stopping = False
        self._refused = False
        self._until: datetime | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to repeat; the first pass runs at once."""
        self._task = asyncio.create_task(self._repeat(), name=self._name)

    def wake(self) -> None:
        """Have a look now. A wake during a pass leads to another pass."""
        self._woken.set()

    def look_by(self, moment: datetime) -> None:
        """Have a look at `moment` at the latest; wakes the loop only if it would sleep longer."""
        if self._until is None or moment < self._until:
            self._woken.set()

    async def stop(self) -> None:
        """Lets a running pass end, and ends."""
        self._stopping = True
        self._woken.set()
        if self._task is not None:
            await self._task

    async def _repeat(self) -> None:
        while not self._stopping:
            self._woken.clear()  # before looking: what happens during the pass must not be missed
            look_again = await self._pass()
            if look_again is None:
                await self._woken.wait()
            else:
                await self._wait_until_woken_or(look_again)

    async def _pass(self) -> datetime | None:
        try:
            look_again = await self._run_once()
        except StoreUnavailable as error:
            if not self._refused:  # once: a full disk can last for days, and takes the log too
                log.error("loop.store_unavailable", extra={"loop": self._name, "why": str(error)})  # noqa: TRY400
            self._refused = True
        except Exception:
            log.exception("loop.failed", extra={"loop": self._name})
        else:
            self._refused = False
            self._meter.passed(self._name, ok=True)
            return look_again
        self._meter.passed(self._name, ok=False)
        return self._clock.now() + PAUSE_AFTER_ERROR

    async def _wait_until_woken_or(self, moment: datetime) -> None:
        timer = asyncio.ensure_future(self._clock.sleep_until(moment))
        waker = asyncio.ensure_future(self._woken.wait())
        self._until = moment
        try:
            await asyncio.wait((timer, waker), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._until = None
            timer.cancel()
            waker.cancel()
            await asyncio.gather(timer, waker, return_exceptions=True)


class Crew:
    """Owns tasks that run beside a loop, at most `size` of them, and can wait for all to end.

    `on_free` is called when one ends while all places were taken.
    """

    def __init__(self, size: int, on_free: Wake) -> None:
        self._size = size
        self._on_free = on_free
        self._tasks: set[asyncio.Task[None]] = set()
        self._by_name: dict[str, asyncio.Task[None]] = {}

    @cached_property
    def _loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()  # which asks the system every time what process this is

    @property
    def free(self) -> int:
        """How many more may start."""
        return self._size - len(self._tasks)

    @property
    def scarce(self) -> bool:
        """Whether most places are taken."""
        return 2 * len(self._tasks) > self._size

    @property
    def busy(self) -> int:
        """How many run."""
        return len(self._tasks)

    def start(self, work: Coroutine[Any, Any, None], name: str | None = None) -> None:
        """Runs the work, to be called off by its name; it must handle its own errors."""
        task = self._loop.create_task(work)
        self._tasks.add(task)
        if name is not None:
            self._by_name[name] = task
        task.add_done_callback(partial(self._ended, name))

    def _ended(self, name: str | None, task: asyncio.Task[None]) -> None:
        was_full = len(self._tasks) == self._size
        self._tasks.discard(task)
        if name is not None and self._by_name.get(name) is task:
            del self._by_name[name]
        if was_full:
            self._on_free()

    def cancel(self, names: Iterable[str]) -> None:
        """Stops the works of these names that run here; they are told that others took their place."""
        for name in names:
            if name in self._by_name:
                self._by_name[name].cancel(SUPERSEDED)

    async def drain(self, limit: timedelta) -> None:
        """Waits until all ended, at most `limit`; then cancels the rest and waits for that."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=limit.total_seconds())
        for task in self._tasks:
            task.cancel()
        if (
            self._tasks
        ):  # they book what was interrupted, which a store that is gone must not hold up for ever
            await asyncio.wait(self._tasks, timeout=BOOKING_TIME.total_seconds())
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
