"""Reading the fields of a Quartz cron expression, each refused with its place and what is allowed."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, NoReturn

from dispatchserver.domain.crondays import (
    DayNumbers,
    DayRule,
    LastDay,
    LastDayWeekday,
    LastWeekday,
    NearestWeekday,
    NthWeekday,
    Weekdays,
    as_mask,
)
from dispatchserver.domain.cronsearch import LAST_YEAR
from dispatchserver.domain.errors import Invalid, excerpt

FIRST_YEAR = 1970
LAST_OFFSET = 30
FOUND_LIMIT = 40

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")

_FIELD = re.compile(r"[^ \t]+")
_NUMBERS = re.compile(
    r"(?:(?P<all>\*)|(?P<first>[0-9]+)(?:-(?P<last>[0-9]+))?)?(?:/(?P<step>[0-9]+))?"
)
_NAMES = re.compile(r"(?P<first>[A-Z]{3})(?:-(?P<last>[A-Z]{3}))?(?:/(?P<step>[0-9]+))?")
_JENKINS = re.compile(r"[HR](?![A-Z]).*")
_LAST_DAY = re.compile(r"L(?:-(?P<offset>[0-9]+))?(?P<nearest>W)?")
_NEAREST = re.compile(r"(?P<day>[0-9]+)W")
_LAST_WEEKDAY = re.compile(r"(?P<day>[0-9]+|[A-Z]{3})L")
_NTH = re.compile(r"(?P<day>[0-9]+|[A-Z]{3})#(?P<nth>.*)")


@dataclass(frozen=True, slots=True)
class Field:
    """What one field may hold. Its key ends the message keys of its faults."""

    key: str
    low: int
    high: int
    names: Mapping[str, int] = field(default_factory=dict)
    digits: int = 2
    wraps: bool = True


SECOND = Field("second", 0, 59)
MINUTE = Field("minute", 0, 59)
HOUR = Field("hour", 0, 23)
DAY = Field("day", 1, 31)
MONTH = Field("month", 1, 12, {name: number for number, name in enumerate(MONTHS, 1)})
WEEKDAY = Field("weekday", 1, 7, {name: number for number, name in enumerate(WEEKDAYS, 1)})
YEAR = Field("year", FIRST_YEAR, LAST_YEAR, digits=4, wraps=False)
FIELDS = (SECOND, MINUTE, HOUR, DAY, MONTH, WEEKDAY, YEAR)


class Token(NamedTuple):
    """A piece of the expression in capitals, and the 1-based position where it stands."""

    text: str
    position: int

    def part(self, start: int, text: str) -> "Token":
        return Token(text, self.position + start)

    def items(self) -> Iterator["Token"]:
        """The pieces between the commas."""
        if "," not in self.text:
            yield self
            return
        start = 0
        for text in self.text.split(","):
            yield self.part(start, text)
            start += len(text) + 1

    def group(self, match: re.Match[str], name: str) -> "Token | None":
        """What a named group of the pattern matched inside this piece."""
        text = match[name]
        return None if text is None else self.part(match.start(name), text)


def split(text: str) -> list[Token]:
    """The fields, parted by blanks or tabs as Quartz parts them. ASCII letters count in any case."""
    if text.isascii():
        return [Token(found[0], found.start() + 1) for found in _FIELD.finditer(text.upper())]
    return [
        Token(found[0].upper() if found[0].isascii() else found[0], found.start() + 1)
        for found in _FIELD.finditer(text)
    ]


def refuse(problem: str, of: Field, at: Token, **params: object) -> NoReturn:
    """Raises Invalid under the message of this problem in this field."""
    found = excerpt(at.text[:FOUND_LIMIT] or ",")
    raise Invalid(f"cron.{problem}.{of.key}", position=at.position, found=found, **params)


def read_values(of: Field, token: Token) -> int:
    """The numbers a field names, as a bit mask; raises Invalid."""
    if mask := _plain(of, token.text):
        return mask
    if "?" in token.text and of not in (DAY, WEEKDAY):
        refuse("question", of, token.part(token.text.index("?"), "?"))
    mask = 0
    for item in token.items():
        mask |= _read_item(of, item)
    return mask


def _plain(of: Field, text: str) -> int:
    """The mask of `*` or of one number, which most fields are; 0 for all else, to be read with more care."""
    if text == "*":
        return (2 << of.high) - (1 << of.low)
    if len(text) <= of.digits and text.isascii() and text.isdigit():
        number = int(text)
        return 1 << number if of.low <= number <= of.high else 0
    return 0


def read_days(token: Token) -> DayRule:
    """The rule of a day-of-month field; raises Invalid."""
    if mask := _plain(DAY, token.text):
        return DayNumbers(mask)
    if match := _LAST_DAY.fullmatch(token.text):
        rule = LastDayWeekday if match["nearest"] else LastDay
        return rule(_offset(token, match))
    if match := _NEAREST.fullmatch(token.text):
        return NearestWeekday(_number(DAY, token.part(0, match["day"])))
    _refuse_in_list(DAY, token, (_LAST_DAY, _NEAREST))
    return DayNumbers(read_values(DAY, token))


def read_weekdays(token: Token) -> DayRule:
    """The rule of a day-of-week field; raises Invalid."""
    if mask := _plain(WEEKDAY, token.text):
        return Weekdays.of(mask)
    if token.text == "L":
        return Weekdays.of(1 << WEEKDAY.high)
    if match := _LAST_WEEKDAY.fullmatch(token.text):
        return LastWeekday(_value(WEEKDAY, token.part(0, match["day"])) - 1)
    if match := _NTH.fullmatch(token.text):
        _refuse_in_list(WEEKDAY, token, (_NTH,))
        weekday = _value(WEEKDAY, token.part(0, match["day"])) - 1
        return NthWeekday(weekday, _nth(token.part(match.start("nth") - 1, "#" + match["nth"])))
    _refuse_in_list(WEEKDAY, token, (_LAST_WEEKDAY, _NTH, re.compile("L")))
    return Weekdays.of(read_values(WEEKDAY, token))


def runs_all_day(token: Token) -> bool:
    """Whether an hour field runs over the whole day: it holds `*`, `*/n`, `/n`, `0/n`, `0-23` or `0-23/n`."""
    if _plain(HOUR, token.text):
        return token.text == "*"
    return any(
        match["first"] is None or (int(match["first"]) == HOUR.low and _runs_to_the_end(match))
        for item in token.items()
        if (match := _NUMBERS.fullmatch(item.text))
    )


def _runs_to_the_end(match: re.Match[str]) -> bool:
    return int(match["last"]) == HOUR.high if match["last"] else int(match["step"] or 0) > 0


def _refuse_in_list(of: Field, token: Token, patterns: tuple[re.Pattern[str], ...]) -> None:
    if "," not in token.text:
        return
    for item in token.items():
        if any(pattern.fullmatch(item.text) for pattern in patterns):
            refuse("alone", of, item)


def _read_item(of: Field, item: Token) -> int:
    if mask := _plain(of, item.text):
        return mask
    if item.text.startswith(("H", "R")) and _JENKINS.fullmatch(item.text):
        refuse("jenkins", of, item)
    if of.names and (match := _NAMES.fullmatch(item.text)):
        return _read_names(of, item, match)
    match = _NUMBERS.fullmatch(item.text)
    if match is None or not item.text:
        refuse("syntax", of, item)
    return _read_numbers(of, item, match)


def _read_names(of: Field, item: Token, match: re.Match[str]) -> int:
    first, last = item.group(match, "first"), item.group(match, "last")
    low = _value(of, first) if first else of.low
    high = _value(of, last) if last else low
    if match["step"]:  # Quartz reads past it and fires on every value
        numbers = f"{low}-{high}" if last else str(low)
        refuse("named_step", of, item, suggestion=f"{numbers}/{match['step']}")
    return _span(of, low, high)


def _read_numbers(of: Field, item: Token, match: re.Match[str]) -> int:
    first, last, step = (item.group(match, name) for name in ("first", "last", "step"))
    by = _step(of, step, alone=bool(first and not last)) if step else 1
    if first is None:
        return _span(of, of.low, of.high, by)
    low = _number(of, first)
    if last:
        high = _number(of, last)
        if high < low and not of.wraps:
            refuse("backwards", of, item)
        return _span(of, low, high, by)
    return _span(of, low, of.high, by) if step and by else 1 << low


def _span(of: Field, low: int, high: int, by: int = 1) -> int:
    """A range; one that ends below its start goes on past the field's end without losing its step."""
    if by == 1 and high >= low:
        return (2 << high) - (1 << low)
    count = of.high - of.low + 1
    end = high if high >= low else high + count
    return as_mask((value - of.low) % count + of.low for value in range(low, end + 1, by))


def _value(of: Field, at: Token) -> int:
    if at.text.isdigit():
        return _number(of, at)
    if at.text not in of.names:
        refuse("syntax", of, at)
    return of.names[at.text]


def _number(of: Field, at: Token) -> int:
    if len(at.text) > of.digits or not of.low <= int(at.text) <= of.high:
        refuse("value", of, at)
    return int(at.text)


def _step(of: Field, at: Token, *, alone: bool) -> int:
    """A step; Quartz takes `5/0` for the 5 alone, and so do we."""
    if len(at.text) > of.digits or int(at.text) > of.high or not (int(at.text) or alone):
        refuse("step", of, at)
    return int(at.text)


def _offset(token: Token, match: re.Match[str]) -> int:
    at = token.group(match, "offset")
    if at is None:
        return 0
    if len(at.text) > DAY.digits or int(at.text) > LAST_OFFSET:
        refuse("offset", DAY, at)
    return int(at.text)


def _nth(at: Token) -> int:
    if at.text not in ("#1", "#2", "#3", "#4", "#5"):
        refuse("nth", WEEKDAY, at)
    return int(at.text[1:])
