"""Reads and fills the forms of calendars: a date or a range a line. Pure."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from dispatchserver.domain.calendar import FIRST_DATE, LAST_DATE, DateRange
from dispatchserver.domain.calendarspec import (
    Absence,
    CalendarKey,
    CalendarSpec,
    StoredCalendar,
    check_calendar_name,
    check_title,
)
from dispatchserver.domain.errors import Invalid, Refused
from dispatchserver.domain.excerpts import excerpt
from dispatchserver.domain.faults import Faults
from dispatchserver.domain.nationaldays import NationalAsked, read_years
from dispatchserver.domain.task import DEFAULT_NAMESPACE, check_note
from dispatchserver.pages.formviews import SummaryLine
from dispatchserver.pages.words import Viewer

Form = Mapping[str, str]
T = TypeVar("T")

ORDER = (
    *("version", "name", "note", "weekdays", "excluded", "working"),
    *("country", "subdivision", "years", "title", "text"),
)
LINES_LIMIT = 10_000
FAULTS_LIMIT = 10
WEEK = range(1, 8)
_ISO = r"\d{4}-\d{2}-\d{2}"
_LINE = re.compile(rf"({_ISO})(?:\s*(?:\.\.|~|至)\s*({_ISO}))?(?:\s+(.*))?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarForm:
    """A form as it is shown: what was typed, and what is wrong with it."""

    values: Form
    faults: Mapping[str, Sequence[str]]
    summary: Sequence[SummaryLine]

    def value(self, name: str) -> str:
        return self.values.get(name, "")

    def of(self, name: str) -> Sequence[str]:
        """The faults of this field."""
        return self.faults.get(name, ())


def calendar_form(values: Form, refused: Refused | None, viewer: Viewer) -> CalendarForm:
    """The form with these values; what was refused is said on top and at its field."""
    found = sorted(refused.faults if refused else (), key=lambda fault: ORDER.index(fault.field))
    faults: dict[str, list[str]] = {}
    summary = []
    for fault in found:
        problem = viewer.say(fault.code, **fault.params)
        faults.setdefault(fault.field, []).append(problem)
        label = viewer.say(f"calform.{fault.field}.label")
        text = viewer.say("fault.line", field=label, problem=problem)
        summary.append(SummaryLine(field=fault.field, text=text))
    return CalendarForm(values=values, faults=faults, summary=summary)


def calendar_fields(stored: StoredCalendar) -> dict[str, str]:
    """The fields of a form that would make this very calendar again."""
    spec = stored.spec
    return {
        "name": stored.key.name,
        "version": str(stored.version),
        "note": spec.note,
        "excluded": "\n".join(map(_absence_line, spec.excluded)),
        "working": "\n".join(day.isoformat() for day in spec.working),
        **{f"weekday-{weekday}": "1" for weekday in spec.weekdays},
    }


def read_new(form: Form) -> tuple[CalendarKey, CalendarSpec]:
    """The calendar that is to be made; raises Refused with all faults."""
    faults = Faults()
    key, spec = _key(form, faults), _spec(form, faults)
    faults.raise_if_any()
    return key, spec


def read_spec(form: Form) -> CalendarSpec:
    """What a calendar is to say; raises Refused with all faults."""
    faults = Faults()
    spec = _spec(form, faults)
    faults.raise_if_any()
    return spec


def read_asked(form: Form, lang: str) -> tuple[CalendarKey, NationalAsked]:
    """The calendar, and whose holidays of which years it is to have; raises Refused with all faults."""
    faults = Faults()
    key = _key(form, faults)
    years: tuple[int, ...] = ()
    country = form.get("country", "").strip()
    if not country:
        faults.add("country", "fault.required")
    with faults.at("years"):
        years = read_years(form.get("years", ""))
    faults.raise_if_any()
    subdivision = form.get("subdivision", "").strip() or None
    return key, NationalAsked(
        country=country,
        subdivision=subdivision,
        years=years,
        weekend="weekend" in form,
        lang=lang,
    )


def read_import(form: Form) -> tuple[CalendarKey, str, str]:
    """The calendar, the iCalendar text, and what its dates are to be called; raises Refused with all faults."""
    faults = Faults()
    key, title = _key(form, faults), form.get("title", "").strip()
    with faults.at("title"):
        check_title(title)
    text = imported_text(form)
    if not text.strip():
        faults.add("text", "calendar.nothing_to_import")
    faults.raise_if_any()
    return key, text, title


def imported_text(form: Form) -> str:
    """The file's text where one was sent, else what was pasted."""
    return (form.get("file") or form.get("text", "")).removeprefix("\ufeff")


def _key(form: Form, faults: Faults) -> CalendarKey:
    name = form.get("name", "").strip()
    if not name:
        faults.add("name", "fault.required")
    else:
        with faults.at("name"):
            check_calendar_name(name)
    return CalendarKey(namespace=DEFAULT_NAMESPACE, name=name)


def _spec(form: Form, faults: Faults) -> CalendarSpec:
    note = form.get("note", "").strip().replace("\r\n", "\n")
    with faults.at("note"):
        check_note(note)
    return CalendarSpec(
        weekdays=tuple(weekday for weekday in WEEK if f"weekday-{weekday}" in form),
        excluded=tuple(sorted(set(_read_lines(form, "excluded", _absence, faults)))),
        working=tuple(sorted(set(_read_lines(form, "working", _working_day, faults)))),
        note=note,
    )


def _absence_line(away: Absence) -> str:
    first, last = away.dates.first, away.dates.last
    dates = first.isoformat() if first == last else f"{first.isoformat()}..{last.isoformat()}"
    return f"{dates} {away.title}".rstrip()


def _read_lines(
    form: Form, field: str, read: Callable[[re.Match[str]], T], faults: Faults
) -> Iterator[T]:
    """What each line says; at most some faults, since who pasted the wrong text needs no thousand."""
    lines = form.get(field, "").splitlines()
    if len(lines) > LINES_LIMIT:
        faults.add(field, "calendar.too_many_lines", limit=LINES_LIMIT)
        return
    wrong = 0
    for number, text in enumerate(map(str.strip, lines), 1):
        if not text:
            continue
        try:
            yield read(_matched(text))
        except Invalid as invalid:
            wrong += 1
            if wrong <= FAULTS_LIMIT:
                faults.add(field, invalid.code, line=number, found=excerpt(text))


def _matched(text: str) -> re.Match[str]:
    match = _LINE.fullmatch(text)
    if match is None:
        raise Invalid("calendar.line")
    return match


def _absence(line: re.Match[str]) -> Absence:
    first = _date(line[1])
    last = _date(line[2]) if line[2] else first
    if last < first:
        raise Invalid("calendar.line_backwards")
    try:
        return Absence(DateRange(first, last), check_title(line[3] or ""))
    except Invalid as error:
        raise Invalid("calendar.line_title") from error


def _working_day(line: re.Match[str]) -> date:
    if line[2] or line[3]:
        raise Invalid("calendar.line_working")
    return _date(line[1])


def _date(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise Invalid("calendar.line_date") from error
    if not FIRST_DATE <= day <= LAST_DATE:
        raise Invalid("calendar.line_date")
    return day
