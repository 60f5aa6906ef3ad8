"""What becomes of occasions that were missed: the three policies, and the instructions Quartz has by name.

Every decision looks at the trigger, the first missed occasion and now, and answers a value. None of
them walks through what was missed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice
from typing import Generic, TypeVar
from zoneinfo import ZoneInfo

from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.fire import MissedRun
from dispatchserver.domain.misfirepolicy import FireAll, MisfirePolicy, SkipMissed
from dispatchserver.domain.moments import MILLISECOND
from dispatchserver.domain.occasions import Fires, backwards, before, newest, run_between, run_of
from dispatchserver.domain.trigger import CronTrigger, SimpleTrigger

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class MissedFire:
    """A missed occasion that fires after all: when it was due, and when it may be sent."""

    due_at: datetime
    run_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What becomes of everything missed: some fires, one run that is only recorded, and the occasion after.

    Under `fire_once` the run is carried by the fire; otherwise it is a row `skipped(misfire)`.
    """

    fires: tuple[MissedFire, ...]
    unserved: MissedRun | None
    next_due: datetime | None


def settle(trigger: Fires, first: datetime, now: datetime, policy: MisfirePolicy) -> Settlement:
    """Decides over the occasions from `first` (the oldest missed one) up to `now`."""
    if isinstance(policy, SkipMissed):
        run = run_between(trigger, first, now)
        return Settlement(fires=(), unserved=run, next_due=trigger.next_after(run.last))
    last = newest(trigger, first, now)
    wanted = policy.limit if isinstance(policy, FireAll) else 1
    spacing = policy.spacing if isinstance(policy, FireAll) else timedelta(0)
    dues = list(islice(backwards(trigger, last, first), wanted))[::-1]
    fires = [MissedFire(due_at=due, run_at=now + n * spacing) for n, due in enumerate(dues)]
    older = before(trigger, dues[0], first)
    return Settlement(
        fires=tuple(fires),
        unserved=None if older is None else run_of(trigger, first, older),
        next_due=trigger.next_after(last),
    )


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


ANY_TRIGGER = {0: Instruction.SMART_POLICY, -1: Instruction.IGNORE}
SIMPLE_CODES: Mapping[int, Instruction] = ANY_TRIGGER | {
    1: Instruction.FIRE_NOW,
    2: Instruction.NOW_WITH_EXISTING,
    3: Instruction.NOW_WITH_REMAINING,
    4: Instruction.NEXT_WITH_REMAINING,
    5: Instruction.NEXT_WITH_EXISTING,
}
CRON_CODES: Mapping[int, Instruction] = ANY_TRIGGER | {
    1: Instruction.FIRE_ONCE_NOW,
    2: Instruction.DO_NOTHING,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Aftermath(Generic[T]):
    """How a trigger goes on after Quartz settled its misfire.

    `next_due` is fired next, whether the trigger names it or not; from there on `trigger` is asked.
    `fired` counts fires towards the trigger's count (Quartz's timesTriggered).
    """

    trigger: T
    next_due: datetime | None
    fired: int


def find_instruction(name: str, codes: Mapping[int, Instruction]) -> Instruction:
    """The instruction of this name, with or without Quartz's prefix, or of this code; raises Invalid."""
    word = name.strip().upper().removeprefix("MISFIRE_INSTRUCTION_")
    for code, instruction in codes.items():
        if word in (instruction.value, instruction.name, str(code)):
            return instruction
    raise Invalid("trigger.misfire_name", allowed=", ".join(codes.values()))


def settle_cron(
    trigger: CronTrigger, instruction: Instruction, due: datetime, now: datetime
) -> Aftermath[CronTrigger]:
    """What Quartz does with a cron trigger that should have fired at `due`; smart means FIRE_ONCE_NOW."""
    match instruction:
        case Instruction.IGNORE:
            following: datetime | None = due
        case Instruction.DO_NOTHING:
            following = trigger.next_after(now)
        case _:
            following = now
    return Aftermath(trigger=trigger, next_due=following, fired=0)


def settle_simple(
    trigger: SimpleTrigger, instruction: Instruction, due: datetime, now: datetime, fired: int
) -> Aftermath[SimpleTrigger]:
    """What Quartz does with a simple trigger that should have fired at `due` and has fired so often.

    NOW_… starts the trigger anew from now, with the fires it still had (EXISTING) or without those it
    missed (REMAINING). NEXT_… waits for the next one on the old grid.
    """
    match _resolve(instruction, trigger):
        case Instruction.IGNORE:
            return Aftermath(trigger=trigger, next_due=due, fired=fired)
        case Instruction.FIRE_NOW:
            return Aftermath(trigger=trigger, next_due=now, fired=fired)
        case Instruction.NOW_WITH_EXISTING:
            return _from_now(trigger, now, fired, 0)
        case Instruction.NOW_WITH_REMAINING:
            return _from_now(trigger, now, fired, _missed(trigger, due, now))
        case Instruction.NEXT_WITH_REMAINING:
            following = trigger.next_after(now)
            missed = 0 if following is None else _missed(trigger, due, following)
            return Aftermath(trigger=trigger, next_due=following, fired=fired + missed)
        case _:
            return Aftermath(trigger=trigger, next_due=trigger.next_after(now), fired=fired)


def _resolve(instruction: Instruction, trigger: SimpleTrigger) -> Instruction:
    """What smart means for this trigger, and what FIRE_NOW means for one that repeats."""
    if instruction is Instruction.SMART_POLICY:
        if trigger.count is None:
            return Instruction.NEXT_WITH_REMAINING
        return Instruction.FIRE_NOW if trigger.count == 1 else Instruction.NOW_WITH_EXISTING
    if instruction is Instruction.FIRE_NOW and trigger.count != 1:
        return Instruction.NOW_WITH_REMAINING
    return instruction


def _missed(trigger: SimpleTrigger, due: datetime, now: datetime) -> int:
    return 0 if trigger.interval is None else (now - due) // trigger.interval


def _from_now(
    trigger: SimpleTrigger, now: datetime, fired: int, missed: int
) -> Aftermath[SimpleTrigger]:
    """Anew from `now`; a one-shot keeps its fire, an endless trigger its endlessness."""
    if trigger.count is not None and trigger.count > 1:
        trigger = replace(trigger, count=max(1, trigger.count - fired - missed))
        fired = 0
    if trigger.end is not None and trigger.end < now:
        return Aftermath(trigger=trigger, next_due=None, fired=fired)
    return Aftermath(trigger=replace(trigger, start=now), next_due=now, fired=fired)


def quartz_simple(
    start: datetime, end: datetime | None, interval_ms: int, repeat_count: int, zone: ZoneInfo
) -> SimpleTrigger:
    """Quartz's numbers as our trigger (it fires once more than it repeats, -1: for ever); raises Invalid."""
    if repeat_count < -1:
        raise Invalid("trigger.quartz_count")
    if interval_ms < 0 or (interval_ms == 0 and repeat_count != 0):
        raise Invalid("trigger.quartz_interval")
    if end is not None and end < start:
        raise Invalid("trigger.end_before_start")
    return SimpleTrigger(
        start=start,
        interval=interval_ms * MILLISECOND or None,
        count=None if repeat_count == -1 else repeat_count + 1,
        end=end,
        zone=zone,
    )


def quartz_final(trigger: SimpleTrigger) -> datetime | None:
    """What Quartz calls the final fire time. It counts the end in, so it can lie one past the real last fire."""
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
