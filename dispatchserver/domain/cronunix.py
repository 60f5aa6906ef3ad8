"""The five-field unix crontab line: its own grammar, as cronie has it, and what it would be in Quartz.

The two count weekdays differently (unix 0 = Sunday, Quartz 1 = Sunday), so days of the week are
written as names where one is translated into the other.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NoReturn
from zoneinfo import ZoneInfo

from dispatchserver.domain.crondays import DayNumbers, DayRule, Weekdays, as_mask
from dispatchserver.domain.cronfields import (
    DAY,
    HOUR,
    MINUTE,
    MONTH,
    WEEKDAYS,
    YEAR,
    Field,
    Token,
    mask_of,
    runs_all_day,
    split,
)
from dispatchserver.domain.cronsearch import WallSchedule
from dispatchserver.domain.dst import DstRule, next_instant
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.excerpts import excerpt

LENGTH_LIMIT = 256
UNIX_FIELDS = 5
DIGITS_LIMIT = 4
FOUND_LIMIT = 40
WEEKDAY = Field("weekday", 0, 7, {name: number for number, name in enumerate(WEEKDAYS)})
FIELDS = (MINUTE, HOUR, DAY, MONTH, WEEKDAY)
EVERY_WEEKDAY, EVERY_DAY = 0b1111111, (2 << 31) - 2
EVERY_YEAR = mask_of(YEAR, "*")
BEFORE_ANY_LEAP_DAY = datetime(2000, 1, 1)  # noqa: DTZ001 - wall time has no zone
SHORT_FORMS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
NICKNAMES = {
    "@YEARLY": "0 0 0 1 1 ?",
    "@ANNUALLY": "0 0 0 1 1 ?",
    "@MONTHLY": "0 0 0 1 * ?",
    "@WEEKLY": "0 0 0 ? * SUN",
    "@DAILY": "0 0 0 * * ?",
    "@MIDNIGHT": "0 0 0 * * ?",
    "@HOURLY": "0 0 * * * ?",
}

_PLAIN = re.compile(r"[A-Z0-9*?,/#-]+")
_WEEKDAY = re.compile(r"(?:(\*|[0-7])|([0-7])-([0-7]))(?:/([1-7]))?")
_WRAPPING = re.compile(r"(?<![0-9])([0-9]+)-([0-9]+)")


def to_quartz(fields: Sequence[str]) -> list[str]:
    """One Quartz expression, or two where unix means "either day"; none if this is no plain unix line."""
    if not all(_PLAIN.fullmatch(text) for text in fields) or not _is_valid(" ".join(fields)):
        return []
    minute, hour, day, month, weekday = fields
    times = f"0 {minute} {hour}"
    weekdays = _weekdays(weekday)
    if weekdays is None or any(_goes_backwards(text) for text in (minute, hour, day, month)):
        return []
    if weekday in ("*", "?"):
        return [f"{times} {'*' if day == '?' else day} {month} ?"]
    if day in ("*", "?"):
        return [f"{times} ? {month} {weekdays}"]
    if "*" in day or "*" in weekday:  # crons disagree whether this means "either" or "both"
        return []
    return [f"{times} {day} {month} ?", f"{times} ? {month} {weekdays}"]


def _is_valid(line: str) -> bool:
    from croniter import croniter  # slow to load, and few ask

    return croniter.is_valid(line)


def _goes_backwards(text: str) -> bool:
    """Whether a range ends below its start: unix refuses it, and Quartz would wrap around."""
    return any(int(low) > int(high) for low, high in _WRAPPING.findall(text))


def _weekdays(text: str) -> str | None:
    """A unix day-of-week field in Quartz's words; None when there are none."""
    if text in ("*", "?"):
        return "*"
    if nth := re.fullmatch(r"([0-7])#([1-5])", text):
        return f"{WEEKDAYS[int(nth[1]) % 7]}#{nth[2]}"
    days: set[int] = set()
    for item in text.split(","):
        found = _days_of(item)
        if found is None:
            return None
        days |= found
    return "*" if len(days) == 7 else ",".join(_runs(sorted(days)))


def _days_of(item: str) -> set[int] | None:
    for number, name in enumerate(WEEKDAYS):
        item = item.replace(name, str(number))
    match = _WEEKDAY.fullmatch(item)
    if match is None:
        return None
    single, low, high, step = match.groups()
    if single and not step and single != "*":
        return {int(single) % 7}
    start = 0 if single == "*" else int(single or low)
    end = int(high) if high else 6
    return {day % 7 for day in range(start, end + 1, int(step or 1))} or None


def _runs(days: Sequence[int]) -> list[str]:
    """Weekdays as names, three and more in a row as a range."""
    words: list[str] = []
    while days:
        length = 1
        while length < len(days) and days[length] == days[0] + length:
            length += 1
        run = [WEEKDAYS[day] for day in days[:length]]
        words += [f"{run[0]}-{run[-1]}"] if length > 2 else run
        days = days[length:]
    return words


_ITEM = re.compile(
    r"(?:\*|(?P<first>[0-9]+|[A-Z]+)(?:-(?P<last>[0-9]+|[A-Z]+))?)(?:/(?P<step>[0-9]+))?"
)


@dataclass(frozen=True, slots=True)
class EitherDay:
    """Days that the day of the month or the day of the week names."""

    days: DayRule
    weekdays: DayRule
    stride: int = 0

    def mask(self, first_weekday: int, length: int) -> int:
        return self.days.mask(first_weekday, length) | self.weekdays.mask(first_weekday, length)


@dataclass(frozen=True, slots=True)
class BothDays:
    """Days that the day of the month and the day of the week name."""

    days: DayRule
    weekdays: DayRule
    stride: int = 0

    def mask(self, first_weekday: int, length: int) -> int:
        return self.days.mask(first_weekday, length) & self.weekdays.mask(first_weekday, length)


@dataclass(frozen=True, slots=True)
class UnixCronExpression:
    """An expression in the grammar of cronie's crontab, its sloppy corners refused. Equal when its text is.

    Minute, hour, day of month, month, day of week; names of three letters in any case; 0 and 7 are
    Sunday. A step needs a `*` or a range before it; a range does not go backwards. Where both day
    fields are restricted, either one fires; one that starts with `*` (also `*/2`) must match too.
    The short forms `@hourly`, `@daily`, `@midnight`, `@weekly`, `@monthly`, `@yearly`, `@annually`
    are read, `@reboot` and random ranges (`~`) are not.
    """

    text: str
    schedule: WallSchedule = field(repr=False, compare=False)

    @staticmethod
    def parse(text: str) -> "UnixCronExpression":
        """Reads an expression; raises Invalid with the field, the position and what is allowed."""
        if len(text) > LENGTH_LIMIT:
            raise Invalid("cron.too_long", length=len(text), limit=LENGTH_LIMIT)
        return _parse(text)

    def __reduce__(self) -> tuple[object, ...]:
        """Another process is handed the text, which is short, and has as a rule been read there already."""
        return UnixCronExpression.parse, (self.text,)

    def next_after(
        self, moment: datetime, zone: ZoneInfo, rule: DstRule = DstRule.EXACTLY_ONCE
    ) -> datetime | None:
        """The first fire strictly after `moment`, in UTC; None when there is none for a hundred years."""
        return next_instant(self.schedule, moment, zone, rule)

    def first_from(
        self, moment: datetime, zone: ZoneInfo, rule: DstRule = DstRule.EXACTLY_ONCE
    ) -> datetime | None:
        """The first fire from `moment` on; as in CronExpression, the second it lies in counts whole."""
        second_before = moment.replace(microsecond=0) - timedelta(seconds=1)
        return next_instant(self.schedule, second_before, zone, rule)


@lru_cache(maxsize=4096)
def _parse(text: str) -> UnixCronExpression:
    tokens = _tokens(text)
    minutes, hours, days, months, weekdays = (
        _read(of, token) for of, token in zip(FIELDS, tokens, strict=True)
    )
    schedule = WallSchedule(
        seconds=1,
        minutes=minutes,
        hours=hours,
        days=_day_rule(tokens, days, (weekdays | weekdays >> 7) & EVERY_WEEKDAY),
        months=months,
        years=EVERY_YEAR,
        follows_clock=runs_all_day(tokens[FIELDS.index(HOUR)].text),
    )
    if schedule.at_or_after(BEFORE_ANY_LEAP_DAY, BEFORE_ANY_LEAP_DAY.year + 100) is None:
        raise Invalid("cron_unix.never", position=tokens[FIELDS.index(DAY)].position)
    return UnixCronExpression(text, schedule)


def _tokens(text: str) -> list[Token]:
    """The five fields; raises Invalid for any other number of them."""
    tokens = split(text)
    if len(tokens) == 1 and text.strip(" \t").startswith("@"):
        short_form = SHORT_FORMS.get(text.strip(" \t"))
        if short_form is None:
            raise Invalid("cron_unix.nickname", found=excerpt(tokens[0].text.lower()))
        return split(short_form)
    if len(tokens) != UNIX_FIELDS:
        key = "cron_unix.quartz" if len(tokens) in (6, 7) else "cron_unix.count"
        raise Invalid(key, count=len(tokens))
    return tokens


def _day_rule(tokens: Sequence[Token], days: int, weekdays: int) -> DayRule:
    """What the two day fields mean together: both where one starts with `*`, else either."""
    day, weekday = tokens[FIELDS.index(DAY)], tokens[FIELDS.index(WEEKDAY)]
    by_day, by_weekday = DayNumbers(days), Weekdays.of(weekdays << 1)
    if not day.text.startswith("*") and not weekday.text.startswith("*"):
        return EitherDay(by_day, by_weekday)
    if weekdays == EVERY_WEEKDAY:
        return by_day
    return by_weekday if days == EVERY_DAY else BothDays(by_day, by_weekday)


def _read(of: Field, token: Token) -> int:
    """The numbers a field names, as a bit mask."""
    mask = 0
    for item in token.items():
        mask |= as_mask(_numbers(of, item))
    return mask


def _numbers(of: Field, item: Token) -> range:
    match = _ITEM.fullmatch(item.text)
    if match is None:
        _refuse("syntax", of, item)
    first, last, step = (item.group(match, name) for name in ("first", "last", "step"))
    by = _step(of, step) if step else 1
    if first is None:
        return range(of.low, of.high + 1, by)
    low = _value(of, first)
    if last is None and step:  # Quartz and others read 5/2 as 5-59/2; cronie does not read it
        _refuse("lone_step", of, item, suggestion=f"{low}-{of.high}/{step.text}")
    high = _value(of, last) if last else low
    if high < low:
        _refuse("backwards", of, item)
    return range(low, high + 1, by)


def _value(of: Field, at: Token) -> int:
    number = of.names.get(at.text, -1)
    if at.text.isdigit() and len(at.text) <= DIGITS_LIMIT:
        number = int(at.text)
    if not of.low <= number <= of.high:
        _refuse("value", of, at)
    return number


def _step(of: Field, at: Token) -> int:
    if len(at.text) > DIGITS_LIMIT or not int(at.text):
        _refuse("step", of, at)
    return int(at.text)


def _refuse(problem: str, of: Field, at: Token, **params: object) -> NoReturn:
    found = excerpt(at.text[:FOUND_LIMIT] or ",")
    raise Invalid(f"cron_unix.{problem}.{of.key}", position=at.position, found=found, **params)
