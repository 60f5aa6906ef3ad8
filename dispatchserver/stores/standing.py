"""What a database takes just now, and how one that takes nothing is brought back into use."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from dispatchserver.domain.errors import (
    StoreCorrupt,
    StoreDegraded,
    StoreFailed,
    StoreUnavailable,
)
from dispatchserver.stores.ballast import Ballast
from dispatchserver.stores.driver import Need, Trouble

PROBE_S = 2.0
NOTHING = Need.PROBE + 1
ENDS: dict[Trouble, type[StoreUnavailable]] = {
    Trouble.UNSURE: StoreFailed,
    Trouble.DAMAGED: StoreCorrupt,
}

OnEnd = Callable[[StoreUnavailable], None]
"""Hears why this process must not go on with its database; is to end it at once, without a drain."""

log = logging.getLogger(__name__)


def only_tell(error: StoreUnavailable) -> None:
    """For servers that are a part of another program, which is not to be ended by them."""
    log.critical("store.ended", extra={"why": error.params["why"]})


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What a server wants of its database, and a one-off command does not.

    `ballast` is a size in bytes; 0: none. `on_degraded` hears whether the disk takes no writes; `on_end`, at most
    once, of what the server must not outlive: then nothing is written any more.
    """

    ballast: int
    on_degraded: Callable[[bool], None]
    on_end: OnEnd


class Standing:
    """Which writes the database takes; without a watch each is tried for itself."""

    def __init__(self, watch: Watch | None = None) -> None:
        self._watch = watch
        self._refusal: StoreUnavailable | None = None
        self._takes: int = Need.ORDINARY
        self.troubled = asyncio.Event()

    @property
    def refusal(self) -> StoreUnavailable | None:
        """What to answer whom nothing is taken from; None while all is well."""
        return self._refusal

    @property
    def ended(self) -> bool:
        """Whether nothing may be written any more."""
        return self._takes == NOTHING

    def takes(self, need: Need) -> bool:
        """Whether such a write may be tried."""
        return need >= self._takes

    def failed(self, trouble: Trouble, why: str) -> StoreUnavailable:
        """Learns from a write that failed; answers what its caller is to hear."""
        if self._refusal is not None and self.ended:
            return self._refusal
        if self._watch is None or trouble not in (Trouble.UNWRITABLE, *ENDS):
            log.error("store.unavailable", extra={"why": why})
            return StoreUnavailable(why)
        if trouble in ENDS:
            return self.end(ENDS[trouble](why))
        if self._refusal is None:
            log.error("store.degraded", extra={"why": why})
            self._watch.on_degraded(True)
        self._refusal, self._takes = StoreDegraded(why), Need.PROBE
        self.troubled.set()
        return self._refusal

    def end(self, error: StoreUnavailable) -> StoreUnavailable:
        """From here on nothing is written: it would make worse what cannot be made good here."""
        if self._watch is not None and not self.ended:
            self._refusal, self._takes = error, NOTHING
            self._watch.on_end(error)
        return error

    def ease(self) -> None:
        """There is a little room: what books an end, or frees room, may use it."""
        if not self.ended:
            self._takes = Need.URGENT

    def recovered(self) -> None:
        """The disk takes writes."""
        if self._watch is None or self.ended:
            return
        log.info("store.recovered")
        self._refusal, self._takes = None, Need.ORDINARY
        self.troubled.clear()
        self._watch.on_degraded(False)


class Recovery:
    """Finds out by a real write every few seconds whether the disk takes writes again, so that no caller has to.

    It gives up the ballast at once: on a disk without any room even what frees room cannot be written. All is well
    only when there is room for the ballast again.
    """

    def __init__(
        self, standing: Standing, ballast: Ballast, probe: Callable[[], Awaitable[None]]
    ) -> None:
        self._standing = standing
        self._ballast = ballast
        self._probe = probe
        self._task = asyncio.create_task(self._run(), name="storage-recovery")

    async def close(self) -> None:
        """Stops looking."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        await asyncio.to_thread(self._ballast.make)
        while True:
            await self._standing.troubled.wait()
            if await asyncio.to_thread(self._ballast.give_up):
                self._standing.ease()
            while self._standing.troubled.is_set():
                await asyncio.sleep(PROBE_S)
                await self._look()

    async def _look(self) -> None:
        try:
            await self._probe()
        except StoreUnavailable:
            return
        except Exception:
            log.exception("store.probe_failed")  # whatever it is, the next one may tell
            return
        if await asyncio.to_thread(self._ballast.make):
            self._standing.recovered()
        else:
            self._standing.ease()
