"""What a task may want to become of occasions that it missed, and from when on they count as missed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.moments import MILLISECOND
from dispatchserver.domain.trigger import CronTrigger, SimpleTrigger
from dispatchserver.domain.triggers import Trigger

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


class Instruction(StrEnum):
    """Quartz's misfire instructions: what its triggers and its users call them."""

    SMART_POLICY = "SMART_POLICY"
    IGNORE = "IGNORE_MISFIRE_POLICY"
    FIRE_NOW = "FIRE_NOW"
    NOW_WITH_EXISTING = "RESCHEDULE_NOW_WITH_EXISTING_REPEAT_COUNT"
    NOW_WITH_REMAINING = "RESCHEDULE_NOW_WITH_REMAINING_REPEAT_COUNT"
    NEXT_WITH_REMAINING = "RESCHEDULE_NEXT_WITH_REMAINING_COUNT"
    NEXT_WITH_EXISTING = "RESCHEDULE_NEXT_WITH_EXISTING_COUNT"
    FIRE_ONCE_NOW = "FIRE_ONCE_NOW"
    DO_NOTHING = "DO_NOTHING"


@dataclass(frozen=True, slots=True)
class QuartzMisfire:
    """What Quartz does under this instruction, which can also begin a simple trigger anew."""

    instruction: Instruction

    def is_missed(self, due: datetime, now: datetime, grace: timedelta) -> bool:
        """Whether Quartz, with `grace` (at least a millisecond) as its threshold, calls an occasion missed."""
        late = now - due >= max(grace, MILLISECOND)
        return late and self.instruction is not Instruction.IGNORE


MisfirePolicy = FireOnce | SkipMissed | FireAll | QuartzMisfire
FIRE_ONCE = FireOnce()

QUARTZ_PREFIX = "MISFIRE_INSTRUCTION_"
FOR_ANY = (Instruction.SMART_POLICY, Instruction.IGNORE)
INSTRUCTIONS: Mapping[str, tuple[Instruction, ...]] = {
    SimpleTrigger.kind: (
        *FOR_ANY,
        Instruction.FIRE_NOW,
        Instruction.NOW_WITH_EXISTING,
        Instruction.NOW_WITH_REMAINING,
        Instruction.NEXT_WITH_REMAINING,
        Instruction.NEXT_WITH_EXISTING,
    ),
    CronTrigger.kind: (*FOR_ANY, Instruction.FIRE_ONCE_NOW, Instruction.DO_NOTHING),
}
OWN_POLICIES: Mapping[str, FireOnce | SkipMissed | FireAll] = {
    "fire_once": FIRE_ONCE,
    "skip": SkipMissed(),
    "fire_all": FireAll(),
}


def find_instruction(name: str) -> Instruction | None:
    """The instruction of this name in any case, with or without Quartz's prefix; None when there is none."""
    word = name.strip().upper().removeprefix(QUARTZ_PREFIX)
    return next((instruction for instruction in Instruction if instruction == word), None)


def misfire_names(kind: str | None) -> tuple[str, ...]:
    """The names of all policies that a trigger of this kind can have (None: of any kind)."""
    instructions = Instruction if kind is None else INSTRUCTIONS.get(kind, ())
    return (*OWN_POLICIES, *instructions)


def check_misfire(policy: MisfirePolicy, trigger: Trigger) -> None:
    """Raises Invalid for one of Quartz's instructions that has no meaning for this kind of trigger."""
    if not isinstance(policy, QuartzMisfire):
        return
    if policy.instruction not in INSTRUCTIONS.get(trigger.kind, ()):
        allowed = ", ".join(misfire_names(trigger.kind))
        raise Invalid("trigger.misfire_kind", instruction=policy.instruction, allowed=allowed)


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
