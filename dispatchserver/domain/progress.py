"""How far a receiver says it has come with a call."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a receiver says it has come with the attempt of this number: 0 to 100 percent (None: it did not say)."""

    percent: int | None
    text: str
    at: datetime
    attempt: int
