"""What a task may want to become of occasions that it missed, and from when on they count as missed."""

from dataclasses import dataclass
from datetime import timedelta

from dispatchserver.domain.errors import Invalid

FIRE_ALL_LIMIT = 100
LONGEST_SPACING = timedelta(hours=1)
MISFIRE_GRACE = timedelta(seconds=60)
LONGEST_GRACE = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class FireOnce:
    """The newest missed occasion fires, once for all of them."""


@dataclass(frozen=True, slots=True)
class SkipMissed:
    """None fires; the next occasion is the next one after now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FireAll:
    """The newest `limit` fire, oldest first, `spacing` apart; those before them are skipped."""

    limit: int = FIRE_ALL_LIMIT
    spacing: timedelta = timedelta(milliseconds=100)


MisfirePolicy = FireOnce | SkipMissed | FireAll
FIRE_ONCE = FireOnce()


def check_fire_all(limit: int, spacing: timedelta) -> FireAll:
    """The policy fire_all with this limit and spacing; raises Invalid."""
    if not 1 <= limit <= FIRE_ALL_LIMIT:
        raise Invalid("trigger.misfire_limit", limit=FIRE_ALL_LIMIT)
    if not timedelta(0) <= spacing <= LONGEST_SPACING:
        raise Invalid("trigger.misfire_spacing", longest_s=LONGEST_SPACING // timedelta(seconds=1))
    return FireAll(limit=limit, spacing=spacing)


def check_grace(grace: timedelta) -> timedelta:
    """How late an occasion may be before it counts as missed; raises Invalid."""
    if not timedelta(0) <= grace <= LONGEST_GRACE:
        raise Invalid("trigger.misfire_grace", longest_hours=LONGEST_GRACE // timedelta(hours=1))
    return grace
