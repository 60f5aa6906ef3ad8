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


def admit(
    turn: Turn,
    overlap: Overlap,
    key: ConcurrencyKey | None,
    lanes: Lanes,
    *,
    begun: bool = False,
) -> Admission:
    """What becomes of a due fire that asks for its turn, or for its key.

    One that has `begun` was sent before, and asks anew since a pause made it stand back. What is under way is no longer
    skipped or refused: it waits, or is cancelled where the next one of its task would have cancelled it.
    """
    if turn is not Turn.ASKS or not lanes.holders:
        return _take_key(key, lanes.key_holders, begun)
    if overlap.rule is OverlapRule.CANCEL_PREVIOUS:
        if begun:
            return Admission(ended=FireState.CANCELLED, reason=Reason.OVERLAP)
        left = [holder for holder in lanes.key_holders if holder not in lanes.holders]
        found = _take_key(key, left, begun)
        # who gives way itself takes nobody's place
        return found if found.ended else replace(found, cancels=tuple(lanes.holders))
    if begun or lanes.waiting < overlap.room:
        return Admission(turn=Turn.BEHIND_TASK)
    return Admission(ended=FireState.SKIPPED, reason=Reason.OVERLAP)


def _take_key(key: ConcurrencyKey | None, holders: Collection[str], begun: bool) -> Admission:
    if key is None or len(holders) < key.limit:
        return Admission()
    match BusyRule.QUEUE if begun else key.busy:
        case BusyRule.QUEUE:
            return Admission(turn=Turn.BEHIND_KEY)
        case BusyRule.SKIP:
            return Admission(ended=FireState.SKIPPED, reason=Reason.CONCURRENCY)
        case BusyRule.FAIL:
            return Admission(ended=FireState.FAILED, reason=Reason.CONCURRENCY)
