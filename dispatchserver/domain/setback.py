"""How a task goes on when the clock was set back behind occasions that it has had already."""

from datetime import datetime

from dispatchserver.domain.fixeddelay import FixedDelayTrigger
from dispatchserver.domain.moments import MILLISECOND
from dispatchserver.domain.planning import Plan
from dispatchserver.domain.task import Restart, Task
from dispatchserver.domain.timetable import next_turn
from dispatchserver.domain.trigger import SimpleTrigger


def after_set_back(task: Task, now: datetime) -> Plan | None:
    """The plan that brings its next occasion nearer; None where that stays as it is.

    A task of an interval, or of a delay, would wait until the clock shows again what it showed. It goes on instead, so that it is
    silent for one and a half of them at most. A rule on the wall clock, such as cron, is looked at from `now`
    on: what has had its fire already gets no second one, since the store keeps one for each moment.
    """
    if task.next_fire_at is None:
        return None
    if isinstance(task.trigger, FixedDelayTrigger):
        return _delay_goes_on(task, task.trigger, task.next_fire_at, now)
    if task.edition is None and isinstance(task.trigger, SimpleTrigger):
        return _interval_goes_on(task, task.trigger, task.next_fire_at, now)
    at = next_turn(task, now)
    if at is None or at >= task.next_fire_at:
        return None
    return Plan(task=task, fires=(), next_fire_at=at, restart=task.restart)


def _interval_goes_on(
    task: Task, trigger: SimpleTrigger, due: datetime, now: datetime
) -> Plan | None:
    """Goes on at the next moment of its grid, and a millisecond later: the occasions of the grid itself have had their
    fires. What it has fired stays counted. Where that would not be sooner by half an interval at least, it stays
    as it is: a day's run at three must not come twice because the clock was put right by a minute.
    """
    interval = trigger.interval
    if interval is None or due - now <= interval * 3 / 2:
        return None
    steps = (now - trigger.start) // interval + 1
    at = trigger.start + steps * interval + MILLISECOND
    fired = (due - trigger.start) // interval
    count = None if trigger.count is None else trigger.count - fired
    return Plan(task=task, fires=(), next_fire_at=at, restart=Restart(at=at, count=count))


def _delay_goes_on(
    task: Task, trigger: FixedDelayTrigger, due: datetime, now: datetime
) -> Plan | None:
    if due - now <= trigger.delay * 3 / 2:
        return None
    return Plan(task=task, fires=(), next_fire_at=now + trigger.delay)
