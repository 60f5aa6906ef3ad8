"""Days and times of day as every door says them. Pure."""

from collections.abc import Sequence
from datetime import time
from enum import StrEnum

from dispatchserver.domain.daychoice import DayChoice, every_days, monthly, weekly
from dispatchserver.domain.fields import as_integer, as_list, as_text
from dispatchserver.domain.jsontext import JsonValue
from dispatchserver.domain.windowtrigger import read_clock

VALUES_LIMIT = 62


class DayUnit(StrEnum):
    """What the days of a window trigger are counted in."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


def choose_days(unit: DayUnit, every: int, values: Sequence[int]) -> DayChoice:
    """The days of a window; raises Invalid."""
    match unit:
        case DayUnit.DAY:
            return every_days(every)
        case DayUnit.WEEK:
            return weekly(every, values)
        case DayUnit.MONTH:
            return monthly(every, values)


def as_numbers(value: JsonValue) -> tuple[int, ...]:
    """A list of whole numbers, which may be empty; one number stands for itself, and "1,3" for both."""
    if value == []:
        return ()
    if isinstance(value, str) and not value.lstrip().startswith("["):
        return tuple(as_integer(part) for part in value.split(",")[:VALUES_LIMIT])
    if isinstance(value, int):
        return (as_integer(value),)
    return tuple(as_integer(part) for part in as_list(value, VALUES_LIMIT))


def as_clock(value: JsonValue) -> time:
    """A time of day; raises Invalid."""
    return read_clock(as_text(value))
