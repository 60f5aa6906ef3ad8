"""When a task's turns come: by its trigger alone, or by its trigger under its calendar."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, time

from dispatchserver.domain.calendar import DAY
from dispatchserver.domain.calendartrigger import (
    CalendarTrigger,
    check_calendar_trigger,
)
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.fire import Fire, MissedRun, Reason, fire_id, skipped_fire
from dispatchserver.domain.moments import MILLISECOND
from dispatchserver.domain.occasions import Fires, newest, run_between
from dispatchserver.domain.task import Task
from dispatchserver.domain.triggers import waits_for_completion

RUNS_LIMIT = 8
STRETCHES_LIMIT = 400


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


def first_after(fires: Fires, moment: datetime, count: int) -> list[datetime]:
    """At most `count` fires after `moment`, in order."""
    found: list[datetime] = []
    while len(found) < count and (at := fires.next_after(found[-1] if found else moment)):
        found.append(at)
    return found


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
    return replace(row, id=fire_id(task, run.first), due_at=run.first, run_at=run.first)


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
    """All excluded occasions from `first` up to `now` as one run; None when there are none.

    Looks at one occasion between two excluded dates, however many there are. Past eight runs the end is
    found by a jump and the count left open.
    """
    found: list[MissedRun] = []
    moment, today = first - MILLISECOND, _date(calendar, now)
    for _ in range(STRETCHES_LIMIT):
        named = calendar.trigger.next_after(moment)
        if named is None or named > now:
            return _folded(found)
        day = _date(calendar, named)
        if not calendar.calendar.is_excluded(day):
            while day < today and not calendar.calendar.is_excluded(day + DAY):
                day += DAY
            moment = max(named, _end(calendar, day))
            continue
        if len(found) == RUNS_LIMIT:
            break
        run = run_between(calendar.trigger, named, calendar.end_of_run(named))
        found.append(run)
        moment = run.last
    return _uncounted(calendar, found, now)


def _uncounted(
    calendar: CalendarTrigger, found: list[MissedRun], now: datetime
) -> MissedRun | None:
    """The runs found, and those up to the newest excluded occasion, as one of unknown count."""
    if not found:
        return None
    last, day = found[-1].last, _date(calendar, now)
    for _ in range(STRETCHES_LIMIT):
        while not calendar.calendar.is_excluded(day):
            day -= DAY
        until = min(now, _end(calendar, day))
        if until <= last:
            break
        latest = newest(calendar.trigger, last, until)
        day = _date(calendar, latest)
        if calendar.calendar.is_excluded(day):
            last = latest
            break
    return MissedRun(first=found[0].first, last=last, count=None)


def _date(calendar: CalendarTrigger, moment: datetime) -> date:
    return moment.astimezone(calendar.zone).date()


def _end(calendar: CalendarTrigger, day: date) -> datetime:
    """The last moment of a date."""
    following = datetime.combine(day + DAY, time(), calendar.zone)
    return following.astimezone(UTC) - MILLISECOND


def _folded(runs: list[MissedRun]) -> MissedRun | None:
    if not runs:
        return None
    return MissedRun(first=runs[0].first, last=runs[-1].last, count=_sum(r.count for r in runs))


def _sum(counts: Iterable[int | None]) -> int | None:
    total = 0
    for count in counts:
        if count is None:
            return None
        total += count
    return total
