"""How an iCalendar event repeats: RRULE in the forms that holidays and days off are written in."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice
from typing import NoReturn

from dispatchserver.domain.calendar import DateRange
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.excerpts import excerpt

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
NUMBER_LIMIT = 1_000
ALLOWED = {
    "YEARLY": frozenset({"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYMONTH", "BYMONTHDAY"}),
    "WEEKLY": frozenset({"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY"}),
}

_UNTIL = re.compile(r"(\d{4})(\d{2})(\d{2})(?:T\d{6}Z?)?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Every n-th year on one date, or every n-th week on some weekdays, from an event's first date on."""

    yearly: bool
    interval: int = 1
    count: int | None = None
    until: date | None = None
    weekdays: tuple[int, ...] = ()
    month: int | None = None
    day: int | None = None
    week_start: int = 0

    def dates(self, first: date, window: DateRange) -> Iterator[date]:
        """The dates within the window; the event's own first date is one of them, and counts."""
        last = window.last if self.until is None else min(window.last, self.until)
        for day in islice(self._from(first, window.first), self.count):
            if day > last:
                return
            if day >= window.first:
                yield day

    def _from(self, first: date, wanted: date) -> Iterator[date]:
        """The event's first date, then those of the rule; unless they are counted, only from about `wanted` on."""
        yield first
        wanted = first if self.count is not None else wanted
        following = self._years(first) if self.yearly else self._weeks(first, wanted)
        yield from (day for day in following if day > first)

    def _years(self, first: date) -> Iterator[date]:
        """A year without the date (29 February) has none."""
        month, day = self.month or first.month, self.day or first.day
        for year in range(first.year, date.max.year, self.interval):
            try:
                yield date(year, month, day)
            except ValueError:
                continue

    def _weeks(self, first: date, wanted: date) -> Iterator[date]:
        offsets = sorted((day - self.week_start) % 7 for day in self.weekdays or (first.weekday(),))
        week = first - timedelta(days=(first.weekday() - self.week_start) % 7)
        step = timedelta(weeks=self.interval)
        week += max(0, (wanted - week) // step - 1) * step
        while week.year < date.max.year - self.interval // 52 - 1:
            yield from (week + timedelta(days=offset) for offset in offsets)
            week += step


def read_rule(text: str) -> Rule:
    """The rule of this text; raises Invalid, naming the part that is not read."""
    pairs = [part.partition("=") for part in text.upper().split(";") if part]
    parts = {name: value for name, _, value in pairs}
    frequency = parts.get("FREQ", "")
    allowed = ALLOWED.get(frequency) or _refuse(f"FREQ={frequency}")
    for name, value in parts.items():
        if name not in allowed:
            _refuse(f"{name}={value}")
    if "COUNT" in parts and "UNTIL" in parts:
        _refuse(f"UNTIL={parts['UNTIL']}")
    return Rule(
        yearly=frequency == "YEARLY",
        interval=_number(parts, "INTERVAL", NUMBER_LIMIT) or 1,
        count=_number(parts, "COUNT", NUMBER_LIMIT),
        until=_until(parts["UNTIL"]) if "UNTIL" in parts else None,
        weekdays=_weekdays(parts, "BYDAY"),
        month=_number(parts, "BYMONTH", 12),
        day=_number(parts, "BYMONTHDAY", 31),
        week_start=(_weekdays(parts, "WKST") or (0,))[0],
    )


def _refuse(part: str) -> NoReturn:
    raise Invalid("calendar.ical_rule", part=excerpt(part[:40]))


def _number(parts: dict[str, str], name: str, limit: int) -> int | None:
    text = parts.get(name)
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 1 <= int(text) <= limit:
        _refuse(f"{name}={text}")
    return int(text)


def _weekdays(parts: dict[str, str], name: str) -> tuple[int, ...]:
    if name not in parts:
        return ()
    words = parts[name].split(",")
    if not set(words) <= set(WEEKDAYS):
        _refuse(f"{name}={parts[name]}")
    return tuple(sorted({WEEKDAYS.index(word) for word in words}))


def _until(text: str) -> date:
    match = _UNTIL.fullmatch(text)
    try:
        if match is not None:
            return date(*(int(part) for part in match.groups()))
    except ValueError:
        pass
    _refuse(f"UNTIL={text}")
