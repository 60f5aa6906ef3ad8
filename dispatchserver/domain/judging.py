"""What an outcome means: success, failure, try again, or wait for a report. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache

from dispatchserver.domain.destination import SILENT
from dispatchserver.domain.fire import Decision, Delivery, Fire, FireState, Outcome, Reason, Verdict
from dispatchserver.domain.jsontext import JsonValue
from dispatchserver.domain.planning import PENDING_LIFETIME
from dispatchserver.domain.recall import HttpRecall, Recall, ReplyRule
from dispatchserver.domain.retrying import again, failure_of, share_of
from dispatchserver.domain.retrypolicy import UNASKED, Failure, Retry
from dispatchserver.domain.values import changed, value

CONTRACT_KEYS = frozenset({"success", "resultValue", "asynchronized", "sendMsgContent"})
RESULT_LIMIT = 4096
LEADS_TO: Mapping[Decision, FireState] = {
    Decision.SUCCESS: FireState.SUCCEEDED,
    Decision.FAILURE: FireState.FAILED,
    Decision.RETRY: FireState.PENDING,
    Decision.WAIT: FireState.WAITING,
}
OFTEN_LIMIT = 200
LOST_LIMIT = 10
LONGEST_LOSS_PAUSE = timedelta(seconds=10)
BOM = b"\xef\xbb\xbf"
LENIENT = json.JSONDecoder(strict=False)
LOSSES = (Reason.LOST, Reason.INTERRUPTED)
LONGEST_SHORTAGE_PAUSE = timedelta(seconds=30)


@value(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a task agreed with its receiver: whom to call, when again, and how long a report is awaited; and whether
    another of its addresses is left to try.
    """

    recall: Recall
    retry: Retry
    report_within: timedelta
    left: bool = False


def judge(fire: Fire, outcome: Outcome, terms: Terms, now: datetime) -> Verdict:
    """The verdict on one attempt: one of which nothing was sent goes on to another address where one is left, one that
    this server had nothing to send with is put back, and any other failure is repeated as the task's retry policy says.
    """
    if outcome.reason is Reason.SHORTAGE:
        return _put_back(fire, terms.retry, now)
    if outcome.delivery is Delivery.ANSWERED:
        verdict = _judge_answer(outcome, terms.recall)
        if verdict.decision is Decision.WAIT:
            return changed(verdict, at=now + terms.report_within)
    else:
        verdict = Verdict(decision=Decision.FAILURE, reason=outcome.reason)
    if verdict.decision is not Decision.FAILURE or _is_final(outcome):
        return verdict
    if terms.left and outcome.delivery is Delivery.NOT_SENT and outcome.reason in SILENT:
        return replace(verdict, decision=Decision.RETRY, at=now, onward=True)
    return repeated(fire, verdict, terms.retry, failure_of(outcome), now, outcome)


def _put_back(fire: Fire, retry: Retry, now: datetime) -> Verdict:
    """Nothing was tried: again after a second, later and later while the shortage lasts."""
    at = now + min(timedelta(seconds=2 ** min(fire.failovers, 9)), LONGEST_SHORTAGE_PAUSE)
    until = fire.give_up_at or now + retry.max_age
    if at > until:
        return Verdict(decision=Decision.FAILURE, reason=Reason.SHORTAGE)
    return Verdict(decision=Decision.RETRY, reason=Reason.SHORTAGE, at=at, until=until, onward=True)


def repeated(
    fire: Fire,
    verdict: Verdict,
    retry: Retry,
    failure: Failure,
    now: datetime,
    outcome: Outcome | None = None,
) -> Verdict:
    """This verdict of failure, or that the attempt is repeated because of it."""
    found = again(fire, retry, failure, now, outcome)
    if found is None:
        return verdict
    return replace(verdict, decision=Decision.RETRY, at=found.at, until=found.until)


def _is_final(outcome: Outcome) -> bool:
    """Whether no repetition can help: our own rules forbid the address, or the receiver wants none."""
    if outcome.reason is Reason.EGRESS:
        return True
    reply = _object(outcome.body)
    return reply is not None and _no(reply.get("retry"))


def _judge_answer(outcome: Outcome, recall: Recall) -> Verdict:
    """What a reply says; where it says that a report will follow, not yet until when that is awaited."""
    rule = recall.reply_rule if isinstance(recall, HttpRecall) else ReplyRule.AUTO
    judge_reply = _judge_reply_again if len(outcome.body) <= OFTEN_LIMIT else _judge_reply
    return judge_reply(outcome.body, outcome.status, outcome.reason, outcome.asynchronous, rule)


def _judge_reply(
    body: bytes, status: int | None, reason: Reason | None, asynchronous: bool, rule: ReplyRule
) -> Verdict:
    if status is not None and not 200 <= status < 300:
        return Verdict(decision=Decision.FAILURE, reason=Reason.STATUS, result=_text(body))
    reply = _contract(body) if rule is not ReplyRule.STATUS else None
    if reply is None:
        return _judge_free_reply(body, reason, asynchronous, rule)
    result = _result(reply.get("resultValue"))
    if not _yes(reply.get("success")):
        return Verdict(decision=Decision.FAILURE, reason=Reason.CONTRACT, result=result)
    if _yes(reply.get("asynchronized")) or asynchronous:
        return Verdict(decision=Decision.WAIT, result=result)
    return Verdict(decision=Decision.SUCCESS, result=result)


_judge_reply_again = lru_cache(maxsize=1_024)(_judge_reply)
"""Most receivers say the same few words over and over."""


def _judge_free_reply(
    body: bytes, reason: Reason | None, asynchronous: bool, rule: ReplyRule
) -> Verdict:
    """A reply outside the contract: under `auto` and `status` the transport's yes is enough."""
    result = _text(body)
    if rule is ReplyRule.CONTRACT:
        return Verdict(decision=Decision.FAILURE, reason=Reason.CONTRACT, result=result)
    if asynchronous:
        return Verdict(decision=Decision.WAIT, result=result)
    return Verdict(decision=Decision.SUCCESS, reason=reason, result=result)


def _contract(body: bytes) -> Mapping[str, JsonValue] | None:
    """The reply as the contract's map, when it has at least one of the contract's keys."""
    reply = _object(body)
    return None if reply is None or CONTRACT_KEYS.isdisjoint(reply) else reply


def _object(body: bytes) -> Mapping[str, JsonValue] | None:
    """The reply when it is a JSON object. Read leniently (a BOM, another charset's text, NaN, lone surrogates): strictness
    would turn a plain "success": false into a free reply, and so into a success.
    """
    try:
        value = LENIENT.decode(body.removeprefix(BOM).decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _no(value: JsonValue) -> bool:
    return value is False or (isinstance(value, str) and value.strip().lower() == "false")


def _yes(value: JsonValue) -> bool:
    return value is True or (isinstance(value, str) and value.strip().lower() == "true")


def _result(value: JsonValue) -> str | None:
    if value is None:
        return None
    if isinstance(value, str):
        return storable(value)
    return storable(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def _text(body: bytes) -> str | None:
    return storable(body.decode("utf-8", "replace")) if body else None


def storable(text: str) -> str:
    """The text as every database takes it, cut to 4,096 characters: no NUL, no lone surrogates."""
    text = text[:RESULT_LIMIT]
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def after_loss(fire: Fire, now: datetime) -> Verdict:
    """What becomes of a fire whose node died or was stopped in mid-attempt: again, ten times at most.

    At once after the first loss. After more, it may itself be what kills the node: then it waits for a while that is
    left to chance, longer each time, so that it does not take along every time the same others.
    """
    losses = fire.losses + 1
    if losses >= LOST_LIMIT:
        return Verdict(decision=Decision.FAILURE, reason=Reason.LOST)
    longest = min(timedelta(seconds=2 ** (losses - 2)), LONGEST_LOSS_PAUSE)
    pause = timedelta(0) if losses == 1 else longest * share_of(fire)
    return Verdict(decision=Decision.RETRY, reason=Reason.LOST, at=now + pause)


def state_after(verdict: Verdict) -> FireState:
    """The fire's state that a verdict leads to."""
    return LEADS_TO[verdict.decision]


@value(frozen=True, slots=True, kw_only=True)
class Settlement:
    """A fire's next state with everything that goes with it."""

    state: FireState
    reason: Reason | None = None
    result: str | None = None
    run_at: datetime | None = None
    deadline_at: datetime | None = None
    finished_at: datetime | None = None
    give_up_at: datetime | None = None
    held: bool = False
    lost: bool = False
    onward: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a fire's task stands by now: whether the fire's version is still `current`, or the task even `deleted`; whether a
    fire of it must be `held` back, what that version says of repetitions, and how long it waits for a report (None: as the
    server does).
    """

    current: bool = True
    deleted: bool = False
    held: bool = False
    retry: Retry = UNASKED
    report_timeout: timedelta | None = None


def settled(
    fire: Fire, verdict: Verdict, now: datetime, standing: Standing = Standing()
) -> Settlement:
    """Where a verdict leads a fire. A retry whose task is gone or replaced ends as failed; where it goes on, since nothing
    was sent, it is cancelled, as it would have been in line.
    """
    state = state_after(verdict)
    if state is FireState.PENDING and not standing.current:
        if verdict.onward:
            why = Reason.DELETED if standing.deleted else Reason.REPLACED
            return Settlement(state=FireState.CANCELLED, reason=why, finished_at=now)
        state = FireState.FAILED
    if state is FireState.PENDING and verdict.at is not None:
        return Settlement(
            state=state,
            reason=verdict.reason,
            run_at=verdict.at,
            deadline_at=verdict.at + PENDING_LIFETIME,
            give_up_at=verdict.until,
            held=standing.held,
            lost=verdict.reason in LOSSES,
            onward=verdict.onward,
        )
    if state is FireState.WAITING:
        return Settlement(state=state, result=verdict.result, deadline_at=verdict.at)
    return Settlement(state=state, reason=verdict.reason, result=verdict.result, finished_at=now)


def after_deadline(fire: Fire, standing: Standing, now: datetime) -> Settlement:
    """What becomes of a waiting or pending fire that nobody ended in time; a running one is lost: see after_loss."""
    if fire.state is FireState.WAITING:
        verdict = Verdict(
            decision=Decision.FAILURE, reason=Reason.REPORT_TIMEOUT, result=fire.result
        )
        verdict = repeated(fire, verdict, standing.retry, Failure.REPORT_TIMEOUT, now)
        return settled(fire, verdict, now, standing)
    if fire.attempts:
        return Settlement(state=FireState.FAILED, reason=Reason.EXPIRED, finished_at=now)
    reason = Reason.PAUSED if fire.held else Reason.EXPIRED
    return Settlement(state=FireState.SKIPPED, reason=reason, finished_at=now)
