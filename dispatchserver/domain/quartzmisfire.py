"""What Quartz makes of a trigger that missed an occasion, instruction by instruction.

Nothing here walks through what was missed. IGNORE is not among it: under it nothing ever counts as missed.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from dispatchserver.domain.misfirepolicy import Instruction
from dispatchserver.domain.trigger import SimpleTrigger
from dispatchserver.domain.triggers import Trigger


@dataclass(frozen=True, slots=True, kw_only=True)
class Aftermath:
    """How a trigger goes on: by a fire due now or not, and from now on by `trigger`, which may have begun anew."""

    fires_now: bool
    trigger: Trigger


def settle_as_quartz(
    trigger: Trigger, instruction: Instruction, due: datetime, now: datetime
) -> Aftermath:
    """What Quartz does at `now` with a trigger that should have fired at `due`."""
    if isinstance(trigger, SimpleTrigger):
        return _settle_simple(trigger, _resolve(instruction, trigger), due, now)
    return Aftermath(fires_now=instruction is not Instruction.DO_NOTHING, trigger=trigger)


def _resolve(instruction: Instruction, trigger: SimpleTrigger) -> Instruction:
    """What smart means for this trigger, and what FIRE_NOW means for one that repeats."""
    if instruction is Instruction.SMART_POLICY:
        if trigger.count is None:
            return Instruction.NEXT_WITH_REMAINING
        return Instruction.FIRE_NOW if trigger.count == 1 else Instruction.NOW_WITH_EXISTING
    if instruction is Instruction.FIRE_NOW and trigger.count != 1:
        return Instruction.NOW_WITH_REMAINING
    return instruction


def _settle_simple(
    trigger: SimpleTrigger, instruction: Instruction, due: datetime, now: datetime
) -> Aftermath:
    """NOW_… starts the trigger anew from now, with the fires it still had (EXISTING) or without those it
    missed (REMAINING). NEXT_… waits for the next one on the old grid, which both count alike.
    """
    match instruction:
        case Instruction.FIRE_NOW:
            return Aftermath(fires_now=True, trigger=trigger)
        case Instruction.NOW_WITH_EXISTING:
            return _from_now(trigger, now, lost_until=due)
        case Instruction.NOW_WITH_REMAINING:
            return _from_now(trigger, now, lost_until=now)
        case _:
            return Aftermath(fires_now=False, trigger=trigger)


def _from_now(trigger: SimpleTrigger, now: datetime, lost_until: datetime) -> Aftermath:
    """Anew from `now`, without the fires up to `lost_until`; a one-shot keeps its fire, an endless one has no count."""
    if trigger.count is not None and trigger.interval is not None:
        lost = (lost_until - trigger.start) // trigger.interval
        trigger = replace(trigger, count=max(1, trigger.count - lost))
    if trigger.end is not None and trigger.end < now:
        return Aftermath(fires_now=False, trigger=trigger)
    return Aftermath(fires_now=True, trigger=replace(trigger, start=now))
