"""Loosely typed values from any wire, read as what they mean; each reader raises Invalid."""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from dispatchserver.domain import jsontext
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.faults import Faults
from dispatchserver.domain.jsontext import JsonValue
from dispatchserver.domain.moments import EPOCH, from_ms, to_ms

E = TypeVar("E", bound=StrEnum)
V = TypeVar("V")
D = TypeVar("D")
OBJECTS = (dict, Mapping)  # the first is found at once
ReadObject = Callable[[JsonValue], Mapping[str, JsonValue]]

UNREAD_LIMIT = (
    20  # more of them tell nothing more, and all of a hostile body would be a long answer
)
LATEST = datetime(3000, 1, 1, tzinfo=UTC)
INTEGER = re.compile(r"\s*[+-]?\d{1,18}\s*", re.ASCII)
EPOCH_MS = re.compile(r"\s*-?\d{9,15}\s*", re.ASCII)
DURATION = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)(ms|s|m|h|d)?", re.ASCII)
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
LOCAL_FORMATS = ("%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%d")


def as_text(value: JsonValue) -> str:
    """Text; a number is taken as its digits, since forms know no types."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise Invalid("field.text")


def as_integer(value: JsonValue) -> int:
    """A whole number; "10" and 10.0 are ten."""
    if isinstance(value, str) and INTEGER.fullmatch(value):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise Invalid("field.integer")


def as_boolean(value: JsonValue) -> bool:
    """true/false in any case, 1/0, or the JSON booleans."""
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower() if isinstance(value, str | int) else ""
    if word in ("true", "1"):
        return True
    if word in ("false", "0"):
        return False
    raise Invalid("field.boolean")


def as_object(value: JsonValue) -> Mapping[str, JsonValue]:
    """A JSON object, or text that holds one; a `;` behind it, copied from a manual, is overlooked."""
    if isinstance(value, str):
        value = jsontext.loads(value.strip().removesuffix(";"))
    if isinstance(value, OBJECTS):
        return value
    raise Invalid("field.object")


def as_list(value: JsonValue, most: int) -> Sequence[JsonValue]:
    """A JSON list of 1 to `most` values, or text that holds one."""
    if isinstance(value, str):
        value = jsontext.loads(value.strip())
    if isinstance(value, Sequence) and not isinstance(value, str) and 1 <= len(value) <= most:
        return value
    raise Invalid("field.list", most=most)


def as_member(value: JsonValue, kind: type[E]) -> E:
    """One of the words of an enumeration, in any case."""
    member: E | None = _members(kind).get(as_text(value).strip().lower())
    if member is None:
        raise Invalid("field.choice", allowed=", ".join(kind))
    return member


@cache
def _members(kind: type[StrEnum]) -> Mapping[str, Any]:
    return {member.value.lower(): member for member in kind}


def as_duration(value: JsonValue) -> timedelta:
    """A number of seconds, or text such as "300ms", "5s", "5m", "1h"."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Invalid("field.duration")
    match = DURATION.fullmatch(str(value).strip().lower())
    if match is None:
        raise Invalid("field.duration")
    try:
        return timedelta(seconds=float(match[1]) * UNITS[match[2] or "s"])
    except OverflowError as error:
        raise Invalid("field.duration") from error


def as_moment(value: JsonValue, zone: ZoneInfo) -> datetime | None:
    """Epoch milliseconds, ISO 8601, or local time of `zone` ("2026-11-22 09:00[:00[.000]]"); None for nothing."""
    if value is None or value == "":
        return None
    try:
        return _in_range(_moment(value, zone))
    except (ValueError, OverflowError) as error:
        raise Invalid("field.moment") from error


def _moment(value: JsonValue, zone: ZoneInfo) -> datetime:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise Invalid("field.moment")
    if not isinstance(value, str) or EPOCH_MS.fullmatch(value):
        return from_ms(as_integer(value))
    moment = _said_moment(value.strip())
    return from_ms(to_ms(moment if moment.tzinfo else moment.replace(tzinfo=zone)))


def _said_moment(text: str) -> datetime:
    """What the text says, with or without a zone. The lenient forms are tried last, since each try is slow."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        for pattern in LOCAL_FORMATS:
            with suppress(ValueError):
                return datetime.strptime(text, pattern)  # noqa: DTZ007  (its zone is the task's)
        raise


def _in_range(moment: datetime) -> datetime:
    if not EPOCH <= moment < LATEST:
        raise Invalid("field.moment_range", latest=LATEST.year)
    return moment


class FieldReader:
    """Reads values of one object under their full names, booking faults as they come."""

    __slots__ = ("_asked", "_faults", "_inner", "_overlooked", "_path", "_values")

    def __init__(self, values: Mapping[str, JsonValue], faults: Faults, path: str = "") -> None:
        self._values = values
        self._faults = faults
        self._path = path
        self._asked: dict[str, None] = {}
        self._overlooked: frozenset[str] = frozenset()
        self._inner: list[FieldReader] = []

    def _value(self, name: str) -> JsonValue:
        self._asked[name] = None
        return self._values.get(name)

    def take(self, name: str, read: Callable[[JsonValue], V], default: D) -> V | D:
        """The value read; the default where it is absent, null, empty text, or faulty (and then booked)."""
        self._asked[name] = None
        value = self._values.get(name)
        if value is None or value == "":
            return default
        try:
            return read(value)
        except Invalid as invalid:
            self._faults.add(self._path + name, invalid.code, value, **invalid.params)
            return default

    def refuse(self, name: str, code: str, **params: object) -> None:
        """Books a fault that shows only beside other fields."""
        self._faults.add(self._path + name, code, self._values.get(name), **params)

    def refuse_unread(self) -> None:
        """Books the names, here and inside, that nobody asked for: they are unknown, or misspelt. Once each."""
        known = self._asked.keys() | self._overlooked
        unread = [name for name in self._values if name not in known]
        for name in unread[:UNREAD_LIMIT]:
            self.refuse(name, "field.unknown", allowed=", ".join(self._asked))
        self.overlook()
        for inner in self._inner:
            inner.refuse_unread()

    def overlook(self, *names: str) -> None:
        """Lets these names stand unread; all of them where none is named."""
        self._overlooked = frozenset(names or self._values)

    def has(self, name: str) -> bool:
        """Whether something stands under this name."""
        return self._value(name) not in (None, "")

    def says(self, name: str) -> bool:
        """Whether something stands under this name, be it null; an empty text is nothing."""
        return self._value(name) != "" and name in self._values

    def holds_object(self, name: str) -> bool:
        """Whether a JSON object stands under this name, also as text."""
        value = self._value(name)
        return isinstance(value, OBJECTS) or str(value).lstrip().startswith("{")

    def filled(self, name: str) -> bool:
        """Whether something stands under this name, an empty list being nothing."""
        return self.has(name) and self._values.get(name) != []

    @property
    def fault_count(self) -> int:
        """How many faults the whole request has so far."""
        return len(self._faults)

    def need(self, names: tuple[str, ...], read: Callable[[JsonValue], V]) -> V | None:
        """The value under the first of these names that is there; booked as missing when none is."""
        for name in names:
            if self.has(name):
                return self.take(name, read, None)
        self._faults.add(self._path + names[0], "fault.required")
        return None

    def inside(self, name: str, read: ReadObject = as_object) -> "FieldReader | None":
        """A reader of the object under this name; None (and booked) where it is missing or faulty."""
        return self._reader_of(self.need((name,), read), name)

    def inside_if_any(self, name: str) -> "FieldReader | None":
        """A reader of the object under this name; None where it is absent, or faulty (and then booked)."""
        return self._reader_of(self.take(name, as_object, None), name)

    def take_each(self, name: str, most: int, read: Callable[[JsonValue], V]) -> list[V]:
        """The values of the list under this name, each read under its own number; empty where there is none."""
        values = self.take(name, lambda value: as_list(value, most), ())
        found: list[V] = []
        for index, value in enumerate(values):
            try:
                found.append(read(value))
            except Invalid as invalid:
                full = f"{self._path}{name}[{index}]"
                self._faults.add(full, invalid.code, value, **invalid.params)
        return found

    def each(self, name: str, most: int) -> "list[FieldReader]":
        """A reader of each object in the list under this name; what is no such list, or longer, is booked."""
        rows = self.need((name,), lambda value: as_list(value, most))
        readers = []
        for index, row in enumerate(rows or ()):
            if isinstance(row, Mapping):
                readers.append(self._within(row, f"{name}[{index}]"))
            else:
                self._faults.add(f"{self._path}{name}[{index}]", "field.object", row)
        return readers

    def _reader_of(self, values: Mapping[str, JsonValue] | None, name: str) -> "FieldReader | None":
        return None if values is None else self._within(values, name)

    def _within(self, values: Mapping[str, JsonValue], name: str) -> "FieldReader":
        inner = FieldReader(values, self._faults, f"{self._path}{name}.")
        self._inner.append(inner)
        return inner
