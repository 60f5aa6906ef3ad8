"""How long records are kept: by age, and by how many a task may have. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from dispatchserver.domain.errors import Invalid

SIZES = {
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
}
SPAN = re.compile(r"([1-9][0-9]{0,8})([dhms])", re.ASCII)
SHORTEST, LONGEST = timedelta(minutes=1), timedelta(days=36_500)
FOR_EVER = "0"


class Stage(StrEnum):
    """What is looked through for old rows, one after the other."""

    FAILED = "failed"
    FIRES = "fires"
    PER_TASK = "per_task"
    AUDIT = "audit"
    VERSIONS = "versions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """What is kept; None is for ever, or without limit.

    `fires` counts from a fire's end, and is not for failed ones, for which `failed` does. Of each task the newest
    `per_task` fires stay, and of those that are older as many failed ones.
    """

    fires: timedelta | None = timedelta(days=7)
    failed: timedelta | None = timedelta(days=30)
    per_task: int | None = 10_000
    audit: timedelta | None = timedelta(days=180)

    @property
    def stages(self) -> Sequence[Stage]:
        """What is to be looked through; versions are kept as long as the fires that might refer to them."""
        limits = {
            Stage.FAILED: self.failed,  # first, for their replays go only after them
            Stage.FIRES: self.fires,
            Stage.PER_TASK: self.per_task,
            Stage.AUDIT: self.audit,
            Stage.VERSIONS: self.fires,
        }
        return [stage for stage, limit in limits.items() if limit is not None]


Place = tuple[str | int, ...]
"""How far a stage has been looked through; empty at its beginning. Whoever gives one, reads it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What one look did: how many records are gone, where the next one begins, and whether there is more to do now."""

    rows: int
    place: Place
    more: bool


def read_keep(text: str) -> timedelta | None:
    """A length of time such as 7d, 36h or 90m; None for 0, which keeps for ever. Raises Invalid."""
    if text == FOR_EVER:
        return None
    if found := SPAN.fullmatch(text):
        span = int(found[1]) * SIZES[found[2]]
        if SHORTEST <= span <= LONGEST:
            return span
    raise Invalid("retention.span")
