"""Why a task fired at a moment, or did not: one answer, with the rows that prove it. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from dispatchserver.domain.changing import Action
from dispatchserver.domain.fire import Fire, FireKind, FireState, Reason
from dispatchserver.domain.moments import MILLISECOND
from dispatchserver.domain.occasions import newest
from dispatchserver.domain.task import Task, TaskState
from dispatchserver.domain.timetable import timetable

WITHIN = timedelta(minutes=1)
"""Who asks "why not at 03:00?" means the minute that begins then."""

LATE = timedelta(seconds=1)
BACK = timedelta(days=400)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """Who did what to a task, through which door."""

    at: datetime
    who: str
    door: str
    action: str
    version: int | None = None
    fire_id: str | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is on record of a task around a moment.

    `task` is the task as it stands, `then` the version of it that was in force at the moment (both None:
    there is none), `fires` are the rows of the minute asked for and those whose range of missed occasions
    covers it, `changes` what was done to the task, the newest first.
    """

    task: Task | None
    then: Task | None
    fires: Sequence[Fire]
    changes: Sequence[AuditEntry]


Param = str | int | datetime | timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Because:
    """The answer: a message key below `why`, what fills it, and what proves it.

    Parameters are plain: moments in UTC, spans, numbers, names; `reason` is a fire's reason.
    """

    code: str
    params: Mapping[str, Param] = field(default_factory=dict)
    fire: Fire | None = None
    change: AuditEntry | None = None


def why(evidence: Evidence, at: datetime, now: datetime) -> Because:
    """What became of the occasion in the minute from `at` on, or why there was none."""
    fire = _telling(evidence.fires, at)
    if fire is not None:
        return _of_a_fire(fire, evidence, at, now)
    if evidence.then is None:
        return _before_its_time(evidence, at)
    occasion = _occasion(evidence.then, at)
    if occasion is None:
        return _not_named(evidence.then, at)
    if occasion > now:
        return _to_come(evidence, occasion)
    return _without_a_row(evidence, occasion)


def _telling(fires: Sequence[Fire], at: datetime) -> Fire | None:
    """The row that says most: of the occasion itself, then of a range that covers it, then of a run by hand."""
    until = at + WITHIN
    ranked: list[Callable[[Fire], bool]] = [
        lambda fire: fire.kind is FireKind.SCHEDULED and at <= fire.due_at < until,
        lambda fire: (
            fire.missed is not None and fire.missed.first < until and fire.missed.last >= at
        ),
        lambda fire: at <= fire.due_at < until,
    ]
    for fits in ranked:
        for fire in fires:
            if fits(fire):
                return fire
    return None


def _of_a_fire(fire: Fire, evidence: Evidence, at: datetime, now: datetime) -> Because:
    params: dict[str, Param] = {"due": fire.due_at, "attempts": fire.attempts}
    if fire.reason is not None:
        params["reason"] = fire.reason
    if not at <= fire.due_at < at + WITHIN and fire.state is not FireState.SKIPPED:
        return Because(code="made_up", params=params, fire=fire)
    if fire.kind is FireKind.MANUAL:
        change = _done(evidence, lambda entry: entry.fire_id == fire.id)
        return Because(code="by_hand", params=params, fire=fire, change=change)
    if fire.state.open:
        return _open(fire, evidence, params, now)
    if fire.state in (FireState.SKIPPED, FireState.CANCELLED):
        return _unsent(fire, evidence, params)
    if fire.finished_at is not None:
        params["finished"] = fire.finished_at
    if fire.claimed_at is not None and fire.claimed_at - fire.due_at > LATE:
        params["late"] = fire.claimed_at - fire.due_at
    code = str(fire.state)
    return Because(code=f"{code}_late" if "late" in params else code, params=params, fire=fire)


def _open(fire: Fire, evidence: Evidence, params: dict[str, Param], now: datetime) -> Because:
    """A fire on its way: what it waits for."""
    if fire.state is not FireState.PENDING:
        return Because(code=str(fire.state), params=params, fire=fire)
    if fire.held:
        return Because(code="held", params=params, fire=fire, change=_paused(evidence, now))
    if fire.run_at > now:
        code = "again_at" if fire.attempts else "planned"
        return Because(code=code, params=params | {"run": fire.run_at}, fire=fire)
    return Because(code="queued", params=params | {"waits": now - fire.run_at}, fire=fire)


def _unsent(fire: Fire, evidence: Evidence, params: dict[str, Param]) -> Because:
    """A row of occasions that nobody was called back for: by which rule, and by whose hand."""
    told = fire.reason in TOLD[fire.state]
    code = f"{fire.state}_{fire.reason}" if told else str(fire.state)
    last = fire.missed.last if fire.missed else fire.due_at
    if fire.missed is not None:
        params |= {"first": fire.missed.first, "last": last}
    if fire.reason is Reason.CALENDAR and evidence.then is not None:
        params["calendar"] = evidence.then.spec.policies.calendar or ""
    change = None
    if fire.reason is Reason.PAUSED:
        change = _paused(evidence, last)
    elif fire.reason in ENDED_BY:
        change = _done(evidence, lambda entry: entry.action == ENDED_BY[fire.reason])
    return Because(code=code, params=params, fire=fire, change=change)


ENDED_BY: Mapping[Reason | None, Action] = {
    Reason.DELETED: Action.DELETED,
    Reason.REPLACED: Action.REPLACED,
}
TOLD = {
    FireState.SKIPPED: (Reason.MISFIRE, Reason.CALENDAR, Reason.PAUSED, Reason.EXPIRED),
    FireState.CANCELLED: (Reason.DELETED, Reason.REPLACED),
}
"""Ends that have a sentence of their own."""


def _before_its_time(evidence: Evidence, at: datetime) -> Because:
    """No version was in force: the task came later, was deleted before, or never was."""
    deleted = _done(evidence, lambda entry: entry.action == Action.DELETED and entry.at <= at)
    if deleted is not None:
        return Because(code="deleted", params={"since": deleted.at}, change=deleted)
    if evidence.task is not None:
        added = _done(evidence, lambda entry: entry.action == Action.ADDED)
        return Because(
            code="not_yet_added", params={"since": evidence.task.created_at}, change=added
        )
    return Because(code="unknown")


def _occasion(then: Task, at: datetime) -> datetime | None:
    found = timetable(then).next_after(at - MILLISECOND)
    return found if found is not None and found < at + WITHIN else None


def _not_named(then: Task, at: datetime) -> Because:
    """The schedule names no such time: the nearest times that it does name."""
    fires = timetable(then)
    params: dict[str, Param] = {"asked": at}
    following = fires.next_after(at)
    if following is None:
        return Because(code="over", params=params)
    params["next"] = following
    earlier = fires.next_after(at - BACK)
    if earlier is not None and earlier < at:
        params["before"] = newest(fires, earlier, at - MILLISECOND)
        return Because(code="not_named_between", params=params)
    return Because(code="not_named", params=params)


def _to_come(evidence: Evidence, occasion: datetime) -> Because:
    params: dict[str, Param] = {"due": occasion}
    if evidence.task is None:
        return _before_its_time(evidence, occasion)
    if evidence.task.state is TaskState.PAUSED:
        return Because(code="paused", params=params, change=_paused(evidence, occasion))
    return Because(code="to_come", params=params)


def _without_a_row(evidence: Evidence, occasion: datetime) -> Because:
    """The schedule named the occasion, and nothing is on record of it yet, or any more."""
    task, params = evidence.task, {"due": occasion}
    if task is None:
        return _before_its_time(evidence, occasion)
    unplanned = task.next_fire_at is not None and task.next_fire_at <= occasion
    if unplanned and task.state is TaskState.PAUSED:
        return Because(code="paused", params=params, change=_paused(evidence, occasion))
    return Because(code="not_planned_yet" if unplanned else "no_record", params=params)


def _paused(evidence: Evidence, by: datetime) -> AuditEntry | None:
    """The newest pause up to a moment."""
    return _done(evidence, lambda entry: entry.action == Action.PAUSED and entry.at <= by)


def _done(evidence: Evidence, fits: Callable[[AuditEntry], bool]) -> AuditEntry | None:
    return next((entry for entry in evidence.changes if fits(entry)), None)
