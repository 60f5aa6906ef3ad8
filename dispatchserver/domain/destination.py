"""How much a receiver is asked at once: its limit, its rate, and how its circuit breaker stands. Pure.

A destination is a host with its port, whatever is called there and by whichever task.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from math import exp2

from dispatchserver.domain.breaker import CLOSED, Breaker
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.fire import Delivery, Outcome, Reason
from dispatchserver.domain.rate import Rate

SLOTS_LIMIT = 10_000
NAME_LIMIT = 300
REMEMBERED = timedelta(days=1)
EARLY_MS = 100
EARLY = timedelta(milliseconds=EARLY_MS)
NEWEST_WEIGHS = 0.2
SET_BACK = timedelta(seconds=1)
FLOW_HALVES = timedelta(milliseconds=50)
FORGOTTEN = 20  # halves
BUSY = frozenset((408, 425, 429))
SILENT = frozenset((Reason.DNS, Reason.CONNECT, Reason.TLS))
BROKEN = frozenset((Reason.TIMEOUT, Reason.RESET, Reason.CLOSED, Reason.PROTOCOL))


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What one destination may be asked: so many calls in flight, and so many in a time (None: any); paused: nothing."""

    slots: int = 64
    rate: Rate | None = None
    paused: bool = False


USUAL = Allowance()


class Hindrance(StrEnum):
    """Why nobody is sent to a destination now."""

    PAUSED = "paused"
    RESTING = "resting"
    PROBING = "probing"
    FULL = "full"
    RATE = "rate"
    SHARE = "share"


@dataclass(frozen=True, slots=True, kw_only=True)
class LastFailure:
    """What the last call saw that told of a receiver which cannot serve; no call has succeeded since."""

    at: datetime
    reason: Reason | None
    status: int | None


@dataclass(frozen=True, slots=True)
class Pool:
    """Destinations of which any will do for the fires that wait behind them.

    Where it `moves`, those fires have other destinations too, which they turn to once all of these rest.
    """

    names: tuple[str, ...]
    moves: bool = False

    @property
    def name(self) -> str:
        """What a fire that waits here is said to be behind."""
        return " ".join(self.names) + (" …" if self.moves else "")


@dataclass(slots=True)
class Load:
    """How a destination stands: its calls in flight, when its rate has room for all of a burst again, its breaker.
    `ahead` are claimed for calls that begin in a moment; it has answered in `pace` milliseconds of late. `flow` calls had
    ended a little before `flowed_at`, when the last one did.
    """

    in_flight: int = 0
    rested_at: datetime | None = None
    breaker: Breaker = field(default=CLOSED)
    failure: LastFailure | None = None
    ahead: int = 0
    pace: float | None = None
    flow: float = 0.0
    flowed_at: datetime | None = None


def is_quiet(load: Load, now: datetime) -> bool:
    """Whether there is nothing to remember of it: a few failures are, for a day."""
    resting = load.rested_at is None or load.rested_at <= now
    if load.in_flight > 0 or load.ahead > 0 or not resting or load.breaker.rests_until is not None:
        return False
    return load.failure is None or load.failure.at <= now - REMEMBERED


def hindrance(load: Load, allowance: Allowance, now: datetime) -> Hindrance | None:
    """Why no call may begin there now; None where one may."""
    if allowance.paused:
        return Hindrance.PAUSED
    if not load.breaker.admits(now):
        return Hindrance.PROBING if load.breaker.probing else Hindrance.RESTING
    if room(load, allowance, now):
        return None
    return Hindrance.FULL if load.in_flight >= allowance.slots else Hindrance.RATE


def room(load: Load, allowance: Allowance, now: datetime) -> int:
    """How many calls may begin there now."""
    if allowance.paused:
        return 0
    if load.breaker.rests_until is not None:
        return 1 if load.breaker.admits(now) else 0
    free = allowance.slots - load.in_flight
    if allowance.rate is not None:
        free = min(free, _tokens(allowance.rate, _rested_at(load, allowance.rate, now), now))
    return max(0, free)


def waits_for_calls(load: Load, allowance: Allowance, now: datetime) -> bool:
    """Whether there is room as soon as calls in flight have ended."""
    if allowance.paused or not load.breaker.admits(now):
        return False
    rate = allowance.rate
    return rate is None or _tokens(rate, _rested_at(load, rate, now), now) > 0


def books(load: Load, allowance: Allowance) -> bool:
    """Whether calls may be claimed a moment before they begin: nothing there depends on when they do."""
    return allowance.rate is None and not allowance.paused and not load.breaker.failures


def bookable(load: Load, allowance: Allowance, now: datetime, places: int) -> int:
    """How many calls that begin in a moment may be claimed now, where any may: as many as have room, and those that will
    have got it by then, as fast as it has answered of late. Those are no more than it has slots, or than there are `places`
    to stand in.
    """
    answered = 0 if load.pace is None else int(EARLY_MS / max(load.pace, 1.0) * allowance.slots)
    most = max(allowance.slots, places)
    return max(0, room(load, allowance, now) + min(answered, most) - load.ahead)


def queueable(load: Load, allowance: Allowance, now: datetime) -> int:
    """How many calls that are due may be claimed beyond those that have room: as many as have ended there of late, for the
    next ones that end soon make room for them.
    """
    if not books(load, allowance):
        return 0
    return max(0, int(flowing(load, now)) - load.ahead)


def flowing(load: Load, now: datetime) -> float:
    """How many calls there have ended of late: those of a moment ago count most, and after a second none does."""
    if load.flowed_at is None:
        return 0.0
    age = (now - load.flowed_at) / FLOW_HALVES
    if abs(age) >= FORGOTTEN:
        return 0.0
    # a claim looks from the moment on which it began, which may be a little before that
    return load.flow if age < 0 else load.flow * exp2(-age)


def share(in_flight: int, free: int, kept: int) -> int:
    """How many of the `free` slots of the server a destination may take that holds so many. Of the last `kept` it may
    take one only while more are free than it holds, so that those which hang never take all from those which do not.
    """
    return max(0, free - kept, (free - in_flight + 1) // 2)


def opens_at(load: Load, allowance: Allowance, now: datetime) -> datetime | None:
    """When time alone will make room there; None where there is some, or where a call must end first."""
    if allowance.paused:
        return None
    moments = []
    if load.breaker.rests_until is not None:
        if load.breaker.probing:
            return None
        moments.append(load.breaker.rests_until)
    elif load.in_flight >= allowance.slots:
        return None
    rate = allowance.rate
    rested_at = None if rate is None else _rested_at(load, rate, now)
    if rate is not None and rested_at is not None:
        moments.append(rested_at - rate.spacing * (rate.at_once - 1))
    later = [moment for moment in moments if moment > now]
    return max(later, default=None)


def begin(load: Load, allowance: Allowance, now: datetime) -> None:
    """Books a call that begins."""
    load.in_flight += 1
    if load.breaker.rests_until is not None:
        load.breaker = load.breaker.sent()
    if allowance.rate is not None:
        rested_at = _rested_at(load, allowance.rate, now) or now
        load.rested_at = max(rested_at, now) + allowance.rate.spacing


def end(load: Load, outcome: Outcome | None, now: datetime) -> None:
    """Books a call that ended; without an outcome it says nothing of the receiver."""
    load.in_flight -= 1
    load.flow, load.flowed_at = flowing(load, now) + 1, now
    trouble = None if outcome is None else is_trouble(outcome)
    if outcome is not None and outcome.first_byte_ms is not None:
        before = outcome.first_byte_ms if load.pace is None else load.pace
        load.pace = before + (outcome.first_byte_ms - before) * NEWEST_WEIGHS
    load.breaker = load.breaker.after(trouble, now)
    if outcome is not None and trouble:
        load.failure = LastFailure(at=now, reason=outcome.reason, status=outcome.status)
    elif load.breaker is CLOSED or load.breaker == CLOSED:
        load.failure = None
    if load.rested_at is not None and load.rested_at <= now:
        load.rested_at = None


def refit(load: Load, allowance: Allowance, now: datetime) -> None:
    """Fits what was booked to another allowance: a slower rate before is not waited for under a faster one."""
    rate = allowance.rate
    if rate is None or load.rested_at is None:
        load.rested_at = None
    else:
        load.rested_at = min(load.rested_at, now + rate.spacing * rate.at_once)


def _rested_at(load: Load, rate: Rate, now: datetime) -> datetime | None:
    """When there will be room for all of a burst again. Much later than this it cannot be: then the clock was set back. A
    little it can, where calls have begun since the moment that is asked about.
    """
    latest = now + rate.spacing * rate.at_once + SET_BACK
    return None if load.rested_at is None or load.rested_at > latest else load.rested_at


def _tokens(rate: Rate, rested_at: datetime | None, now: datetime) -> int:
    if rested_at is None or rested_at <= now:
        return rate.at_once
    return rate.at_once - -(-(rested_at - now) // rate.spacing)


def is_trouble(outcome: Outcome) -> bool | None:
    """Whether an outcome tells of a receiver that cannot serve; None where it tells nothing of it."""
    match outcome.delivery:
        case Delivery.NOT_SENT:
            return True if outcome.reason in SILENT else None
        case Delivery.UNANSWERED:
            return True if outcome.reason in BROKEN else None
        case Delivery.ANSWERED:
            status = outcome.status
            return status is not None and (status in BUSY or status >= 500)


def check_slots(slots: int) -> int:
    """How many calls may be in flight at one destination, 1 to 10,000; raises Invalid."""
    if not 1 <= slots <= SLOTS_LIMIT:
        raise Invalid("fault.range", low=1, high=SLOTS_LIMIT)
    return slots
