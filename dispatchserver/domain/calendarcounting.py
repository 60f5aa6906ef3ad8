"""How often a trigger fires under a calendar: by arithmetic between excluded days, or walked a bounded way."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time

from dispatchserver.domain.calendar import DAY, Shift
from dispatchserver.domain.calendartrigger import CalendarTrigger
from dispatchserver.domain.counting import LONGEST_WALK, Count, fires_between
from dispatchserver.domain.moments import MILLISECOND
from dispatchserver.domain.trigger import CronTrigger, SimpleTrigger


def fires_under(trigger: CalendarTrigger, after: datetime, until: datetime) -> Count:
    """How many fires lie after one moment up to another. Where some are moved and many stay, only these count."""
    beneath = trigger.trigger
    if not isinstance(beneath, CronTrigger | SimpleTrigger):
        return fires_between(trigger, after, until)
    stretches = _worked(trigger, after, until)
    total = sum(fires_between(beneath, first, last).number for first, last in stretches)
    if trigger.shift is Shift.SKIP:
        return Count(total)
    if total > LONGEST_WALK:
        return Count(total, exact=False)
    return fires_between(trigger, after, until)


def _worked(
    trigger: CalendarTrigger, after: datetime, until: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """The stretches of days that are not excluded: what lies after the one moment, up to the other."""
    day, last = (moment.astimezone(trigger.zone).date() for moment in (after, until))
    first: date | None = None
    while day <= last + DAY:
        is_worked = day <= last and not trigger.calendar.is_excluded(day)
        if is_worked and first is None:
            first = day
        if not is_worked and first is not None:
            begin, end = _before(trigger, first), _before(trigger, day)
            yield max(after, begin), min(until, end)
            first = None
        day += DAY


def _before(trigger: CalendarTrigger, day: date) -> datetime:
    """The last moment before this date."""
    return datetime.combine(day, time(), trigger.zone).astimezone(UTC) - MILLISECOND
