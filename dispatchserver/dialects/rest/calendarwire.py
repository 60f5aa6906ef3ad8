"""Calendars as JSON documents, and back with every fault named. Pure."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import TypeVar

from dispatchserver.documents.reading import read_date
from dispatchserver.domain import jsontext
from dispatchserver.domain.calendar import RANGES_LIMIT, WORKING_LIMIT, DateRange
from dispatchserver.domain.calendarspec import (
    Absence,
    CalendarSpec,
    StoredCalendar,
    check_calendar,
    check_title,
)
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.faults import Faults, naming
from dispatchserver.domain.fields import FieldReader, as_text
from dispatchserver.domain.jsontext import JsonValue
from dispatchserver.domain.moments import iso
from dispatchserver.domain.task import check_note
from dispatchserver.engine.calendars import PreviewDay

Doc = dict[str, JsonValue]
T = TypeVar("T")

KEYS = ("weekdays", "excluded", "working", "note")
RANGE_KEYS = ("first", "last", "title")
EXAMPLE = '{"first": "2026-10-01", "last": "2026-10-07", "title": "…"}'


def calendar_doc(stored: StoredCalendar) -> Doc:
    """A calendar as it stands."""
    spec = stored.spec
    return {
        "namespace": stored.key.namespace,
        "name": stored.key.name,
        "version": stored.version,
        "weekdays": list(spec.weekdays),
        **days_doc(spec.excluded, spec.working),
        "note": spec.note,
        "updated_at": iso(stored.updated_at),
        "updated_by": stored.updated_by,
    }


def days_doc(excluded: Sequence[Absence], working: Sequence[date]) -> Doc:
    """Excluded ranges and made-up dates."""
    ranges: list[JsonValue] = [
        {
            "first": away.dates.first.isoformat(),
            "last": away.dates.last.isoformat(),
            "title": away.title,
        }
        for away in excluded
    ]
    return {"excluded": ranges, "working": [day.isoformat() for day in working]}


def preview_doc(name: str, shown: DateRange, days: Sequence[PreviewDay]) -> Doc:
    """Which days of a range are excluded, and which are made up."""
    return {
        "name": name,
        "from": shown.first.isoformat(),
        "to": shown.last.isoformat(),
        "excluded": [
            {"date": each.day.isoformat(), "title": each.title} for each in days if each.excluded
        ],
        "working": [each.day.isoformat() for each in days if not each.excluded],
    }


def read_calendar(body: bytes, today: date) -> CalendarSpec:
    """The calendar that a body describes, with a date from today on left in it; raises Refused."""
    faults = Faults()
    doc = read_object(body, KEYS, faults)
    spec = CalendarSpec(
        weekdays=_weekdays(doc.get("weekdays"), faults),
        excluded=_absences(doc.get("excluded"), faults),
        working=_dates(doc.get("working"), faults),
        note=FieldReader(doc, faults).take("note", lambda v: check_note(as_text(v)), ""),
    )
    faults.raise_if_any()
    with faults.at("excluded"):
        check_calendar(spec, today)
    faults.raise_if_any()
    return spec


def read_object(body: bytes, known: tuple[str, ...], faults: Faults) -> Mapping[str, JsonValue]:
    """The JSON object of a body; empty where it is none, which is booked, as is every name not known."""
    doc: Mapping[str, JsonValue] = {}
    with faults.at("body"):
        doc = _object(body)
    _book_unknown(doc, known, "", faults)
    return doc


def read_text(body: bytes) -> str:
    """An iCalendar body as text; raises Refused."""
    text = ""
    with naming("body"):
        text = _decoded(body)
    return text.removeprefix("\ufeff")


def read_title(query: Mapping[str, str]) -> str:
    """What imported dates are to be called; raises Refused."""
    faults = Faults()
    _book_unknown(query, ("title",), "", faults)
    title = query.get("title", "")
    with faults.at("title", title):
        check_title(title)
    faults.raise_if_any()
    return title


def read_range(query: Mapping[str, str]) -> DateRange:
    """The days that a preview is about; raises Refused."""
    faults = Faults()
    _book_unknown(query, ("from", "to"), "", faults)
    first, last = (_date_at(name, query.get(name), faults) for name in ("from", "to"))
    faults.raise_if_any()
    return DateRange(first, last)


def _object(body: bytes) -> Mapping[str, JsonValue]:
    value = jsontext.loads(_decoded(body).removeprefix("\ufeff"))
    if not isinstance(value, Mapping):
        raise Invalid("field.object")
    return value


def _decoded(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise Invalid("wire.utf8") from error


def _book_unknown(
    doc: Mapping[str, object], known: tuple[str, ...], path: str, faults: Faults
) -> None:
    for name in doc:
        if name not in known:
            faults.add(f"{path}{name}", "field.unknown", doc[name], allowed=", ".join(known))


def _weekdays(value: JsonValue, faults: Faults) -> tuple[int, ...]:
    if value is None:
        return ()
    numbers = value if isinstance(value, list) else []
    good = [n for n in numbers if isinstance(n, int) and not isinstance(n, bool) and 1 <= n <= 7]
    if not isinstance(value, list) or len(good) != len(numbers):
        faults.add("weekdays", "calendar.weekday_list", value)
    return tuple(sorted(set(good)))


def _dates(value: JsonValue, faults: Faults) -> tuple[date, ...]:
    found = _items("working", value, _date_at, faults, "calendar.days", WORKING_LIMIT)
    return tuple(sorted(set(found)))


def _absences(value: JsonValue, faults: Faults) -> tuple[Absence, ...]:
    found = _items("excluded", value, _absence, faults, "calendar.ranges", RANGES_LIMIT)
    return tuple(sorted(set(found)))


def _items(
    field: str,
    value: JsonValue,
    read: Callable[[str, JsonValue, Faults], T],
    faults: Faults,
    code: str,
    limit: int,
) -> list[T]:
    """Each item of a list under its own name: excluded[2]."""
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > limit:
        faults.add(field, code, value, limit=limit, example=EXAMPLE)
        return []
    return [read(f"{field}[{n}]", item, faults) for n, item in enumerate(value)]


def _absence(path: str, value: JsonValue, faults: Faults) -> Absence:
    if not isinstance(value, Mapping):
        faults.add(path, "field.object", value)
        return Absence(DateRange(date.min, date.min))
    _book_unknown(value, RANGE_KEYS, f"{path}.", faults)
    first = _date_at(f"{path}.first", value.get("first"), faults)
    last = first if value.get("last") is None else _date_at(f"{path}.last", value["last"], faults)
    if date.min not in (first, last) and last < first:
        faults.add(
            f"{path}.last", "calendar.range_backwards", value["last"], first=first, last=last
        )
    title = ""
    with faults.at(f"{path}.title", value.get("title")):
        title = check_title(as_text(value.get("title") or ""))
    return Absence(DateRange(first, last), title)


def _date_at(path: str, value: object, faults: Faults) -> date:
    """The date; the first of all dates where it is missing or faulty (and then booked)."""
    if value is None or value == "":
        faults.add(path, "fault.required")
        return date.min
    try:
        return read_date(value)
    except Invalid as invalid:
        faults.add(path, invalid.code, value, **invalid.params)
        return date.min
