"""What happens to fires as batched, fenced writes: claim, settle, recover, expire."""

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from functools import partial

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
from dispatchserver.domain.judging import Standing, after_deadline, after_loss, settled
from dispatchserver.domain.moments import to_ms
from dispatchserver.stores import rows, sql
from dispatchserver.stores.batches import put
from dispatchserver.stores.driver import Tx
from dispatchserver.stores.moves import claim_key, move, standing_of


@dataclass(frozen=True, slots=True)
class Booking:
    """An ended attempt of a fire as it was claimed, and whether its task may wait for its end."""

    fire: Fire
    attempt: Attempt
    awaited: bool = True


async def settle(tx: Tx, bookings: Sequence[Booking]) -> Sequence[bool | Exception]:
    """Books ended attempts; answers for each whether its fire was still there to be moved on."""
    again = [b.fire.id for b in bookings if b.attempt.verdict.decision is Decision.RETRY]
    standing = await standing_of(tx, again)
    claims = [claim_key(booking.fire) for booking in bookings]
    first: dict[tuple[str, int], Booking] = {}
    for claim, booking in zip(claims, bookings, strict=True):
        first.setdefault(claim, booking)
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
    moved = await move(tx, moves, awaited=any(booking.awaited for booking in bookings))
    there = await _there(tx, {fire_id for fire_id, _ in set(claims) - moved})
    kept = [
        booking.attempt
        for claim, booking in zip(claims, bookings, strict=True)
        if claim in moved or booking.fire.id in there
    ]
    await put(tx, sql.PUT_ATTEMPTS, [rows.attempt_row(attempt) for attempt in kept])
    return [
        claim in moved and first[claim] is booking
        for claim, booking in zip(claims, bookings, strict=True)
    ]


async def _there(tx: Tx, fire_ids: Set[str]) -> set[str]:
    """Those of these fires that were not taken back. One that was may be made again, and has attempts of its own then."""
    asked = dumps([[fire_id] for fire_id in sorted(fire_ids)])
    return {row["id"] for row in await tx.fetch(sql.FIND_FIRES, asked)} if fire_ids else set()


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
    standing = await standing_of(tx, [f.id for f in fires if f.state is FireState.WAITING])
    ended = [
        (fire, after_deadline(fire, standing.get(fire.id, Standing()), expiry.now))
        for fire in fires
        if fire.state is not FireState.RUNNING
    ]
    return await _end_lost(tx, lost, expiry.now, partial(after_loss, now=expiry.now)) + len(
        await move(tx, ended)
    )
