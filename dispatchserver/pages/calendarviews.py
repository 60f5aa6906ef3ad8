"""What the calendar pages show, as plain values: the list, and a year with its days told apart. Pure."""

from calendar import Calendar as Weeks
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from dispatchserver.domain.calendar import DAY, LAST_DATE, Calendar, DateRange
from dispatchserver.domain.calendarspec import Absence, CalendarSpec, StoredCalendar
from dispatchserver.pages.queries import link
from dispatchserver.pages.words import Viewer, one_line, visible
from dispatchserver.wording.listing import name_of

NOTE_SHOWN = 120
WEEKS = 14 * DAY
WEEK = range(1, 8)


class DayKind(StrEnum):
    """How a date stands out: a weekly day of rest, an excluded date, or one made up for."""

    PLAIN = "plain"
    REST = "rest"
    AWAY = "away"
    MADE_UP = "made"


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One date of a year; `words` says what is special about it."""

    day: date
    kind: DayKind
    today: bool
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """A month as weeks of seven days, Monday first; None where a day belongs to another month."""

    name: str
    weeks: Sequence[Sequence[Day | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeRow:
    """One excluded range: its dates, on which weekdays they lie, how many they are."""

    first: str
    last: str
    weekdays: str
    days: int
    title: str
    past: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class YearView:
    """A calendar over one year."""

    year: int
    months: Sequence[Month]
    excluded: int
    ranges: Sequence[RangeRow]
    made_up: Sequence[tuple[str, str]]
    rest: str
    before_url: str
    after_url: str
    this_year_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarRow:
    """One calendar in the list. `next_day` is the next excluded date, `next_words` what it is."""

    name: str
    note: str
    url: str
    edit_url: str
    delete_url: str
    excluded: int
    tasks: int
    next_day: str
    next_words: str


def calendar_row(stored: StoredCalendar, tasks: int, today: date, viewer: Viewer) -> CalendarRow:
    """One line of the list."""
    spec, name = stored.spec, stored.key.name
    calendar = spec.calendar()
    following = _next_excluded(spec, calendar, today)
    return CalendarRow(
        name=name,
        note=one_line(spec.note, NOTE_SHOWN),
        url=calendar_url(name),
        edit_url=link("/calendar/edit", name=name),
        delete_url=link("/calendar/delete", name=name),
        excluded=sum(calendar.is_excluded(day) for day in _days_of(today.year)),
        tasks=tasks,
        next_day="" if following is None else following.isoformat(),
        next_words="" if following is None else _said(spec, following, viewer),
    )


def calendar_url(name: str, **more: str) -> str:
    """The page of a calendar."""
    return link("/calendar", name=name, **more)


def year_view(stored: StoredCalendar, year: int, today: date, viewer: Viewer) -> YearView:
    """The calendar's days of this year."""
    spec, name = stored.spec, stored.key.name
    calendar = spec.calendar()
    shown = [
        away for away in spec.excluded if away.dates.first.year <= year <= away.dates.last.year
    ]
    days = _Days(calendar, frozenset(spec.working), _titles(shown, year), today, viewer)
    return YearView(
        year=year,
        months=[_month(year, month, days, viewer) for month in range(1, 13)],
        excluded=sum(calendar.is_excluded(day) for day in _days_of(year)),
        ranges=[_range_row(away, today, viewer) for away in shown],
        made_up=[
            (day.isoformat(), _weekday(day, viewer)) for day in spec.working if day.year == year
        ],
        rest=viewer.say("words.join.comma").join(
            name_of("weekdays", viewer.lang, weekday) for weekday in spec.weekdays
        ),
        before_url=calendar_url(name, year=str(year - 1)),
        after_url=calendar_url(name, year=str(year + 1)),
        this_year_url="" if year == today.year else calendar_url(name),
    )


@dataclass(frozen=True, slots=True)
class _Days:
    calendar: Calendar
    working: frozenset[date]
    titles: dict[date, str]
    today: date
    viewer: Viewer

    def day(self, day: date) -> Day:
        kind = self._kind(day)
        return Day(day=day, kind=kind, today=day == self.today, words=self._words(day, kind))

    def _kind(self, day: date) -> DayKind:
        if day in self.working:
            return DayKind.MADE_UP
        if day in self.titles:
            return DayKind.AWAY
        return DayKind.REST if self.calendar.is_excluded(day) else DayKind.PLAIN

    def _words(self, day: date, kind: DayKind) -> str:
        if kind is DayKind.PLAIN:
            return ""
        title = visible(self.titles.get(day, "")) if kind is DayKind.AWAY else ""
        word = self.viewer.say(f"page.calendar.kind.{kind}")
        return self.viewer.say("page.calendar.titled", kind=word, title=title) if title else word


def _month(year: int, month: int, days: _Days, viewer: Viewer) -> Month:
    weeks = Weeks().monthdatescalendar(year, month)
    return Month(
        name=name_of("months", viewer.lang, month),
        weeks=[[days.day(day) if day.month == month else None for day in week] for week in weeks],
    )


def _titles(shown: Sequence[Absence], year: int) -> dict[date, str]:
    """The excluded dates of the year, each with the first title that is said of it."""
    found: dict[date, str] = {}
    for away in shown:
        for day in _clipped(away.dates, year):
            found[day] = found.get(day) or away.title
    return found


def _clipped(dates: DateRange, year: int) -> Sequence[date]:
    first, last = max(dates.first, date(year, 1, 1)), min(dates.last, date(year, 12, 31))
    return [first + n * DAY for n in range((last - first).days + 1)]


def _range_row(away: Absence, today: date, viewer: Viewer) -> RangeRow:
    first, last = away.dates.first, away.dates.last
    names = [_weekday(day, viewer) for day in dict.fromkeys((first, last))]
    return RangeRow(
        first=first.isoformat(),
        last="" if first == last else last.isoformat(),
        weekdays="—".join(names),
        days=(last - first).days + 1,
        title=visible(away.title),
        past=last < today,
    )


def _next_excluded(spec: CalendarSpec, calendar: Calendar, today: date) -> date | None:
    """The next excluded date; a weekly day of rest where no date is named."""
    named = (_first_excluded(calendar, each.dates, today) for each in spec.excluded)
    found = min((day for day in named if day is not None), default=None)
    return found or _first_excluded(
        calendar, DateRange(today, min(today + WEEKS, LAST_DATE)), today
    )


def _first_excluded(calendar: Calendar, dates: DateRange, today: date) -> date | None:
    first = max(dates.first, today)
    days = (first + n * DAY for n in range((dates.last - first).days + 1))
    return next((day for day in days if calendar.is_excluded(day)), None)


def _said(spec: CalendarSpec, day: date, viewer: Viewer) -> str:
    """What people call an excluded date, or which weekday it is."""
    return visible(spec.title_of(day)) or _weekday(day, viewer)


def _weekday(day: date, viewer: Viewer) -> str:
    return name_of("weekdays", viewer.lang, day.isoweekday())


def _days_of(year: int) -> Sequence[date]:
    return [
        date(year, 1, 1) + n * DAY for n in range((date(year + 1, 1, 1) - date(year, 1, 1)).days)
    ]
