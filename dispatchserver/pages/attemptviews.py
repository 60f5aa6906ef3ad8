"""What the page of a fire shows of each attempt, as plain values. Pure."""

from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

from dispatchserver.domain.fire import Attempt, Decision, Outcome, Reason
from dispatchserver.pages.words import Badge, Moment, Viewer, visible

RESULT_CUT = 120
TEXT_CUT = 16 * 1024
VERDICTS = {
    Decision.SUCCESS: ("ok", "check"),
    Decision.FAILURE: ("bad", "cross"),
    Decision.RETRY: ("wait", "again"),
    Decision.WAIT: ("wait", "hourglass"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptView:
    """One attempt: what the transport saw, and what was made of it."""

    number: int
    node: str
    began: Moment
    duration: str
    delivery: str
    reason: str
    address: str
    detail: str
    status: int | None
    connect: str
    first_byte: str
    reply: str
    cut: bool
    verdict: Badge
    verdict_reason: str
    result: str
    again: Moment | None


def attempt_view(attempt: Attempt, zone: ZoneInfo, viewer: Viewer) -> AttemptView:
    """One attempt, its outcome and its verdict apart."""
    outcome, verdict = attempt.outcome, attempt.verdict
    tone, icon = VERDICTS[verdict.decision]
    word = viewer.say(f"page.verdict.{verdict.decision}")
    return AttemptView(
        number=attempt.number,
        node=attempt.node,
        began=viewer.moment(attempt.started_at, zone, precise=True),
        duration=viewer.span(max(attempt.ended_at - attempt.started_at, timedelta(0))),
        delivery=viewer.say(f"page.delivery.{outcome.delivery}"),
        reason=viewer.reason(outcome.reason),
        address=visible(attempt.address or ""),
        detail=visible(_detail(outcome, viewer)),
        status=outcome.status,
        connect=_ms(outcome.connect_ms, viewer),
        first_byte=_ms(outcome.first_byte_ms, viewer),
        reply=visible(outcome.body.decode("utf-8", "backslashreplace"), TEXT_CUT),
        cut=outcome.truncated,
        verdict=Badge(tone=tone, icon=icon, word=word),
        verdict_reason=viewer.reason(verdict.reason),
        result=visible(verdict.result or "", RESULT_CUT),
        again=viewer.moment_if_any(verdict.at, zone),
    )


def _detail(outcome: Outcome, viewer: Viewer) -> str:
    """The transport's own words; where our egress rules forbade the call, which one did, and what would allow it."""
    rule, forbids, address = outcome.detail.partition(" forbids ")
    if outcome.reason is not Reason.EGRESS or not forbids:
        return outcome.detail
    return viewer.say(rule, host=address)


def _ms(milliseconds: int | None, viewer: Viewer) -> str:
    return "" if milliseconds is None else viewer.span(timedelta(milliseconds=milliseconds))
