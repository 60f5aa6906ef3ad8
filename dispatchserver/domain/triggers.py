"""All trigger shapes as one type, and what is asked of any of them."""

from datetime import datetime

from dispatchserver.domain.dayinterval import DayIntervalTrigger
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.fixeddelay import FixedDelayTrigger
from dispatchserver.domain.moments import MILLISECOND
from dispatchserver.domain.trigger import CronTrigger, Firing, SimpleTrigger
from dispatchserver.domain.uniontrigger import UnionTrigger
from dispatchserver.domain.windowtrigger import WindowTrigger

Trigger = (
    SimpleTrigger
    | CronTrigger
    | WindowTrigger
    | DayIntervalTrigger
    | UnionTrigger
    | FixedDelayTrigger
)


def first_fire(trigger: Trigger, now: datetime) -> datetime:
    """The first fire at or after `now`; raises Invalid when the trigger would never fire."""
    before = now - MILLISECOND
    fire = (
        _next_of_cron(trigger, before)
        if isinstance(trigger, CronTrigger)
        else trigger.next_after(before)
    )
    if fire is None or (trigger.end is not None and trigger.end < now):
        raise Invalid("trigger.never")
    return fire


_FOUND_LIMIT = 4_096
_FOUND: dict[CronTrigger, tuple[datetime, datetime]] = {}
"""Next fires of late, and since when each is the next one: tasks that are added together often have them in common.
Those of other triggers are found sooner than remembered."""


def _next_of_cron(trigger: CronTrigger, moment: datetime) -> datetime | None:
    since, fire = _FOUND.get(trigger, (moment, moment))
    if since <= moment < fire:
        return fire
    found = trigger.next_after(moment)
    if found is not None:
        if len(_FOUND) >= _FOUND_LIMIT:
            _FOUND.clear()
        _FOUND[trigger] = moment, found
    return found


def matches_nothing(trigger: Trigger, now: datetime) -> bool:
    """Whether it is the expression that never fires, whatever start and end may be."""
    if not isinstance(trigger, CronTrigger):
        return False
    return trigger.expression.next_after(now, trigger.zone, trigger.dst) is None


def upcoming(trigger: Firing, moment: datetime, count: int) -> list[datetime]:
    """At most `count` fires after `moment`, in order; of a trigger, or of one under a calendar."""
    if isinstance(trigger, SimpleTrigger):
        return trigger.fires_after(moment, count)
    fires: list[datetime] = []
    while len(fires) < count and (fire := trigger.next_after(fires[-1] if fires else moment)):
        fires.append(fire)
    return fires


def waits_for_completion(trigger: Trigger) -> bool:
    """Whether the next occasion is known only once the last fire has ended for good."""
    return isinstance(trigger, FixedDelayTrigger)
