"""The use cases of calendars: what the dialects ask of them."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from dispatchserver.domain.calendar import DAY, DateRange
from dispatchserver.domain.calendarspec import (
    Absence,
    CalendarKey,
    CalendarSpec,
    DecideDays,
    StoredCalendar,
    check_calendar,
)
from dispatchserver.domain.errors import CalendarChanged, CalendarNotFound, Invalid
from dispatchserver.domain.ical import read_ical
from dispatchserver.domain.nationaldays import (
    NationalAsked,
    NationalDays,
    NationalSource,
    with_national_days,
)
from dispatchserver.engine.tasks import Wakes
from dispatchserver.ports import Actor, Clock
from dispatchserver.registries import Calendars

PREVIEW_DAYS = 731
YEARS_AHEAD = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewDay:
    """An excluded date, or one that is worked although its weekday or a range says otherwise."""

    day: date
    excluded: bool
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NationalPut:
    """A calendar as it stands with a country's days, and what they were."""

    calendar: StoredCalendar
    days: NationalDays


class CalendarCases:
    """Every change is durable, and the tasks under the calendar are planned by it, when its method returns."""

    def __init__(
        self,
        calendars: Calendars,
        source: NationalSource,
        clock: Clock,
        zone: ZoneInfo,
        wakes: Wakes,
    ) -> None:
        self._calendars = calendars
        self._source = source
        self._clock = clock
        self._zone = zone
        self._wakes = wakes

    async def put(
        self, key: CalendarKey, spec: CalendarSpec, actor: Actor, expected: int | None = None
    ) -> StoredCalendar:
        """Makes the calendar, or changes it to this; raises Invalid.

        Raises CalendarChanged where it has not the `expected` version (0: there is none yet).
        """

        def decide(standing: StoredCalendar | None) -> CalendarSpec:
            version = 0 if standing is None else standing.version
            if expected not in (None, version):
                raise CalendarChanged(key.name)
            return spec

        return await self._put(key, decide, actor)

    async def add_ical(
        self, key: CalendarKey, text: str, title: str, actor: Actor
    ) -> StoredCalendar:
        """Adds the dates that an iCalendar text names, making the calendar where there is none; raises Invalid."""
        today = self.today()
        window = DateRange(date(today.year - 1, 1, 1), date(today.year + YEARS_AHEAD, 12, 31))
        dates = [Absence(each, title) for each in read_ical(text, self._zone, window)]
        return await self._put(key, _changing(lambda spec: spec.with_absences(dates)), actor)

    async def add_national(
        self, key: CalendarKey, asked: NationalAsked, actor: Actor
    ) -> NationalPut:
        """Adds a country's days, making the calendar where there is none; raises Refused, Invalid."""
        # loading what knows them, and working them out, must not hold up callbacks that are due
        days = await asyncio.to_thread(self._source.national_days, asked)
        change = _changing(lambda spec: with_national_days(spec, days))
        return NationalPut(calendar=await self._put(key, change, actor), days=days)

    async def countries(self) -> Mapping[str, str]:
        """The countries whose holidays are known, by code, with their English names."""
        return await asyncio.to_thread(self._source.countries)

    async def _put(self, key: CalendarKey, decide: DecideDays, actor: Actor) -> StoredCalendar:
        today = self.today()
        with self._wakes.closed(None) as strike:
            done = await self._calendars.put(
                key,
                lambda standing: check_calendar(decide(standing), today),
                actor,
                self._clock.now(),
            )
            strike(done.struck)
        if done.next_fire_at is not None:
            self._wakes.plan_by(done.next_fire_at)
        return done.calendar

    def today(self) -> date:
        """The date in the server's zone."""
        return self._clock.now().astimezone(self._zone).date()

    async def find(self, key: CalendarKey) -> StoredCalendar:
        """The calendar; raises CalendarNotFound with the nearest names."""
        found = await self._calendars.find(key)
        if found is None:
            standing = await self._calendars.list(key.namespace)
            raise CalendarNotFound(key.name, [calendar.key.name for calendar, _ in standing])
        return found

    async def list(self, namespace: str) -> Sequence[tuple[StoredCalendar, int]]:
        """All calendars, by name, each with how many tasks use it."""
        return await self._calendars.list(namespace)

    async def delete(self, key: CalendarKey, actor: Actor) -> None:
        """Forgets the calendar; raises CalendarNotFound, CalendarInUse."""
        await self._calendars.delete(key, actor, self._clock.now())

    async def preview(self, key: CalendarKey, shown: DateRange) -> Sequence[PreviewDay]:
        """The dates in this range that are excluded, and those made up; raises CalendarNotFound, Invalid."""
        if not 0 <= (shown.last - shown.first).days < PREVIEW_DAYS:
            raise Invalid("calendar.span", days=PREVIEW_DAYS - 1)
        return _preview((await self.find(key)).spec, shown)


def _changing(change: Callable[[CalendarSpec], CalendarSpec]) -> DecideDays:
    """A decision that goes on from what the calendar says, or from an empty one."""

    def decide(standing: StoredCalendar | None) -> CalendarSpec:
        return change(CalendarSpec() if standing is None else standing.spec)

    return decide


def _preview(spec: CalendarSpec, shown: DateRange) -> Sequence[PreviewDay]:
    calendar, made_up = spec.calendar(), frozenset(spec.working)
    days = [shown.first + n * DAY for n in range((shown.last - shown.first).days + 1)]
    return [
        PreviewDay(day=day, excluded=excluded, title=spec.title_of(day))
        for day in days
        if (excluded := calendar.is_excluded(day)) or day in made_up
    ]
