"""What the log and the page of one fire show, as plain values. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

from dispatchserver.domain.fire import (
    Fire,
    FireKind,
    FireState,
    MissedRun,
)
from dispatchserver.domain.jsontext import JsonValue
from dispatchserver.domain.recall import Recall, render_body
from dispatchserver.domain.retrypolicy import Retry
from dispatchserver.engine.limits import DestinationStatus
from dispatchserver.engine.tasks import FireHistory
from dispatchserver.pages.attemptviews import RESULT_CUT, TEXT_CUT, AttemptView, attempt_view
from dispatchserver.pages.destinationviews import DestinationRow, destination_row
from dispatchserver.pages.fields import pretty
from dispatchserver.pages.queries import link
from dispatchserver.pages.reportviews import NoteView, note_view, progress_words
from dispatchserver.pages.routefields import address_lines, as_called
from dispatchserver.pages.words import SECOND, Badge, Moment, Viewer, one_line, visible


@dataclass(frozen=True, slots=True, kw_only=True)
class FireRow:
    """One fire in the log."""

    id: str
    url: str
    group: str
    name: str
    task_url: str
    due: Moment
    kind: str
    shard: str
    manual: bool
    attempts: int
    state: Badge
    reason: str
    duration: str
    late: str
    result: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FirePage:
    """One fire with all that is known of it."""

    row: FireRow
    explanation: str
    missed: str
    address: str
    version: int
    priority: int
    node: str
    claimed: Moment | None
    finished: Moment | None
    run: Moment | None
    deadline: Moment | None
    give_up: Moment | None
    key: str
    losses: int
    result: str
    body: str
    attempts: Sequence[AttemptView]
    data: str
    over: bool
    replay_of: str
    places: Sequence[DestinationRow]
    progress: str
    progressed: Moment | None
    reports: Sequence[NoteView]


def fire_row(fire: Fire, zone: ZoneInfo, viewer: Viewer) -> FireRow:
    """One line of the log."""
    group, name = fire.key.group, fire.key.name
    return FireRow(
        id=fire.id,
        url=link("/fire", id=fire.id),
        group=group,
        name=name,
        task_url=link("/task", group=group, name=name),
        due=viewer.moment(fire.due_at, zone),
        kind=viewer.say(f"page.kind.{fire.kind}"),
        shard=_shard(fire, viewer),
        manual=fire.kind is FireKind.MANUAL,
        attempts=fire.attempts,
        state=viewer.fire_state(fire.state),
        reason=_standing(fire, viewer),
        duration=_duration(fire, viewer),
        late=_late(fire, viewer),
        result=one_line(fire.result or "", RESULT_CUT),
    )


def _shard(fire: Fire, viewer: Viewer) -> str:
    """Which one it is of a broadcast, counted from 1 as people do."""
    if fire.shards == 1:
        return ""
    return viewer.say("page.fire.shard_of", number=fire.shard + 1, count=fire.shards)


def _standing(fire: Fire, viewer: Viewer) -> str:
    """Why a fire ended, or is not under way yet, in a few words."""
    if fire.held:
        return viewer.say("page.held")
    if turn := fire.waits_behind:
        return viewer.say(f"page.turn.{turn}", key=_awaited(fire))
    if fire.state in (FireState.RUNNING, FireState.WAITING):
        return progress_words(fire, viewer)
    reason = viewer.reason(fire.reason)
    if fire.state is FireState.PENDING and reason and fire.run_at > viewer.now:
        return viewer.say("page.again", reason=reason, away=viewer.away(fire.run_at))
    return reason


def _awaited(fire: Fire) -> str:
    """The name of the key, or of the destinations, that it waits for."""
    return visible(fire.behind or fire.key_name or "")


def _duration(fire: Fire, viewer: Viewer) -> str:
    if fire.claimed_at is None or fire.finished_at is None or not fire.attempts:
        return ""
    return viewer.span(max(fire.finished_at - fire.claimed_at, timedelta(0)))


def _late(fire: Fire, viewer: Viewer) -> str:
    """How long after its time a fire was begun, when that is worth a word."""
    if fire.claimed_at is None or fire.claimed_at - fire.due_at < SECOND:
        return ""
    return viewer.span(fire.claimed_at - fire.due_at)


def fire_page(
    history: FireHistory,
    zone: ZoneInfo,
    viewer: Viewer,
    retry: Retry | None = None,
    places: Sequence[DestinationStatus] = (),
) -> FirePage:
    """All there is to say of one fire; `retry` is its task's policy, None where that is no longer known; `places`
    are the destinations that it waits for."""
    fire, recall = history.fire, as_called(history.recall, history.fire)
    waits = fire.state is FireState.PENDING and fire.run_at != fire.due_at
    progress = fire.current_progress
    return FirePage(
        row=fire_row(fire, zone, viewer),
        explanation=explain(fire, zone, viewer, retry),
        missed=_missed(fire.missed, zone, viewer),
        address="" if recall is None else f"{recall.kind} {address_lines(recall)}",
        version=fire.version,
        priority=fire.priority,
        node=fire.claimed_by or "",
        claimed=viewer.moment_if_any(fire.claimed_at, zone),
        finished=viewer.moment_if_any(fire.finished_at, zone),
        run=viewer.moment(fire.run_at, zone) if waits else None,
        deadline=viewer.moment_if_any(fire.deadline_at if fire.state.open else None, zone),
        give_up=viewer.moment_if_any(fire.give_up_at if fire.state.open else None, zone),
        key=visible(fire.key_name or ""),
        losses=fire.losses,
        result=visible(fire.result or "", TEXT_CUT),
        body=_body(fire, recall),
        attempts=[attempt_view(attempt, zone, viewer) for attempt in history.attempts],
        data=data_text(None if recall is None else recall.data),
        over=not fire.state.open,
        replay_of=fire.replay_of or "",
        places=[destination_row(place, zone, viewer) for place in places],
        progress=progress_words(fire, viewer),
        progressed=viewer.moment_if_any(progress.at if progress else None, zone),
        reports=[note_view(note, zone, viewer) for note in history.notes],
    )


def data_text(data: JsonValue) -> str:
    """The data as they are typed: text as it is, everything else as JSON; nothing for none."""
    if data is None:
        return ""
    return data if isinstance(data, str) else pretty(data)


def explain(fire: Fire, zone: ZoneInfo, viewer: Viewer, retry: Retry | None) -> str:
    """What became of a fire, in a sentence or two."""
    if (
        fire.state is FireState.PENDING
        and not fire.held
        and not fire.waits_behind
        and fire.attempts
    ):
        text = _again(fire, zone, viewer, retry)
    else:
        key = "held" if fire.held else fire.waits_behind or str(fire.state)
        name = _awaited(fire)
        text = viewer.say(f"page.explain.{key}", attempts=fire.attempts, key=name)
    reason = viewer.reason(fire.reason)
    return viewer.say("page.explain.why", text=text, reason=reason) if reason else text


def _again(fire: Fire, zone: ZoneInfo, viewer: Viewer, retry: Retry | None) -> str:
    """Which attempt comes next, when, and until when; attempts lost with their node, or passed on, are not counted as used up."""
    at = viewer.moment(fire.run_at, zone)
    told = {"number": fire.attempts + 1, "at": f"{at.text} {at.offset}"}
    if retry is None:
        text = viewer.say("page.explain.again", **told)
    else:
        most = retry.pauses.most + 1 + fire.losses + fire.failovers
        text = viewer.say("page.explain.again_of", most=most, **told)
    if fire.give_up_at is None:
        return text
    until = viewer.moment(fire.give_up_at, zone)
    return viewer.say("page.explain.until", text=text, until=f"{until.text} {until.offset}")


def _missed(missed: MissedRun | None, zone: ZoneInfo, viewer: Viewer) -> str:
    if missed is None:
        return ""
    first, last = viewer.moment(missed.first, zone), viewer.moment(missed.last, zone)
    span = {"first": f"{first.text} {first.offset}", "last": f"{last.text} {last.offset}"}
    if missed.count is None:
        return viewer.say("page.missed.many", **span)
    return viewer.say("page.missed.count", count=missed.count, **span)


def _body(fire: Fire, recall: Recall | None) -> str:
    return (
        ""
        if recall is None
        else visible(render_body(recall, fire.id, fire.shard, fire.shards).decode(), TEXT_CUT)
    )
