"""Simple triggers as Quartz has them: every fire and every refusal."""

from datetime import datetime

from dispatchserver.dialects.iuap.setting import Habits, RepeatCount
from dispatchserver.dialects.iuap.triggers import read_trigger
from dispatchserver.domain.faults import Faults
from dispatchserver.domain.fields import FieldReader
from dispatchserver.domain.moments import MILLISECOND
from dispatchserver.domain.trigger import SimpleTrigger
from tests.golden.conftest import Agree
from tests.golden.vectors import (
    UTC_ZONE,
    Vector,
    difference,
    fires,
    instant,
    shown,
    simple,
    vectors,
)


def from_its_start(trigger: SimpleTrigger, vector: Vector) -> str | None:
    return difference(fires(trigger, trigger.next_after(trigger.start - MILLISECOND)), vector)


def trigger_difference(vector: Vector) -> str | None:
    if (final := shown(quartz_final(simple(vector)))) != vector["final"]:
        return f"final {final} instead of {vector['final']}"
    return from_its_start(simple(vector), vector)


def quartz_final(trigger: SimpleTrigger) -> datetime | None:
    """The final fire time. Quartz counts the end in, so it can lie one past the real last fire."""
    if trigger.count == 1 or trigger.interval is None:
        return trigger.start
    by_end = None
    if trigger.end is not None:
        steps = (trigger.end - trigger.start) // trigger.interval
        by_end = trigger.start + steps * trigger.interval
    if trigger.count is None:
        return by_end
    by_count = trigger.start + (trigger.count - 1) * trigger.interval
    return by_count if by_end is None else min(by_count, by_end)


def door_difference(vector: Vector) -> str | None:
    """The same trigger as add.do reads it, on a server where repeatCount counts as Quartz counts."""
    faults = Faults()
    endless = vector["repeat_count"] == -1
    times = {
        "interval": vector["interval_ms"],
        "intervalType": "MILLISECOND",
        "isForever": endless,
        "repeatCount": None if endless else vector["repeat_count"],
    }
    fields = {"triggerType": "SimpleTrigger", "startDate": vector["start"]}
    fields |= {"endDate": vector["end"], "timeConfig": times if vector["repeat_count"] else None}
    habits = Habits(zone=UTC_ZONE, repeat_count=RepeatCount.EXTRA)
    trigger = read_trigger(FieldReader(fields, faults), instant(vector["start"]), habits)
    if "error" in vector or is_refused_by_choice(vector):
        return None if len(faults) else "accepted"
    if len(faults) or not isinstance(trigger, SimpleTrigger):
        return f"{fields} is refused"
    return from_its_start(trigger, vector)


def is_refused_by_choice(vector: Vector) -> bool:
    """Our shortest interval is 10 ms, and an end must lie after the start."""
    too_fast = vector["repeat_count"] != 0 and vector["interval_ms"] < 10
    return too_fast or vector["start"] == vector["end"]


def test_every_simple_trigger_agrees_with_quartz(agree: Agree) -> None:
    accepted = [v for v in vectors("simple") if "error" not in v]
    agree("simple triggers fire as in Quartz", accepted, trigger_difference)


def test_the_do_door_reads_every_simple_trigger_as_quartz_does(agree: Agree) -> None:
    agree("simple triggers, refusals too, through add.do", vectors("simple"), door_difference)
