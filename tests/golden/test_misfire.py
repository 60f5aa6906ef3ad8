"""Misfires settled as Quartz settles them, instruction by instruction.

Quartz's timesTriggered is not kept: no later fire depends on it.
"""

from datetime import datetime

from dispatchserver.domain.misfirepolicy import Instruction, find_instruction
from dispatchserver.domain.quartzmisfire import settle_as_quartz
from dispatchserver.domain.trigger import CronTrigger, SimpleTrigger
from tests.golden.conftest import Agree
from tests.golden.vectors import Vector, difference, fires, instant, shown, trigger_of, vectors


def misfire_difference(vector: Vector) -> str | None:
    due, now = instant(vector["next_before"]), instant(vector["now"])
    trigger, after = trigger_of(vector), vector["after"]
    following: datetime | None = due
    instruction = find_instruction(vector["instruction"])
    assert instruction is not None
    if instruction is not Instruction.IGNORE:
        settled = settle_as_quartz(trigger, instruction, due, now)
        assert isinstance(settled.trigger, SimpleTrigger | CronTrigger)
        trigger = settled.trigger
        following = now if settled.fires_now else trigger.next_after(now)
    found = {"next": shown(following)}
    if isinstance(trigger, SimpleTrigger):
        count = -1 if trigger.count is None else trigger.count - 1
        found |= {"start": shown(trigger.start), "repeat_count": count}
    if found != (expected := {key: after[key] for key in found}):
        return f"{found} instead of {expected}"
    return difference(fires(trigger, following), after)


def test_every_misfire_is_settled_as_quartz_settles_it(agree: Agree) -> None:
    agree("misfires are settled as in Quartz", vectors("misfire"), misfire_difference)
