"""Reads iCalendar text (RFC 5545) as a list of dates: each date that an event touches.

Whole-day and timed events are read, with yearly and weekly repetition in their simple forms. Any
other form of repetition is refused by its name; nothing is guessed.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import NoReturn
from zoneinfo import ZoneInfo

from dispatchserver.domain.calendar import DAY, DateRange
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.excerpts import excerpt
from dispatchserver.domain.icalrules import Rule, read_rule
from dispatchserver.domain.trigger import find_zone

TEXT_LIMIT = 1_000_000
DATES_LIMIT = 5_000
RULES_LIMIT = 200
YEARS = range(1900, 3000)
LONGEST_EVENT = timedelta(days=366)
REFUSED = ("RDATE", "EXRULE", "RECURRENCE-ID")

_LINE = re.compile(
    r"(?P<name>[A-Za-z0-9-]+)(?P<params>(?:;[^:\"]*(?:\"[^\"]*\"[^:\"]*)*)?):(?P<value>.*)"
)
_DATE = re.compile(r"(\d{4})(\d{2})(\d{2})", re.ASCII)
_MOMENT = re.compile(r"(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})(Z?)", re.ASCII)
_DURATION = re.compile(
    r"\+?P(?:(\d{1,3})W|(?:(\d{1,3})D)?(?:T(?:(\d{1,4})H)?(?:(\d{1,5})M)?(?:(\d{1,6})S)?)?)",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Line:
    """A property of an event, and the number of its line."""

    name: str
    params: Mapping[str, str]
    value: str
    number: int


def read_ical(text: str, zone: ZoneInfo, window: DateRange) -> tuple[DateRange, ...]:
    """The dates its events touch by the clock of `zone`, repetitions within the window; raises Invalid."""
    if len(text) > TEXT_LIMIT:
        raise Invalid("calendar.ical_size", limit=TEXT_LIMIT)
    found: list[DateRange] = []
    repeating = 0
    for event in _events(text):
        found += _dates_of(event, zone, window)
        repeating += any(line.name == "RRULE" for line in event)
        if len(found) > DATES_LIMIT or repeating > RULES_LIMIT:
            raise Invalid("calendar.ical_too_many", dates=DATES_LIMIT, rules=RULES_LIMIT)
    if not found:
        raise Invalid("calendar.ical_empty")
    return tuple(sorted(set(found)))


def _events(text: str) -> Iterator[Sequence[Line]]:
    """The events, each as its own properties; those of alarms and time zones are left out."""
    inside: list[str] = []
    event: list[Line] = []
    for line in _lines(text):
        match line.name:
            case "BEGIN":
                inside.append(line.value.upper())
                event = [] if inside[-1] == "VEVENT" else event
            case "END":
                if [line.value.upper()] != inside[-1:]:
                    _refuse_line("calendar.ical_syntax", line)
                if inside.pop() == "VEVENT":
                    yield event
            case _ if inside[-1:] == ["VEVENT"]:
                event.append(line)
    if inside:
        raise Invalid("calendar.ical_cut", part=excerpt(inside[-1]))


def _lines(text: str) -> Iterator[Line]:
    """The logical lines: a line that begins with a blank goes on where the last one stopped."""
    number, parts = 1, [""]
    for at, raw in enumerate(re.split(r"\r?\n", text.removeprefix("\ufeff")), 1):
        if raw[:1] in (" ", "\t"):
            parts.append(raw[1:])
            continue
        if logical := "".join(parts):
            yield _line(logical, number)
        number, parts = at, [raw]
    if logical := "".join(parts).strip():
        yield _line(logical, number)


def _line(text: str, number: int) -> Line:
    match = _LINE.fullmatch(text)
    if match is None:
        raise Invalid("calendar.ical_syntax", line=number, found=excerpt(text[:40]))
    pairs = (part.partition("=") for part in match["params"].split(";")[1:])
    params = {name.upper(): value.strip('"') for name, _, value in pairs}
    return Line(match["name"].upper(), params, match["value"].strip(), number)


def _refuse_line(code: str, line: Line) -> NoReturn:
    raise Invalid(code, line=line.number, found=excerpt(f"{line.name}:{line.value}"[:40]))


def _dates_of(event: Sequence[Line], zone: ZoneInfo, window: DateRange) -> list[DateRange]:
    lines = {line.name: line for line in event}
    if "STATUS" in lines and lines["STATUS"].value.upper() == "CANCELLED":
        return []
    for name in REFUSED:
        if name in lines:
            _refuse_line("calendar.ical_unread", lines[name])
    start = lines.get("DTSTART")
    if start is None:
        raise Invalid("calendar.ical_start", line=event[0].number if event else 1)
    first = _touched(start, lines, zone)
    if "RRULE" not in lines:
        days: Iterable[date] = [first.first]
    else:
        days = _rule(lines["RRULE"]).dates(first.first, window)
    left_out = _left_out(event, zone)
    length = first.last - first.first
    kept = [DateRange(day, day + length) for day in days if day not in left_out]
    return [away for away in kept if away.first <= window.last and away.last >= window.first]


def _rule(line: Line) -> Rule:
    try:
        return read_rule(line.value)
    except Invalid as invalid:
        raise Invalid(invalid.code, line=line.number, **invalid.params) from invalid


def _touched(start: Line, lines: Mapping[str, Line], zone: ZoneInfo) -> DateRange:
    """The dates of the event itself: a whole day, up to before the end, or the days a timed one touches."""
    begin, end = _read(start, zone), _end(start, lines, zone)
    if isinstance(end, datetime):  # an event until midnight does not touch the next day
        last = (end - timedelta(microseconds=1) if end != begin else end).date()
    else:
        last = end - DAY if end != begin else end
    first = begin.date() if isinstance(begin, datetime) else begin
    if not timedelta(0) <= last - first <= LONGEST_EVENT:
        _refuse_line("calendar.ical_end", lines.get("DTEND", lines.get("DURATION", start)))
    return DateRange(first, last)


def _end(start: Line, lines: Mapping[str, Line], zone: ZoneInfo) -> date | datetime:
    begin = _read(start, zone)
    if "DTEND" in lines:
        end = _read(lines["DTEND"], zone)
        if isinstance(end, datetime) != isinstance(begin, datetime):
            _refuse_line("calendar.ical_end", lines["DTEND"])
        return end
    if "DURATION" in lines:
        return begin + _duration(lines["DURATION"])
    return begin


def _duration(line: Line) -> timedelta:
    match = _DURATION.fullmatch(line.value.upper())
    if match is None:
        _refuse_line("calendar.ical_end", line)
    weeks, days, hours, minutes, seconds = (int(number or 0) for number in match.groups())
    return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)


def _read(line: Line, zone: ZoneInfo) -> date | datetime:
    """A date, or a moment as the zone's clock shows it, without its zone."""
    match = _DATE.fullmatch(line.value) or _MOMENT.fullmatch(line.value)
    if match is None or int(match[1]) not in YEARS:
        _refuse_line("calendar.ical_date", line)
    try:
        day = date(int(match[1]), int(match[2]), int(match[3]))
        if match.re is _DATE:
            return day
        clock = time(int(match[4]), int(match[5]), min(int(match[6]), 59))  # 60: a leap second
    except ValueError:
        _refuse_line("calendar.ical_date", line)
    return _as_shown(datetime.combine(day, clock), line, zone, in_utc=bool(match[7]))


def _as_shown(wall: datetime, line: Line, zone: ZoneInfo, *, in_utc: bool) -> datetime:
    """A wall time of UTC, of the line's own zone, or of ours (a floating one), as our clock shows it."""
    if in_utc:
        return wall.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None)
    if "TZID" in line.params:
        own = find_zone(line.params["TZID"])
        return wall.replace(tzinfo=own).astimezone(zone).replace(tzinfo=None)
    return wall


def _left_out(event: Sequence[Line], zone: ZoneInfo) -> frozenset[date]:
    """The dates on which a repetition is left out."""
    found = []
    for line in event:
        if line.name == "EXDATE":
            for value in line.value.split(","):
                day = _read(Line(line.name, line.params, value, line.number), zone)
                found.append(day.date() if isinstance(day, datetime) else day)
    return frozenset(found)
