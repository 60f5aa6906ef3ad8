"""What a schedule means, as the pages show it: words, next turns, how often, what may surprise. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from dispatchserver.domain.calendar import Edition, Shift
from dispatchserver.domain.calendartrigger import (
    CalendarTrigger,
    Exclusion,
    Turn,
    check_calendar_trigger,
)
from dispatchserver.domain.errors import Refused
from dispatchserver.domain.explaining import Explanation, explain
from dispatchserver.domain.fixeddelay import FixedDelayTrigger
from dispatchserver.domain.moments import MILLISECOND
from dispatchserver.domain.task import Task, TaskState
from dispatchserver.domain.timetable import under_calendar
from dispatchserver.domain.triggers import Trigger, waits_for_completion
from dispatchserver.pages.faults import say_line
from dispatchserver.pages.words import Moment, Viewer
from dispatchserver.wording import say_description, say_notice, say_rate

UPCOMING = 10
REQUIRED = "fault.required"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upcoming:
    """One of the next occasions; `note` says what a calendar does to it, `excluded` that it does not fire."""

    at: Moment
    note: str = ""
    excluded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """A schedule explained, or why it cannot be; all empty where nothing is typed yet."""

    words: str = ""
    calendar: str = ""
    turns: Sequence[Upcoming] = ()
    zone: str = ""
    rate: str = ""
    notices: Sequence[str] = ()
    faults: Sequence[str] = ()


def preview(
    trigger: Trigger, viewer: Viewer, edition: Edition | None = None, shift: Shift = Shift.SKIP
) -> Preview:
    """What this trigger would do if it were added now; raises Invalid when the calendar leaves it no fire."""
    now = viewer.now
    trigger = trigger.anchored(now)
    if edition is None:
        return _explained(trigger, viewer, None)
    calendar = edition.calendar
    under = CalendarTrigger(trigger=trigger, calendar=calendar, shift=shift, since=now)
    check_calendar_trigger(under, now)
    words = viewer.say(f"preview.calendar.{shift}", name=edition.name)
    return replace(_explained(trigger, viewer, under), calendar=words)


def explained(task: Task, viewer: Viewer) -> Preview:
    """What this task does from now on."""
    trigger = task.trigger
    shown = _explained(trigger, viewer, under_calendar(task))
    if waits_for_completion(trigger):
        next_at = viewer.moment_if_any(task.next_fire_at, trigger.zone)
        return replace(shown, turns=[Upcoming(at=next_at)] if next_at else ())
    return shown


def awaited(task: Task, viewer: Viewer) -> str:
    """When a task that waits for its fire to end goes on; empty for any other."""
    trigger, over = task.spec.trigger, task.state is TaskState.FINISHED
    if not isinstance(trigger, FixedDelayTrigger) or over or task.next_fire_at is not None:
        return ""
    return viewer.say("page.awaited", delay=viewer.span(trigger.delay))


def _explained(trigger: Trigger, viewer: Viewer, under: CalendarTrigger | None) -> Preview:
    just_before, zone = viewer.now - MILLISECOND, trigger.zone
    explanation = explain(trigger, just_before, UPCOMING)
    # nobody can tell the fires of one that waits, which does not mean that there are none
    waits = waits_for_completion(trigger)
    notices = [n for n in explanation.notices if not (waits and n.code == "never")]
    return Preview(
        words=say_description(explanation.description, viewer.lang),
        turns=list(_turns(under, just_before, viewer))
        if under
        else [Upcoming(at=viewer.moment(fire, zone)) for fire in explanation.fires],
        zone=zone.key,
        rate="" if under else _rate(explanation, viewer),
        notices=[say_notice(notice, zone, viewer.lang) for notice in notices],
    )


def _turns(under: CalendarTrigger, moment: datetime, viewer: Viewer) -> Iterator[Upcoming]:
    for turn in under.turns(moment, UPCOMING):
        yield Upcoming(
            at=viewer.moment(turn.at, under.zone),
            note=_note(turn, under.zone, viewer),
            excluded=isinstance(turn, Exclusion),
        )


def _note(turn: Turn, zone: ZoneInfo, viewer: Viewer) -> str:
    """What the calendar does to it; nothing for a fire at its own time."""
    if not isinstance(turn, Exclusion):
        moved = turn.moved_from
        return "" if moved is None else viewer.say("preview.moved", date=moved.isoformat())
    if turn.run.first == turn.run.last:
        return viewer.say("preview.excluded.one")
    last = viewer.moment(turn.run.last, zone).text
    if turn.run.count is None:
        return viewer.say("preview.excluded.uncounted", last=last)
    return viewer.say("preview.excluded.many", last=last, count=f"{turn.run.count:,}")


def _rate(explanation: Explanation, viewer: Viewer) -> str:
    """How often; nothing where one fire or none is left, since that is seen."""
    return say_rate(explanation, viewer.lang) if len(explanation.fires) > 1 else ""


def unexplained(refused: Refused, viewer: Viewer) -> Preview:
    """Why the fields say no schedule; what is merely missing is no fault yet."""
    faults = [fault for fault in refused.faults if fault.code != REQUIRED]
    return Preview(faults=[say_line(fault, viewer) for fault in faults])
