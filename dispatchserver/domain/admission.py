"""Whether a due fire may start now: first its task's turn, then the key that it needs. Pure."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from dispatchserver.domain.concurrency import BusyRule, ConcurrencyKey, Overlap, OverlapRule
from dispatchserver.domain.fire import FireState, Reason, Turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Lanes:
    """Who is under way: the fires that hold the task's turn, how many wait for it, the fires that hold the key."""

    holders: Collection[str] = ()
    waiting: int = 0
    key_holders: Collection[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """Where a fire gets: a turn; or its end, with the reason; and fires that are cancelled for it."""

    turn: Turn = Turn.READY
    ended: FireState | None = None
    reason: Reason | None = None
    cancels: tuple[str, ...] = ()


def admit(turn: Turn, overlap: Overlap, key: ConcurrencyKey | None, lanes: Lanes) -> Admission:
    """What becomes of a due fire that asks for its turn, or for its key."""
    if turn is not Turn.ASKS or not lanes.holders:
        return _take_key(key, lanes.key_holders)
    if overlap.rule is OverlapRule.CANCEL_PREVIOUS:
        left = [holder for holder in lanes.key_holders if holder not in lanes.holders]
        return replace(_take_key(key, left), cancels=tuple(lanes.holders))
    if lanes.waiting < overlap.room:
        return Admission(turn=Turn.BEHIND_TASK)
    return Admission(ended=FireState.SKIPPED, reason=Reason.OVERLAP)


def _take_key(key: ConcurrencyKey | None, holders: Collection[str]) -> Admission:
    if key is None or len(holders) < key.limit:
        return Admission()
    match key.busy:
        case BusyRule.QUEUE:
            return Admission(turn=Turn.BEHIND_KEY)
        case BusyRule.SKIP:
            return Admission(ended=FireState.SKIPPED, reason=Reason.CONCURRENCY)
        case BusyRule.FAIL:
            return Admission(ended=FireState.FAILED, reason=Reason.CONCURRENCY)
