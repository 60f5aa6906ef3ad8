"""What receivers report of a fire: its result, or how far they have come with it. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import unquote

from dispatchserver.domain.errors import FireEnded, FireUnsent, Invalid
from dispatchserver.domain.fire import Decision, Fire, FireState, Reason, Verdict
from dispatchserver.domain.judging import Standing, repeated, storable
from dispatchserver.domain.progress import Progress
from dispatchserver.domain.retrypolicy import Failure
from dispatchserver.domain.task import LONGEST_REPORT

PROGRESS_TEXT_LIMIT = 200


class Mark(StrEnum):
    """Why a report was refused: LATE, nobody waited for it any more; AGAIN, the receiver had given its result already."""

    LATE = "late"
    AGAIN = "again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """An asynchronous result: what the receiver says of a fire after it accepted it."""

    fire_id: str
    success: bool
    result: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressReport:
    """The receiver is still at work: how far it says it has come, from 0 to 100, and with what."""

    fire_id: str
    percent: int | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A report as it is kept beside its fire: taken, or refused and with what `mark`.

    `success` is None for a report of progress, which has a percentage instead; `text` is the receiver's own.
    """

    at: datetime
    who: str
    door: str
    taken: bool = True
    mark: Mark | None = None
    success: bool | None = None
    percent: int | None = None
    text: str = ""


DecideReport = Callable[[Fire, Standing], Verdict | Fire]
"""What a report on a fire means, its task standing so: a verdict on it, or the fire with its progress."""


def check_percent(percent: float) -> int:
    """The percentage, its decimals cut off; raises Invalid for what is not from 0 to 100."""
    if not 0 <= percent <= 100:
        raise Invalid("progress.percent")
    return int(percent)


def check_reportable(fire: Fire) -> None:
    """Nothing when a receiver may report on this fire; raises FireEnded with a mark, FireUnsent."""
    if not fire.state.open:
        raise FireEnded(fire.id, fire.state, mark_of(fire))
    if fire.attempts == 0:
        raise FireUnsent(fire.id)


def mark_of(fire: Fire) -> Mark:
    """What a report on this ended fire is: too late, or the second word of a receiver that had said its own."""
    told = (Reason.REPORTED, Reason.CONTRACT, Reason.STATUS)
    return Mark.AGAIN if fire.state is FireState.SUCCEEDED or fire.reason in told else Mark.LATE


def accept_report(fire: Fire, standing: Standing, report: Report, now: datetime) -> Verdict:
    """The verdict that a report gives an open fire, whether or not the reply came yet; raises FireEnded, FireUnsent."""
    check_reportable(fire)
    result = None if report.result is None else storable(unquoted(report.result))
    if report.success:
        return Verdict(decision=Decision.SUCCESS, reason=Reason.REPORTED, result=result)
    verdict = Verdict(decision=Decision.FAILURE, reason=Reason.REPORTED, result=result)
    return repeated(fire, verdict, standing.retry, Failure.CONTRACT, now)


def accept_progress(fire: Fire, told: ProgressReport, wait: timedelta, now: datetime) -> Fire:
    """The fire with its progress, and if its report is awaited, with `wait` from now on to wait for it.

    A report never shortens what time there is, and no number of them makes it more than 30 days from the call.
    What is left unsaid stays as it was said of the same attempt. Raises FireEnded, FireUnsent.
    """
    check_reportable(fire)
    before = fire.current_progress
    percent, text = told.percent, told.text
    progress = Progress(
        percent=before.percent if before and percent is None else percent,
        text=(before.text if before else "") if text is None else progress_text(text),
        at=now,
        attempt=fire.attempts,
    )
    return replace(fire, progress=progress, deadline_at=_deadline(fire, wait, now))


def _deadline(fire: Fire, wait: timedelta, now: datetime) -> datetime | None:
    if fire.state is not FireState.WAITING or fire.deadline_at is None:
        return fire.deadline_at
    latest = (fire.claimed_at or fire.due_at) + LONGEST_REPORT
    return max(fire.deadline_at, min(now + wait, latest))


def progress_text(text: str) -> str:
    """The text on one line, cut to what is kept of one."""
    return storable(" ".join(unquoted(text).split()))[:PROGRESS_TEXT_LIMIT]


def unquoted(text: str) -> str:
    """The text with its percent-encoding undone when it decodes cleanly, else as it came."""
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        return text
