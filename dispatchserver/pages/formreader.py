"""Takes values off a submitted form; every fault is booked under the name of the field it is shown at. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from enum import StrEnum
from typing import TypeVar

from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.faults import Faults
from dispatchserver.domain.fields import LATEST, FieldReader, as_integer, as_member, as_text
from dispatchserver.pages.choices import BLANK, CHOICES
from dispatchserver.pages.words import UNITS

Form = Mapping[str, str]
V = TypeVar("V")
D = TypeVar("D")
E = TypeVar("E", bound=StrEnum)

KEPT_AS_TYPED = frozenset({"group", "name", "note", "data"})
FIRST_YEAR = 1970


class FormReader:
    """One form. What is absent and what is empty are the same."""

    def __init__(self, form: Form) -> None:
        self.values = {k: v if k in KEPT_AS_TYPED else v.strip() for k, v in form.items()}
        self.faults = Faults()
        self._reader = FieldReader(self.values, self.faults)

    def text(self, name: str) -> str:
        """What stands in the field."""
        return self.values.get(name, "")

    def take(self, name: str, read: Callable[[str], V], default: D) -> V | D:
        """The value read; the default where the field is empty, or faulty (and then booked)."""
        return self._reader.take(name, lambda value: read(as_text(value)), default)

    def need(self, name: str, read: Callable[[str], V]) -> V | None:
        """The value read; None (and booked) where the field is empty or faulty."""
        return self._reader.need((name,), lambda value: read(as_text(value)))

    def word(self, name: str) -> str:
        """One of the choices of this field."""
        return self.take(name, lambda text: _one_of(text, CHOICES[name]), BLANK[name])

    def choice(self, name: str, default: E) -> E:
        """One of the words of an enumeration."""
        return self.take(name, lambda text: as_member(text, type(default)), default)

    def span(self, unit_field: str, longest: timedelta) -> Callable[[str], timedelta]:
        """Reads a number of the units that another field says; what is over `longest` is hardly over it."""
        unit = UNITS[self.word(unit_field)]

        def read(text: str) -> timedelta:
            # compared as counts first: a timedelta cannot hold what a person can type
            return max(min(as_integer(text), longest // unit + 1), 0) * unit

        return read

    def chosen(self, name: str, numbers: Iterable[int]) -> list[int]:
        """Which of the numbered boxes are ticked."""
        return [number for number in numbers if self.text(f"{name}{number}")]

    def refuse(self, field: str, invalid: Invalid, **params: object) -> None:
        """Books what a check refused."""
        self.faults.add(field, invalid.code, self.values.get(field), **invalid.params, **params)


def in_range(low: int, high: int) -> Callable[[str], int]:
    """Reads a whole number between these, both counted."""

    def read(text: str) -> int:
        number = as_integer(text)
        if not low <= number <= high:
            raise Invalid("fault.range", low=low, high=high)
        return number

    return read


def read_date(text: str) -> date:
    """A date such as 2026-10-01; raises Invalid."""
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise Invalid("calendar.date") from error
    if not FIRST_YEAR <= day.year < LATEST.year:
        raise Invalid("field.moment_range", latest=LATEST.year)
    return day


def _one_of(text: str, allowed: Sequence[str]) -> str:
    if text not in allowed:
        raise Invalid("field.choice", allowed=", ".join(allowed))
    return text
