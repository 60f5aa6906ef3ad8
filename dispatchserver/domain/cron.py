"""Quartz cron expressions: read once, then asked again and again when they fire next."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NoReturn
from zoneinfo import ZoneInfo

from dispatchserver.domain.crondays import DayNumbers, DayRule, Weekdays
from dispatchserver.domain.cronfields import (
    DAY,
    FIELDS,
    HOUR,
    MINUTE,
    MONTH,
    SECOND,
    WEEKDAY,
    YEAR,
    Field,
    Token,
    mask_of,
    read_days,
    read_weekdays,
    refuse_values,
    runs_all_day,
    split,
    split_texts,
)
from dispatchserver.domain.cronsearch import WallSchedule
from dispatchserver.domain.cronunix import NICKNAMES, to_quartz
from dispatchserver.domain.dst import DstRule, next_instant
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.excerpts import excerpt

__all__ = ["CronExpression", "DstRule"]

LENGTH_LIMIT = 256
FEWEST_FIELDS, UNIX_FIELDS = 6, 5
HOUR_AT, DAY_AT, MONTH_AT, WEEKDAY_AT, YEAR_AT = range(2, 7)
EVERY_YEAR = mask_of(YEAR, "*")


@dataclass(frozen=True, slots=True)
class CronExpression:
    """An expression in the grammar of Quartz 2.3.2, its sloppy corners refused. Equal when its text is."""

    text: str
    schedule: WallSchedule = field(repr=False, compare=False)

    @staticmethod
    def parse(text: str) -> "CronExpression":
        """Reads an expression; raises Invalid with the field, the position and what is allowed."""
        if len(text) > LENGTH_LIMIT:
            raise Invalid("cron.too_long", length=len(text), limit=LENGTH_LIMIT)
        return _parse(text)

    def __reduce__(self) -> tuple[object, ...]:
        """Another process is handed the text, which is short, and has as a rule been read there already."""
        return CronExpression.parse, (self.text,)

    def next_after(
        self, moment: datetime, zone: ZoneInfo, rule: DstRule = DstRule.EXACTLY_ONCE
    ) -> datetime | None:
        """The first fire strictly after `moment`, in UTC; None when there is none for a hundred years."""
        return next_instant(self.schedule, moment, zone, rule)

    def first_from(
        self, moment: datetime, zone: ZoneInfo, rule: DstRule = DstRule.EXACTLY_ONCE
    ) -> datetime | None:
        """The first fire from `moment` on; like Quartz, the second that `moment` lies in counts whole."""
        second_before = moment.replace(microsecond=0) - timedelta(seconds=1)
        return next_instant(self.schedule, second_before, zone, rule)


@lru_cache(maxsize=4096)
def _parse(text: str) -> CronExpression:
    texts = split_texts(text)
    if not FEWEST_FIELDS <= len(texts) <= len(FIELDS) or texts[0].startswith("@"):
        _refuse_count(text)
    seconds = _values(SECOND, text, texts, 0)
    minutes = _values(MINUTE, text, texts, 1)
    hours = _values(HOUR, text, texts, HOUR_AT)
    by_day = None if texts[DAY_AT] == "?" else _days(text, texts)
    months = _values(MONTH, text, texts, MONTH_AT)
    by_weekday = None if texts[WEEKDAY_AT] == "?" else _weekdays(text, texts)
    schedule = WallSchedule(
        seconds=seconds,
        minutes=minutes,
        hours=hours,
        days=_the_one_given(by_day, by_weekday, text),
        months=months,
        years=_values(YEAR, text, texts, YEAR_AT) if len(texts) > YEAR_AT else EVERY_YEAR,
        follows_clock=runs_all_day(texts[HOUR_AT]),
    )
    return CronExpression(text, schedule)


def _values(of: Field, text: str, texts: Sequence[str], at: int) -> int:
    return mask_of(of, texts[at]) or refuse_values(of, split(text)[at])


def _days(text: str, texts: Sequence[str]) -> DayRule:
    mask = mask_of(DAY, texts[DAY_AT])
    return DayNumbers(mask) if mask else read_days(split(text)[DAY_AT])


def _weekdays(text: str, texts: Sequence[str]) -> DayRule:
    mask = mask_of(WEEKDAY, texts[WEEKDAY_AT])
    return Weekdays.of(mask) if mask else read_weekdays(split(text)[WEEKDAY_AT])


def _the_one_given(by_day: DayRule | None, by_weekday: DayRule | None, text: str) -> DayRule:
    """The day field that is not `?`; raises Invalid unless there is exactly one."""
    if by_day and by_weekday:
        _refuse_both_days(split(text))
    rule = by_day or by_weekday
    if rule is None:
        raise Invalid("cron.both_questions", position=split(text)[WEEKDAY_AT].position)
    return rule


def _refuse_count(text: str) -> NoReturn:
    tokens = split(text)
    if not tokens:
        raise Invalid("cron.empty")
    if tokens[0].text.startswith("@"):
        _refuse_nickname(tokens)
    if len(tokens) == UNIX_FIELDS:
        _refuse_unix([token.text for token in tokens])
    if len(tokens) < FEWEST_FIELDS:
        raise Invalid("cron.too_few", count=len(tokens), found=excerpt(text))
    extra = tokens[len(FIELDS)]
    raise Invalid(
        "cron.too_many", count=len(tokens), position=extra.position, found=excerpt(extra.text)
    )


def _refuse_nickname(tokens: Sequence[Token]) -> NoReturn:
    found = " ".join(token.text for token in tokens)
    if found in NICKNAMES:
        raise Invalid("cron.nickname", found=found.lower(), suggestion=NICKNAMES[found])
    raise Invalid("cron.nickname_unknown", found=excerpt(found.lower()))


def _refuse_unix(fields: Sequence[str]) -> None:
    """Raises Invalid with a translation, if this is a unix line and Quartz can say the same."""
    match [text for text in to_quartz(fields) if _is_valid(text)]:
        case [suggestion]:
            raise Invalid("cron.unix", suggestion=suggestion)
        case [first, second]:
            raise Invalid("cron.unix_both_days", first=first, second=second)


def _is_valid(text: str) -> bool:
    try:
        CronExpression.parse(text)
    except Invalid:
        return False
    return True


def _refuse_both_days(tokens: Sequence[Token]) -> NoReturn:
    texts = [token.text for token in tokens]
    by_day = " ".join([*texts[:WEEKDAY_AT], "?", *texts[WEEKDAY_AT + 1 :]])
    by_weekday = " ".join([*texts[:DAY_AT], "?", *texts[DAY_AT + 1 :]])
    position = tokens[WEEKDAY_AT].position
    if texts[WEEKDAY_AT] == "*":
        raise Invalid("cron.no_question", position=position, suggestion=by_day)
    if texts[DAY_AT] == "*":
        raise Invalid("cron.no_question", position=position, suggestion=by_weekday)
    raise Invalid("cron.both_days", position=position, first=by_day, second=by_weekday)
