"""When a task's turns come: by its trigger alone, or by its trigger under its calendar."""

from dataclasses import replace
from datetime import datetime

from dispatchserver.domain.calendartrigger import (
    CalendarTrigger,
    check_calendar_trigger,
)
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.excluded import ExcludedOccasions
from dispatchserver.domain.fire import Fire, MissedRun, Reason, skipped_fire
from dispatchserver.domain.fireids import scheduled_id
from dispatchserver.domain.moments import MILLISECOND
from dispatchserver.domain.occasions import Fires, newest, run_between, run_of
from dispatchserver.domain.task import Task
from dispatchserver.domain.triggers import waits_for_completion


def under_calendar(task: Task) -> CalendarTrigger | None:
    """The task's trigger under its calendar; None when it has no calendar."""
    if task.edition is None:
        return None
    return CalendarTrigger(
        trigger=task.trigger,
        calendar=task.edition.calendar,
        shift=task.spec.policies.shift,
        since=task.spec_since,
    )


def timetable(task: Task) -> Fires:
    """What says when the task fires."""
    return under_calendar(task) or task.trigger


def next_turn(task: Task, moment: datetime) -> datetime | None:
    """When the task's first turn after `moment` comes: a fire, or an excluded occasion."""
    calendar = under_calendar(task)
    if calendar is None:
        return task.trigger.next_after(moment)
    turn = calendar.turn_after(moment)
    return None if turn is None else turn.at


def next_fire(task: Task) -> datetime | None:
    """The first fire that is not planned yet, as people are told it."""
    if task.next_fire_at is None or task.edition is None:
        return task.next_fire_at
    return timetable(task).next_after(task.next_fire_at - MILLISECOND)


def first_turn(task: Task, now: datetime) -> datetime | None:
    """The first turn at or after `now`; raises Invalid when the calendar leaves it no fire."""
    calendar = under_calendar(task)
    if calendar is not None:
        if waits_for_completion(task.spec.trigger):
            raise Invalid("calendar.fixed_delay")
        check_calendar_trigger(calendar, now)
    return next_turn(task, now - MILLISECOND)


def excluded_fire(task: Task, run: MissedRun, now: datetime) -> Fire:
    """The row of a run of excluded occasions; it stands at the first of them, for it is written when that is due."""
    row = skipped_fire(task, run, Reason.CALENDAR, max(now, run.first))
    return replace(row, id=scheduled_id(task, run.first), due_at=run.first, run_at=run.first)


def missed_run(task: Task, first: datetime, until: datetime) -> MissedRun:
    """All turns of the task from `first` (itself one) up to `until`, excluded or not, as one run."""
    calendar = under_calendar(task)
    if calendar is None:
        return run_between(task.trigger, first, until)
    excluded = excluded_run(calendar, first, until)
    fire = calendar.next_after(first - MILLISECOND)
    ends = [first]
    if excluded is not None:
        ends.append(newest(calendar.trigger, excluded.first, min(excluded.last, until)))
    if fire is not None and fire <= until:
        ends.append(newest(calendar, fire, until))
    return MissedRun(first=first, last=max(ends), count=None)


def excluded_run(calendar: CalendarTrigger, first: datetime, now: datetime) -> MissedRun | None:
    """All excluded occasions from `first` up to `now`, and on to the next working day, as one run; None when
    there are none up to now.
    """
    excluded = ExcludedOccasions(calendar, calendar.end_of_run(now))
    start = excluded.next_after(first - MILLISECOND)
    if start is None or start > now:
        return None
    last = newest(excluded, start, now)
    return run_of(excluded, start, newest(excluded, last, calendar.end_of_run(last)))
