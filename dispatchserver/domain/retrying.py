"""Whether an attempt that did not succeed is repeated, and when. Pure.

A task that says nothing is called again only where certainly nothing was sent: a second call of a receiver
that may have worked is never made unasked. Lost attempts (a node that died) are not counted here, and
neither are those that went on to another address.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from dispatchserver.domain.fire import Delivery, Fire, Outcome
from dispatchserver.domain.retrypolicy import Failure, Retry

BUSY_STATUSES = frozenset({408, 425, 429})
LONGEST_ASKED = timedelta(hours=1)


def failure_of(outcome: Outcome) -> Failure:
    """How an attempt failed, from what the transport saw."""
    if outcome.delivery is Delivery.NOT_SENT:
        return Failure.NOT_SENT
    if outcome.delivery is Delivery.UNANSWERED:
        return Failure.UNANSWERED
    if outcome.status is None or 200 <= outcome.status < 300:
        return Failure.CONTRACT
    busy = outcome.status in BUSY_STATUSES or outcome.status >= 500
    return Failure.BUSY if busy else Failure.REFUSED


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """The attempt is repeated at `at`; after `until` never again."""

    at: datetime
    until: datetime


def again(
    fire: Fire, retry: Retry, failure: Failure, now: datetime, outcome: Outcome | None = None
) -> Again | None:
    """When the attempt of this fire that just failed is repeated; None: never."""
    status = None if outcome is None else outcome.status
    number = fire.attempts - fire.losses - fire.failovers
    if not retry.covers(failure, status) or number > retry.pauses.most:
        return None
    wait = retry.pauses.wait(number, share_of(fire))
    if outcome is not None:
        wait = max(wait, asked_pause(outcome.retry_after, now))
    until = fire.give_up_at or (fire.claimed_at or now) + retry.max_age
    return Again(at=now + wait, until=until) if now + wait <= until else None


def share_of(fire: Fire) -> float:
    """The chance of this attempt, from 0 to 1: another for every fire and attempt, the same whenever it is asked."""
    digest = hashlib.sha256(f"{fire.id}|{fire.attempts}".encode()).digest()
    return int.from_bytes(digest[:6]) / (1 << 48)


def asked_pause(header: str, now: datetime) -> timedelta:
    """The pause that a receiver asks for by Retry-After, in seconds or until a date; an hour at most, 0 for none."""
    text = header.strip()
    if text.isascii() and text.isdigit() and len(text) <= 9:
        asked = timedelta(seconds=int(text))
    else:
        try:
            until = parsedate_to_datetime(text)
        except ValueError:
            return timedelta(0)
        asked = until.replace(tzinfo=until.tzinfo or UTC) - now
    return min(max(asked, timedelta(0)), LONGEST_ASKED)
