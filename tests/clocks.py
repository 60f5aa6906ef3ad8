"""A clock that stands still until a test moves it."""

import asyncio
from datetime import datetime, timedelta

from tests.builders import NOON


class ManualClock:
    """Implements ports.Clock by hand: `advance` moves it and wakes whoever waited for that moment."""

    def __init__(self, now: datetime = NOON) -> None:
        self._now = now
        self._sleepers: list[tuple[datetime, asyncio.Event]] = []

    def now(self) -> datetime:
        return self._now

    async def sleep_until(self, moment: datetime) -> None:
        began = self._now
        while began <= self._now < moment:
            sleeper = (moment, asyncio.Event())
            self._sleepers.append(sleeper)
            try:
                await sleeper[1].wait()
            finally:
                self._sleepers.remove(sleeper)

    @property
    def alarms(self) -> list[datetime]:
        """The moments that somebody waits for, the earliest first."""
        return sorted(moment for moment, _ in self._sleepers)

    def advance(self, span: timedelta | float) -> datetime:
        """Moves on by a span (or seconds), back when it is negative; answers the new moment."""
        return self.set(self._now + (span if isinstance(span, timedelta) else s(span)))

    def set(self, moment: datetime) -> datetime:
        set_back = moment < self._now
        self._now = moment
        for due, woken in self._sleepers:
            if due <= moment or set_back:
                woken.set()
        return moment


def s(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


async def until(condition) -> None:
    """Lets the other tasks run until the condition holds; the test's own timeout bounds it."""
    while not condition():  # noqa: ASYNC110  (conditions of every kind)
        await asyncio.sleep(0)
