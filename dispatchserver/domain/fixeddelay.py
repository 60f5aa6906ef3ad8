"""Fires a fixed delay after the last fire has ended: the pause is constant, not the period."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import ClassVar
from zoneinfo import ZoneInfo

from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.moments import MILLISECOND

SHORTEST_DELAY = MILLISECOND
LONGEST_DELAY = timedelta(days=3660)


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedDelayTrigger:
    """Fires at `first`, then `delay` after each fire has ended for good, up to `end`, which counts.

    Only the first fire can be told beforehand. Planning therefore asks twice: `next_after` when the
    task is added (afterwards it answers None, which here means *wait*, not *finished*: see
    `waits_for_completion`), and `after_completion` in the transaction that settles the fire, writing
    the answer as the task's next occasion. So never two fires of one task overlap, a missed occasion
    is fired once and late, and nothing can pile up. A fire that is retried has not ended yet.
    """

    delay: timedelta
    first: datetime
    end: datetime | None = None
    zone: ZoneInfo
    kind: ClassVar[str] = "delay"
    waits_for_completion: ClassVar[bool] = True

    def next_after(self, moment: datetime) -> datetime | None:
        """The first fire if it is still to come; None says that only a completion can tell."""
        return self.first if moment < self.first else None

    def look_back(self, moment: datetime) -> datetime:
        """The one fire that is known."""
        return self.first

    def after_completion(self, ended_at: datetime) -> datetime | None:
        """The fire that follows one that ended then; None when the trigger has come to its end."""
        fire = ended_at + self.delay
        return None if self.end is not None and fire > self.end else fire

    @property
    def start(self) -> datetime:
        """The first fire."""
        return self.first

    def anchored(self, now: datetime) -> "FixedDelayTrigger":
        """The trigger as it counts when it is added at `now`: a first fire in the past is due now."""
        return self if self.first >= now else replace(self, first=now)


def check_delay(delay: timedelta) -> timedelta:
    """The delay when it is longer than nothing and at most ten years; raises Invalid otherwise."""
    if not SHORTEST_DELAY <= delay <= LONGEST_DELAY:
        raise Invalid("trigger.delay", longest_days=LONGEST_DELAY.days)
    return delay


def check_fixed_delay(trigger: FixedDelayTrigger) -> FixedDelayTrigger:
    """The trigger when its delay is allowed and it fires at least once; raises Invalid otherwise."""
    check_delay(trigger.delay)
    if trigger.end is not None and trigger.end < trigger.first:
        raise Invalid("trigger.window_ends_early")
    return trigger
