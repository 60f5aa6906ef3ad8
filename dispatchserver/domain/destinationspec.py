"""What an admin says of one destination, and how it is stored under its name. Pure."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from dispatchserver.domain.destination import NAME_LIMIT, Allowance
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.rate import Rate

NAME = re.compile(r"(\[[0-9a-f:.]+\]|[^\s/@?#\\:\[\]]+):([0-9]{1,5})")
PORTS = range(1, 65_536)


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationSpec:
    """Limits of one destination; None is the server's. A paused one is sent nobody until that is taken back."""

    slots: int | None = None
    rate: Rate | None = None
    paused: bool = False

    def allowance(self, usual: Allowance) -> Allowance:
        """What the destination may be asked, where `usual` is what all others may."""
        return Allowance(
            slots=usual.slots if self.slots is None else self.slots,
            rate=usual.rate if self.rate is None else self.rate,
            paused=self.paused,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDestination:
    """A destination's limits under its name, as they stand."""

    name: str
    version: int
    spec: DestinationSpec
    updated_at: datetime


DecideDestination = Callable[[StoredDestination | None], DestinationSpec]
"""Given the limits as they stand (None: there are none), what they are to be; or raises a DispatchError."""


def check_destination(text: str) -> str:
    """The name of a destination, host:port or [address]:port, as recalls spell it; raises Invalid."""
    found = NAME.fullmatch(text.strip().lower())
    if found is None or not text.isprintable() or len(text) > NAME_LIMIT:
        raise Invalid("destination.name", limit=NAME_LIMIT)
    host, port = found[1], int(found[2])
    if port not in PORTS:
        raise Invalid("destination.name", limit=NAME_LIMIT)
    return f"{host}:{port}"
