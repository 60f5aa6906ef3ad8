"""What happens to fires as batched, fenced writes: claim, settle, report, recover, expire."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from dispatchserver.domain.errors import DispatchError, FireEnded, FireNotFound
from dispatchserver.domain.fire import (
    Attempt,
    Decision,
    Delivery,
    Fire,
    FireState,
    Outcome,
    Verdict,
)
from dispatchserver.domain.jsontext import dumps
from dispatchserver.domain.judging import Settlement, Standing, after_deadline, after_loss, settled
from dispatchserver.domain.moments import to_ms
from dispatchserver.domain.retrypolicy import Retry
from dispatchserver.ports import Actor, Assignment
from dispatchserver.stores import rows, sql
from dispatchserver.stores.completions import go_on
from dispatchserver.stores.driver import Tx
from dispatchserver.stores.taskwrites import put
from dispatchserver.stores.triggerspecs import ms


@dataclass(frozen=True, slots=True)
class Claim:
    """A node asks for fires."""

    node: str
    now: datetime
    limit: int
    deadline_at: datetime


@dataclass(frozen=True, slots=True)
class Booking:
    """An ended attempt of a fire as it was claimed."""

    fire: Fire
    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Reported:
    """Somebody reports on a fire."""

    fire_id: str
    decide: Callable[[Fire, Retry], Verdict]
    actor: Actor
    now: datetime


async def claim(tx: Tx, claims: Sequence[Claim]) -> Sequence[Sequence[Assignment] | Exception]:
    """Gives each asker the most urgent pending fires."""
    return [await _claim_one(tx, asked) for asked in claims]


async def _claim_one(tx: Tx, asked: Claim) -> Sequence[Assignment]:
    taken = await tx.fetch(
        sql.CLAIM, asked.node, to_ms(asked.now), to_ms(asked.deadline_at), asked.limit
    )
    if not taken:
        return []
    found = await tx.fetch(sql.CLAIMED, dumps([[row["id"]] for row in taken]))
    assignments = map(rows.read_assignment, found)
    return sorted(assignments, key=lambda a: (-a.fire.priority, a.fire.run_at, a.fire.id))


async def settle(tx: Tx, bookings: Sequence[Booking]) -> Sequence[bool | Exception]:
    """Books ended attempts; answers for each whether its fire was still there to be moved on."""
    again = [b.fire.id for b in bookings if b.attempt.verdict.decision is Decision.RETRY]
    standing = await _standing(tx, again)
    first: dict[tuple[str, int], Booking] = {}
    for booking in bookings:
        first.setdefault(_claim_key(booking.fire), booking)
    moves = [
        (
            booking.fire,
            settled(
                booking.fire,
                booking.attempt.verdict,
                booking.attempt.ended_at,
                standing.get(booking.fire.id, Standing()),
            ),
        )
        for booking in first.values()
    ]
    await put(tx, sql.PUT_ATTEMPTS, [rows.attempt_row(booking.attempt) for booking in bookings])
    moved = await _move(tx, moves)
    claims = [_claim_key(booking.fire) for booking in bookings]
    return [
        claim in moved and first[claim] is booking
        for claim, booking in zip(claims, bookings, strict=True)
    ]


def _claim_key(fire: Fire) -> tuple[str, int]:
    """What tells one claim of a fire from another: every claim is a new attempt."""
    return fire.id, fire.attempts


async def _standing(tx: Tx, fire_ids: Sequence[str]) -> dict[str, Standing]:
    """How the tasks of these fires stand."""
    asked = dumps([[fire_id] for fire_id in fire_ids])
    found = await tx.fetch(sql.STANDING, asked) if fire_ids else []
    return {row["id"]: rows.read_standing(row) for row in found}


async def _move(tx: Tx, moves: Sequence[tuple[Fire, Settlement]]) -> set[tuple[str, int]]:
    """Moves fires on from exactly the state they were decided on; returns the claims of those that moved."""
    if not moves:
        return set()
    found = await tx.fetch(sql.MOVE_FIRES, dumps([_move_row(*move) for move in moves]))
    moved = {(row["id"], row["attempts"]) for row in found}
    counted = [move for move in moves if _claim_key(move[0]) in moved]
    if counted:
        told = await tx.fetch(sql.COUNT_ENDED, dumps(_tallies(counted)))
        await go_on(tx, counted, {row["id"] for row in told if row["waits"]})
    return moved


def _move_row(fire: Fire, to: Settlement) -> list[object]:
    return [
        fire.id,
        fire.state,
        fire.attempts,
        fire.claimed_by,
        to.state,
        to.reason,
        ms(to.run_at),
        int(to.held),
        ms(to.deadline_at),
        ms(to.finished_at),
        to.result,
        int(to.lost),
        ms(to.give_up_at),
    ]


def _tallies(moves: Sequence[tuple[Fire, Settlement]]) -> list[list[object]]:
    """One row a task: how its counters change, and its newest ended fire."""
    counts: dict[str, Counter[str]] = {}
    last: dict[str, tuple[Fire, Settlement]] = {}
    for fire, to in moves:
        count = counts.setdefault(fire.task_id, Counter())
        count[to.state] += 1
        count["left"] += fire.state is FireState.WAITING
        if not to.state.open:
            last[fire.task_id] = (fire, to)
    return [
        [
            task_id,
            count[FireState.SUCCEEDED],
            count[FireState.FAILED],
            count[FireState.WAITING] - count["left"],
            *_last_columns(last.get(task_id)),
        ]
        for task_id, count in counts.items()
    ]


def _last_columns(ended: tuple[Fire, Settlement] | None) -> list[object]:
    if ended is None:
        return [None, None, None]
    fire, to = ended
    return [fire.id, to.state, ms(to.finished_at)]


async def report(tx: Tx, reports: Sequence[Reported]) -> Sequence[Fire | Exception]:
    """Books reports one after the other: two on the same fire must see each other."""
    return [await _report_one(tx, reported) for reported in reports]


async def _report_one(tx: Tx, reported: Reported) -> Fire | Exception:
    found = await tx.fetch(sql.FIND_FIRE, reported.fire_id)
    if not found:
        return FireNotFound(reported.fire_id)
    fire = rows.read_fire(found[0])
    standing = (await _standing(tx, [fire.id]))[fire.id]
    try:
        verdict = reported.decide(fire, standing.retry)
    except DispatchError as refusal:
        await _note(tx, reported, fire, "report_refused", refusal.code)
        return refusal
    to = settled(fire, verdict, reported.now, standing)
    if not await _move(tx, [(fire, to)]):
        return FireEnded(fire.id, fire.state)
    await _note(tx, reported, fire, "reported", to.state)
    return replace(
        fire,
        state=to.state,
        reason=to.reason,
        result=to.result,
        run_at=to.run_at or fire.run_at,
        finished_at=to.finished_at,
    )


async def _note(tx: Tx, reported: Reported, fire: Fire, action: str, detail: str) -> None:
    actor, key = reported.actor, fire.key
    row = [
        to_ms(reported.now),
        actor.who,
        actor.door,
        action,
        key.namespace,
        key.group,
        key.name,
        fire.version,
        fire.id,
        detail,
    ]
    await put(tx, sql.PUT_AUDIT, [row])


@dataclass(frozen=True, slots=True)
class Recovery:
    """A node that starts finds what others left running."""

    node: str
    now: datetime
    decide: Callable[[Fire], Verdict]


async def recover(tx: Tx, recoveries: Sequence[Recovery]) -> Sequence[int | Exception]:
    """Ends the lost attempts and moves their fires on."""
    return [await _recover_one(tx, recovery) for recovery in recoveries]


async def _recover_one(tx: Tx, recovery: Recovery) -> int:
    lost = [rows.read_fire(row) for row in await tx.fetch(sql.LOST_FIRES, recovery.node)]
    return await _end_lost(tx, lost, recovery.now, recovery.decide)


async def _end_lost(
    tx: Tx, fires: Sequence[Fire], now: datetime, decide: Callable[[Fire], Verdict]
) -> int:
    """Books a lost attempt for each running fire, whose task may be gone or paused by now."""
    bookings = [Booking(fire, lost_attempt(fire, decide(fire), now)) for fire in fires]
    return sum(1 for moved in await settle(tx, bookings) if moved is True)


def lost_attempt(fire: Fire, verdict: Verdict, now: datetime) -> Attempt:
    """The row of an attempt whose node is gone: nobody knows what the receiver saw."""
    return Attempt(
        fire_id=fire.id,
        number=fire.attempts,
        node=fire.claimed_by or "",
        started_at=fire.claimed_at or fire.run_at,
        ended_at=now,
        outcome=Outcome(delivery=Delivery.UNANSWERED, reason=verdict.reason),
        verdict=verdict,
    )


@dataclass(frozen=True, slots=True)
class Expiry:
    """Deadlines up to `now` have passed."""

    now: datetime
    limit: int


async def expire(tx: Tx, expiries: Sequence[Expiry]) -> Sequence[int | Exception]:
    """Ends open fires that nobody ended."""
    return [await _expire_one(tx, expiry) for expiry in expiries]


async def _expire_one(tx: Tx, expiry: Expiry) -> int:
    found = await tx.fetch(sql.EXPIRED_FIRES, to_ms(expiry.now), expiry.limit)
    fires = [rows.read_fire(row) for row in found]
    lost = [fire for fire in fires if fire.state is FireState.RUNNING]
    standing = await _standing(tx, [f.id for f in fires if f.state is FireState.WAITING])
    ended = [
        (fire, after_deadline(fire, standing.get(fire.id, Standing()), expiry.now))
        for fire in fires
        if fire.state is not FireState.RUNNING
    ]
    return await _end_lost(tx, lost, expiry.now, partial(after_loss, now=expiry.now)) + len(
        await _move(tx, ended)
    )
