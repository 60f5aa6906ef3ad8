"""Faults of one request gathered, so that all of them are told at once."""

from collections.abc import Iterator
from contextlib import contextmanager

from dispatchserver.domain.errors import Fault, Invalid, Refused
from dispatchserver.domain.excerpts import excerpt


class Faults:
    """Collects every fault of one request, so that all of them are answered at once."""

    def __init__(self) -> None:
        self._found: list[Fault] = []

    def add(self, field: str, code: str, sent: object = None, **params: object) -> None:
        self._found.append(Fault(field=field, code=code, params=params, sent=excerpt(sent)))

    @contextmanager
    def at(self, field: str, sent: object = None) -> Iterator[None]:
        """Books an Invalid raised inside under this field, and goes on."""
        try:
            yield
        except Invalid as invalid:
            self.add(field, invalid.code, sent, **invalid.params)

    def __len__(self) -> int:
        return len(self._found)

    def raise_if_any(self) -> None:
        """Raises Refused with all that was booked; does nothing when that is nothing."""
        if self._found:
            raise Refused(self._found)


@contextmanager
def naming(field: str, sent: object = None) -> Iterator[None]:
    """What is found Invalid inside is refused under the name of this field."""
    faults = Faults()
    with faults.at(field, sent):
        yield
    faults.raise_if_any()
