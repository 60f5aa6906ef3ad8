"""The use cases of calendars: what the dialects ask of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from dispatchserver.domain.calendar import DAY, DateRange
from dispatchserver.domain.calendarspec import (
    CalendarKey,
    CalendarSpec,
    DecideDays,
    StoredCalendar,
    check_calendar,
)
from dispatchserver.domain.errors import CalendarNotFound, Invalid
from dispatchserver.domain.ical import read_ical
from dispatchserver.ports import Actor, Calendars, Clock, LookBy

PREVIEW_DAYS = 731
YEARS_AHEAD = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewDay:
    """An excluded date, or one that is worked although its weekday or a range says otherwise."""

    day: date
    excluded: bool
    title: str


class CalendarCases:
    """Every change is durable, and the tasks under the calendar are planned by it, when its method returns."""

    def __init__(self, calendars: Calendars, clock: Clock, zone: ZoneInfo, plan_by: LookBy) -> None:
        self._calendars = calendars
        self._clock = clock
        self._zone = zone
        self._plan_by = plan_by

    async def put(self, key: CalendarKey, spec: CalendarSpec, actor: Actor) -> StoredCalendar:
        """Makes the calendar, or changes it to this; raises Invalid."""
        return await self._put(key, lambda standing: spec, actor)

    async def add_ical(
        self, key: CalendarKey, text: str, title: str, actor: Actor
    ) -> StoredCalendar:
        """Adds the dates that an iCalendar text names, making the calendar where there is none; raises Invalid."""
        today = self.today()
        window = DateRange(date(today.year - 1, 1, 1), date(today.year + YEARS_AHEAD, 12, 31))
        dates = read_ical(text, self._zone, window)
        return await self._put(key, _adding(dates, title), actor)

    async def _put(self, key: CalendarKey, decide: DecideDays, actor: Actor) -> StoredCalendar:
        today = self.today()
        done = await self._calendars.put(
            key,
            lambda standing: check_calendar(decide(standing), today),
            actor,
            self._clock.now(),
        )
        if done.next_fire_at is not None:
            self._plan_by(done.next_fire_at)
        return done.calendar

    def today(self) -> date:
        """The date in the server's zone."""
        return self._clock.now().astimezone(self._zone).date()

    async def find(self, key: CalendarKey) -> StoredCalendar:
        """The calendar; raises CalendarNotFound with the nearest names."""
        found = await self._calendars.find(key)
        if found is None:
            standing = await self._calendars.list(key.namespace)
            raise CalendarNotFound(key.name, [calendar.key.name for calendar in standing])
        return found

    async def list(self, namespace: str) -> Sequence[StoredCalendar]:
        """All calendars, by name."""
        return await self._calendars.list(namespace)

    async def delete(self, key: CalendarKey, actor: Actor) -> None:
        """Forgets the calendar; raises CalendarNotFound, CalendarInUse."""
        await self._calendars.delete(key, actor, self._clock.now())

    async def preview(self, key: CalendarKey, shown: DateRange) -> Sequence[PreviewDay]:
        """The dates in this range that are excluded, and those made up; raises CalendarNotFound, Invalid."""
        if not 0 <= (shown.last - shown.first).days < PREVIEW_DAYS:
            raise Invalid("calendar.span", days=PREVIEW_DAYS - 1)
        return _preview((await self.find(key)).spec, shown)


def _adding(dates: Sequence[DateRange], title: str) -> DecideDays:
    def decide(standing: StoredCalendar | None) -> CalendarSpec:
        spec = CalendarSpec() if standing is None else standing.spec
        return spec.with_dates(dates, title)

    return decide


def _preview(spec: CalendarSpec, shown: DateRange) -> Sequence[PreviewDay]:
    calendar, made_up = spec.calendar(), frozenset(spec.working)
    days = [shown.first + n * DAY for n in range((shown.last - shown.first).days + 1)]
    return [
        PreviewDay(day=day, excluded=excluded, title=spec.title_of(day))
        for day in days
        if (excluded := calendar.is_excluded(day)) or day in made_up
    ]
