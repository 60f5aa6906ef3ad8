"""One fire, step by step: send, judge, settle."""

import asyncio
import logging
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from dispatchserver.domain.errors import StoreUnavailable
from dispatchserver.domain.fire import Attempt, Decision, Delivery, Fire, Outcome, Reason, Verdict
from dispatchserver.domain.judging import Terms, judge
from dispatchserver.domain.listing import Assignment
from dispatchserver.domain.recall import RecallKind, headers_of, render_body
from dispatchserver.domain.secrets import Proof
from dispatchserver.domain.tracing import span_id
from dispatchserver.engine.door import Entrance
from dispatchserver.engine.headers import render_headers, sign
from dispatchserver.engine.loop import SUPERSEDED
from dispatchserver.engine.metering import Unmetered
from dispatchserver.engine.proving import prove
from dispatchserver.ports import Clock, Meter, RecallTarget, SendOrder, Store

PAUSE_AFTER_REFUSAL = timedelta(seconds=1)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The server's time limits, for tasks that name none of their own."""

    connect_timeout: timedelta = timedelta(seconds=5)
    total_timeout: timedelta = timedelta(seconds=30)
    report_timeout: timedelta = timedelta(hours=1)
    dns_timeout: timedelta = timedelta(seconds=5)
    first_byte_timeout: timedelta | None = None


class Told(Protocol):
    """Whoever has to know how attempts go."""

    def admits(self, assignment: Assignment) -> Awaitable[Entrance]:
        """Returns when it is known whether it is sent now."""

    def hurries(self, assignment: Assignment) -> bool:
        """Whether anything waits for this attempt to be stored."""

    def ended(self, assignment: Assignment, outcome: Outcome | None) -> None:
        """The receiver is called no more; without an outcome, it never was."""

    def settled(self, assignment: Assignment, verdict: Verdict) -> None:
        """What became of it is stored."""


class SendFailed(Exception):
    """What a target raised, in words for the log that tell no secret."""


class Executor:
    """Brings one claimed fire from its send to a stored verdict. Whatever happens, the verdict is stored."""

    def __init__(
        self,
        store: Store,
        targets: Mapping[RecallKind, RecallTarget],
        clock: Clock,
        limits: Limits,
        meter: Meter | None = None,
    ) -> None:
        self._store = store
        self._targets = targets
        self._clock = clock
        self._limits = limits
        self._meter = meter or Unmetered()

    async def run(self, assignment: Assignment, told: Told) -> None:
        """One attempt of one fire, from beginning to end. `told` hears of its outcome before that is stored: its
        receiver has room for the next one.
        """
        fire, outcome, started_at = assignment.fire, None, None
        try:
            entrance = await told.admits(assignment)
            if entrance is Entrance.TAKEN_BACK:
                return
            if entrance is Entrance.ADMITTED:
                started_at = self._clock.now()
                outcome = await self._send(assignment, started_at)
                ended_at = self._clock.now()
                verdict = self._judge(assignment, outcome, ended_at)
            else:
                ended_at = self._clock.now()
                outcome, verdict = _unsent(fire, Reason.POSTPONED, ended_at)
        except asyncio.CancelledError as stop:
            ended_at = self._clock.now()
            outcome, verdict = _called_off(fire, stop, ended_at, sent=started_at is not None)
        finally:
            if started_at is not None:
                told.ended(assignment, outcome)
        attempt = self._attempt(assignment, started_at or ended_at, ended_at, outcome, verdict)
        self._tell(assignment, attempt)
        await self._settle(assignment, attempt, patient=not told.hurries(assignment))
        told.settled(assignment, verdict)

    async def _send(self, assignment: Assignment, started_at: datetime) -> Outcome:
        proof = prove(assignment)
        if isinstance(proof, Outcome):
            return proof
        order = self._order(assignment, proof, started_at)
        try:
            outcome = await self._targets[assignment.recall.kind].send(order)
        except Exception as error:
            failed = SendFailed(proof.veiled_text(repr(error))).with_traceback(error.__traceback__)
            log.exception("executor.send_failed", extra=ids(assignment.fire), exc_info=failed)
            outcome = Outcome(
                delivery=Delivery.UNANSWERED, reason=Reason.PROTOCOL, detail=repr(error)
            )
        return proof.veiled(outcome)

    def _order(self, assignment: Assignment, proof: Proof, started_at: datetime) -> SendOrder:
        fire, recall, policies = assignment.fire, assignment.recall, assignment.policies
        body = render_body(recall, fire.id, fire.shard, fire.shards)
        told = render_headers(fire, started_at)
        if assignment.signing_keys:
            told += sign(assignment.signing_keys, fire, started_at, body)
        return SendOrder(
            recall=recall,
            body=body,
            told=told,
            headers=headers_of(recall) + proof.headers,
            connect_timeout=policies.connect_timeout or self._limits.connect_timeout,
            total_timeout=policies.total_timeout or self._limits.total_timeout,
            dns_timeout=self._limits.dns_timeout,
            first_byte_timeout=policies.first_byte_timeout or self._limits.first_byte_timeout,
            client_pem=proof.client_pem,
        )

    def _judge(self, assignment: Assignment, outcome: Outcome, now: datetime) -> Verdict:
        policies = assignment.policies
        terms = Terms(
            recall=assignment.recall,
            retry=policies.retry,
            report_within=policies.report_timeout or self._limits.report_timeout,
            left=assignment.left,
        )
        return judge(assignment.fire, outcome, terms, now)

    def _attempt(
        self,
        assignment: Assignment,
        started_at: datetime,
        ended_at: datetime,
        outcome: Outcome,
        verdict: Verdict,
    ) -> Attempt:
        fire = assignment.fire
        return Attempt(
            fire_id=fire.id,
            number=fire.attempts,
            node=fire.claimed_by or "",
            started_at=started_at,
            ended_at=ended_at,
            outcome=outcome,
            verdict=verdict,
            address=assignment.recall.address,
        )

    def _tell(self, assignment: Assignment, attempt: Attempt) -> None:
        """The metrics hear of every attempt; the log only where it is told to say all."""
        fire = assignment.fire
        self._meter.attempted(attempt, assignment.recall, attempt.started_at - fire.run_at)
        if log.isEnabledFor(logging.DEBUG):
            verdict = attempt.verdict
            said = {
                "outcome": verdict.decision.value,
                "reason": verdict.reason and verdict.reason.value,
            }
            log.debug("executor.attempted", extra=ids(fire) | said)

    async def _settle(self, assignment: Assignment, attempt: Attempt, *, patient: bool) -> None:
        """Stores the verdict, however long the store takes to come back."""
        fire, awaited, told = assignment.fire, assignment.delay is not None, False
        while True:
            try:
                if not await self._store.settle(fire, attempt, patient=patient, awaited=awaited):
                    log.info("executor.moved_on_already", extra=ids(fire))
            except StoreUnavailable as error:
                if not told:
                    log.warning("executor.settle_waits", extra=ids(fire) | {"why": str(error)})
                told = True
                await self._clock.sleep_until(self._clock.now() + PAUSE_AFTER_REFUSAL)
            else:
                return


def _called_off(
    fire: Fire, stop: asyncio.CancelledError, now: datetime, *, sent: bool
) -> tuple[Outcome, Verdict]:
    """A later fire took this one's place; or the server goes down and would not wait any longer: the next
    start tries again."""
    if SUPERSEDED in stop.args:
        delivery = Delivery.UNANSWERED if sent else Delivery.NOT_SENT
        outcome = Outcome(delivery=delivery, reason=Reason.OVERLAP)
        return outcome, Verdict(decision=Decision.FAILURE, reason=Reason.OVERLAP)
    if not sent:
        return _unsent(fire, Reason.INTERRUPTED, now)
    outcome = Outcome(delivery=Delivery.UNANSWERED, reason=Reason.INTERRUPTED)
    return outcome, Verdict(decision=Decision.RETRY, reason=Reason.INTERRUPTED, at=now)


def _unsent(fire: Fire, reason: Reason, now: datetime) -> tuple[Outcome, Verdict]:
    """It was claimed for a moment that did not come, or found no room then: it stands in line again."""
    outcome = Outcome(delivery=Delivery.NOT_SENT, reason=reason)
    at = max(now, fire.run_at)
    return outcome, Verdict(decision=Decision.RETRY, reason=reason, at=at, onward=True)


def ids(fire: Fire) -> dict[str, object]:
    """What every line of the log on an attempt says: which one, and in which span of which trace receivers saw it.

    The trace is the fire's own id.
    """
    return {
        "fire": fire.id,
        "attempt": fire.attempts,
        "span": span_id(fire.id, fire.attempts),
        "group": fire.key.group,
        "task": fire.key.name,
    }
