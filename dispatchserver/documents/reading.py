"""What documents are read against, and the readings that several of them share. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from dispatchserver.domain.calendar import FIRST_DATE, LAST_DATE
from dispatchserver.domain.defaults import NO_LAYERS, Layers
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.fields import FieldReader, as_integer, as_text
from dispatchserver.domain.jsontext import JsonValue
from dispatchserver.domain.trigger import find_zone

ZONE_LIMIT = 64

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What a task is read against: the present moment, and the zone and policies where it says none."""

    now: datetime
    zone: ZoneInfo
    policies: Layers = NO_LAYERS


def read_zone(value: JsonValue) -> ZoneInfo:
    """The zone of this name; raises Invalid with the nearest names."""
    # Longer than any zone's name is enough to be refused; all of a long text would be compared with every name.
    return find_zone(as_text(value)[:ZONE_LIMIT])


def read_date(value: object) -> date:
    """A date such as 2026-10-01 of the years that calendars know; raises Invalid."""
    try:
        day = date.fromisoformat(value) if isinstance(value, str) and len(value) == 10 else None
    except ValueError:
        day = None
    if day is None:
        raise Invalid("calendar.date")
    if not FIRST_DATE <= day <= LAST_DATE:
        raise Invalid("calendar.date_range", first=FIRST_DATE.year, last=LAST_DATE.year)
    return day


def read_count(value: JsonValue, most: int) -> int:
    """A whole number from 1 to `most`; raises Invalid."""
    count = as_integer(value)
    if not 1 <= count <= most:
        raise Invalid("field.count", most=most)
    return count


def checked(
    reader: FieldReader, field: str, make: Callable[[], T], fields: Mapping[str, str]
) -> T | None:
    """What is made; None where it breaks a rule, which is then booked at the field that can mend it.

    `fields` says by the code of the rule which field that is; where it does not, it is `field`.
    """
    try:
        return make()
    except Invalid as invalid:
        reader.refuse(fields.get(invalid.code, field), invalid.code, **invalid.params)
        return None
