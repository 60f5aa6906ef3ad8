"""Reading the fields of a Quartz cron expression, each refused with its place and what is allowed.

`mask_of` reads what is right, fast and without places; only what it does not take is read again with them.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, NoReturn

from dispatchserver.domain.crondays import (
    DayRule,
    LastDay,
    LastDayWeekday,
    LastWeekday,
    NearestWeekday,
    NthWeekday,
    Weekdays,
)
from dispatchserver.domain.cronsearch import LAST_YEAR
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.excerpts import excerpt

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


@dataclass(frozen=True)
class Field:
    """What one field may hold. Its key ends the message keys of its faults."""

    key: str
    low: int
    high: int
    names: Mapping[str, int] = field(default_factory=dict)
    digits: int = 2
    wraps: bool = True

    @cached_property
    def values(self) -> Mapping[str, int]:
        """Every way to write one of the numbers: with or without leading zeros, or as a name."""
        numbers = range(self.low, self.high + 1)
        written = {f"{n:0{width + 1}}": n for width in range(self.digits) for n in numbers}
        return {**written, **self.names}


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


def split_texts(text: str) -> list[str]:
    """The fields in capitals, without their places."""
    if not text.isascii():
        return [token.text for token in split(text)]
    return [found for found in text.upper().replace("\t", " ").split(" ") if found]


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


def mask_of(of: Field, text: str) -> int:
    """The numbers that a field names, as a bit mask; 0 when it is not made of numbers, names, ranges and steps."""
    if text in of.values:
        return 1 << of.values[text]
    mask = 0
    for item in text.split(","):
        found = _item_mask(of, item)
        if not found:
            return 0
        mask |= found
    return mask


def _item_mask(of: Field, item: str) -> int:
    if item in of.values:
        return 1 << of.values[item]
    span, stepped, step = item.partition("/")
    first, ranged, last = span.partition("-")
    by = _step_of(of, step) if stepped else 1
    if span == "*" or (stepped and not span):
        return _span(of, of.low, of.high, by)
    if first not in of.values or (stepped and not first.isdigit()):
        return 0
    low = of.values[first]
    if not ranged:  # Quartz takes `5/0` for the 5 alone, and so do we
        return _span(of, low, of.high, by) if by else 1 << low if _is_zero(of, step) else 0
    if last not in of.values or first.isdigit() is not last.isdigit():
        return 0
    return _span(of, low, of.values[last], by)


def _step_of(of: Field, text: str) -> int:
    """A step as a number; 0 when it is none."""
    return int(text) if _is_step(of, text) else 0


def _is_step(of: Field, text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= of.digits and int(text) <= of.high


def _is_zero(of: Field, text: str) -> bool:
    return _is_step(of, text) and not int(text)


def _span(of: Field, low: int, high: int, by: int = 1) -> int:
    """A range; one that ends below its start goes on past the field's end without losing its step.

    0 for a range without a step, and for one that goes backwards where it must not.
    """
    if not by or (high < low and not of.wraps):
        return 0
    count = of.high - of.low + 1
    end = high if high >= low else high + count
    steps = (end - low) // by + 1
    # Bit 0 and every so many bits after it: a geometric series.
    mask = ((1 << by * steps) - 1) // ((1 << by) - 1) << low
    return (mask | mask >> count) & (2 << of.high) - (1 << of.low) if end > of.high else mask


def refuse_values(of: Field, token: Token) -> NoReturn:
    """Tells what is wrong with a field that `mask_of` does not take; raises Invalid."""
    if "?" in token.text and of not in (DAY, WEEKDAY):
        refuse("question", of, token.part(token.text.index("?"), "?"))
    for item in token.items():
        if not _item_mask(of, item.text):
            _refuse_item(of, item)
    raise AssertionError(f"{of.key} {token.text} has no fault")


def read_days(token: Token) -> DayRule:
    """The rule of a day-of-month field that is no plain list of numbers; raises Invalid."""
    if match := _LAST_DAY.fullmatch(token.text):
        rule = LastDayWeekday if match["nearest"] else LastDay
        return rule(_offset(token, match))
    if match := _NEAREST.fullmatch(token.text):
        return NearestWeekday(_number(DAY, token.part(0, match["day"])))
    _refuse_in_list(DAY, token, (_LAST_DAY, _NEAREST))
    refuse_values(DAY, token)


def read_weekdays(token: Token) -> DayRule:
    """The rule of a day-of-week field that is no plain list of weekdays; raises Invalid."""
    if token.text == "L":
        return Weekdays.of(1 << WEEKDAY.high)
    if match := _LAST_WEEKDAY.fullmatch(token.text):
        return LastWeekday(_value(WEEKDAY, token.part(0, match["day"])) - 1)
    if match := _NTH.fullmatch(token.text):
        _refuse_in_list(WEEKDAY, token, (_NTH,))
        weekday = _value(WEEKDAY, token.part(0, match["day"])) - 1
        return NthWeekday(weekday, _nth(token.part(match.start("nth") - 1, "#" + match["nth"])))
    _refuse_in_list(WEEKDAY, token, (_LAST_WEEKDAY, _NTH, re.compile("L")))
    refuse_values(WEEKDAY, token)


def runs_all_day(text: str) -> bool:
    """Whether an hour field runs over the whole day: it holds `*`, `*/n`, `/n`, `0/n`, `0-23` or `0-23/n`."""
    return text not in HOUR.values and any(map(_goes_round, text.split(",")))


def _goes_round(item: str) -> bool:
    span, _, step = item.partition("/")
    first, ranged, last = span.partition("-")
    if span in ("*", ""):
        return True
    ends = int(last) == HOUR.high if ranged else int(step or 0) > 0
    return int(first) == HOUR.low and ends


def _refuse_in_list(of: Field, token: Token, patterns: tuple[re.Pattern[str], ...]) -> None:
    if "," not in token.text:
        return
    for item in token.items():
        if any(pattern.fullmatch(item.text) for pattern in patterns):
            refuse("alone", of, item)


def _refuse_item(of: Field, item: Token) -> NoReturn:
    if item.text.startswith(("H", "R")) and _JENKINS.fullmatch(item.text):
        refuse("jenkins", of, item)
    if of.names and (match := _NAMES.fullmatch(item.text)):
        _check_names(of, item, match)
    elif item.text and (match := _NUMBERS.fullmatch(item.text)):
        _check_numbers(of, item, match)
    refuse("syntax", of, item)


def _check_names(of: Field, item: Token, match: re.Match[str]) -> None:
    first, last = item.group(match, "first"), item.group(match, "last")
    low = _value(of, first) if first else of.low
    high = _value(of, last) if last else low
    if match["step"]:  # Quartz reads past it and fires on every value
        numbers = f"{low}-{high}" if last else str(low)
        refuse("named_step", of, item, suggestion=f"{numbers}/{match['step']}")


def _check_numbers(of: Field, item: Token, match: re.Match[str]) -> None:
    first, last, step = (item.group(match, name) for name in ("first", "last", "step"))
    if step:
        _check_step(of, step, alone=bool(first and not last))
    low = _number(of, first) if first else of.low
    if last and _number(of, last) < low and not of.wraps:
        refuse("backwards", of, item)


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


def _check_step(of: Field, at: Token, *, alone: bool) -> None:
    if not _is_step(of, at.text) or not (int(at.text) or alone):
        refuse("step", of, at)


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
