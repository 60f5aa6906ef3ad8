"""Why a task fired at a moment, or did not: one answer, with the rows that prove it. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from dispatchserver.domain.changing import Action
from dispatchserver.domain.evidence import AuditEntry, Evidence, life_at
from dispatchserver.domain.fire import Fire, FireKind, FireState, Reason, Turn
from dispatchserver.domain.fixeddelay import FixedDelayTrigger
from dispatchserver.domain.moments import MILLISECOND
from dispatchserver.domain.occasions import newest
from dispatchserver.domain.task import Task, TaskState
from dispatchserver.domain.timetable import timetable

WITHIN = timedelta(minutes=1)
"""Who asks "why not at 03:00?" means the minute that begins then."""

LATE = timedelta(seconds=1)
BACK = timedelta(days=400)


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
        return _not_named(evidence, evidence.then, at)
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
                return _of_the_shards(fire, fires)
    return None


def _of_the_shards(fire: Fire, fires: Sequence[Fire]) -> Fire:
    """Of a broadcast's shards the one that failed tells most."""
    if fire.shards == 1:
        return fire
    failed = (
        other
        for other in fires
        if (other.shards, other.due_at, other.kind) == (fire.shards, fire.due_at, fire.kind)
        and other.state is FireState.FAILED
    )
    return next(failed, fire)


def _of_a_fire(fire: Fire, evidence: Evidence, at: datetime, now: datetime) -> Because:
    params: dict[str, Param] = {"due": fire.due_at, "attempts": fire.attempts}
    if fire.reason is not None:
        params["reason"] = fire.reason
    if not at <= fire.due_at < at + WITHIN and fire.state is not FireState.SKIPPED:
        return Because(code="made_up", params=params, fire=fire)
    if fire.kind is FireKind.MANUAL:
        change = evidence.of_fire(fire)
        return Because(code="by_hand", params=params, fire=fire, change=change)
    if fire.state.open:
        return _open(fire, evidence, params, now)
    if fire.state in (FireState.SKIPPED, FireState.CANCELLED):
        return _unsent(fire, evidence, params)
    return _sent(fire, evidence, params)


def _sent(fire: Fire, evidence: Evidence, params: dict[str, Param]) -> Because:
    """A fire that succeeded or failed."""
    if fire.finished_at is not None:
        params["finished"] = fire.finished_at
    if fire.reason is Reason.CONCURRENCY:
        return Because(code="failed_concurrency", params=params | _key(fire), fire=fire)
    late = _late(fire, evidence.then)
    if late is None:
        return Because(code=str(fire.state), params=params, fire=fire)
    return Because(code=f"{fire.state}_late", params=params | {"late": late}, fire=fire)


def _late(fire: Fire, then: Task | None) -> timedelta | None:
    """How late its only attempt was, beyond what the task itself spreads; a repetition is not late."""
    if fire.claimed_at is None or fire.attempts > 1:
        return None
    spans = (then.spec.policies.spread, then.spec.policies.jitter) if then else ()
    late = fire.claimed_at - fire.due_at
    return late if late > sum((span for span in spans if span), LATE) else None


def _key(fire: Fire) -> dict[str, Param]:
    """The key that it needs."""
    return {"key": fire.key_name or ""}


def _open(fire: Fire, evidence: Evidence, params: dict[str, Param], now: datetime) -> Because:
    """A fire on its way: what it waits for."""
    if fire.state is not FireState.PENDING:
        return Because(code=str(fire.state), params=params, fire=fire)
    if fire.held:
        return Because(code="held", params=params, fire=fire, change=evidence.paused(now))
    if fire.run_at > now:
        code = "again_at" if fire.attempts else "planned"
        return Because(code=code, params=params | {"run": fire.run_at}, fire=fire)
    params |= {"waits": now - fire.run_at, **_key(fire)}
    if fire.behind is not None:
        return Because(
            code="queued_behind_destination", params=params | {"key": fire.behind}, fire=fire
        )
    return Because(code=QUEUES.get(fire.turn, "queued"), params=params, fire=fire)


QUEUES = {
    Turn.ASKS: "queued_behind_task",
    Turn.BEHIND_TASK: "queued_behind_task",
    Turn.ASKS_KEY: "queued_behind_key",
    Turn.BEHIND_KEY: "queued_behind_key",
}
"""What holds back a fire that waits for something else than a free slot."""


def _unsent(fire: Fire, evidence: Evidence, params: dict[str, Param]) -> Because:
    """A row of occasions that nobody was called back for: by which rule, and by whose hand."""
    told = fire.reason in TOLD[fire.state]
    code = f"{fire.state}_{fire.reason}" if told else str(fire.state)
    last = fire.missed.last if fire.missed else fire.due_at
    params |= {"first": fire.missed.first if fire.missed else fire.due_at, "last": last}
    params |= _key(fire) | {"finished": fire.finished_at or last}
    if fire.reason is Reason.CALENDAR and evidence.then is not None:
        params["calendar"] = evidence.then.spec.policies.calendar or ""
    change = None
    if fire.reason is Reason.PAUSED:
        change = evidence.paused(last)
    elif fire.reason in ENDS:
        change = evidence.first(ENDS[fire.reason], fire.finished_at or last)
    return Because(code=code, params=params, fire=fire, change=change)


ENDS: Mapping[Reason | None, Action] = {
    Reason.DELETED: Action.DELETED,
    Reason.REPLACED: Action.REPLACED,
}
TOLD = {
    FireState.SKIPPED: (
        Reason.MISFIRE,
        Reason.CALENDAR,
        Reason.PAUSED,
        Reason.EXPIRED,
        Reason.OVERLAP,
        Reason.CONCURRENCY,
    ),
    FireState.CANCELLED: (Reason.DELETED, Reason.REPLACED, Reason.OVERLAP),
}
"""Ends that have a sentence of their own."""


def _before_its_time(evidence: Evidence, at: datetime) -> Because:
    """No version is known for then: the task came later, was deleted before or since, is remembered no more, or never was."""
    life = life_at(evidence.changes, at + WITHIN)
    if life is not None and life.until is not None:
        change = evidence.first(Action.DELETED, life.until)
        return Because(code="deleted_since", params={"since": life.until}, change=change)
    if evidence.task is not None and evidence.task.created_at <= at:
        return Because(code="version_gone", params={"asked": at})
    deleted = evidence.newest(Action.DELETED, at + WITHIN)
    if deleted is not None:
        return Because(code="deleted", params={"since": deleted.at}, change=deleted)
    added = evidence.first(Action.ADDED, at)
    if added is not None:
        return Because(code="not_yet_added", params={"since": added.at}, change=added)
    if evidence.task is not None:
        return Because(code="not_yet_added", params={"since": evidence.task.created_at})
    return Because(code="unknown")


def _occasion(then: Task, at: datetime) -> datetime | None:
    """The time in the minute that this version names, were it in force by then."""
    since = max(at, then.spec_since or at)
    found = timetable(then).next_after(since - MILLISECOND)
    return found if found is not None and found < at + WITHIN else None


def _not_named(evidence: Evidence, then: Task, at: datetime) -> Because:
    """The schedule names no such time: the nearest times that it does name."""
    if then.version == 1 and then.spec_since is not None and then.spec_since > at:
        return _before_its_time(evidence, at)
    if isinstance(then.trigger, FixedDelayTrigger):
        return Because(code="after_each", params={"asked": at, "delay": then.trigger.delay})
    fires = timetable(then)
    params: dict[str, Param] = {"asked": at}
    following = fires.next_after(at)
    if following is None:
        return Because(code="over", params=params)
    params["next"] = following
    named = then.trigger.next_after(at - MILLISECOND)
    if named is not None and named < at + WITHIN:
        days: dict[str, Param] = {"due": named, "calendar": then.spec.policies.calendar or ""}
        return Because(code="excluded", params=params | days)
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
        return Because(code="paused", params=params, change=evidence.paused(occasion))
    return Because(code="to_come", params=params)


def _without_a_row(evidence: Evidence, occasion: datetime) -> Because:
    """The schedule named the occasion, and nothing is on record of it yet, or any more."""
    task, params = evidence.task, {"due": occasion}
    if task is None:
        return _before_its_time(evidence, occasion)
    unplanned = task.next_fire_at is not None and task.next_fire_at <= occasion
    if unplanned and task.state is TaskState.PAUSED:
        return Because(code="paused", params=params, change=evidence.paused(occasion))
    return Because(code="not_planned_yet" if unplanned else "no_record", params=params)
