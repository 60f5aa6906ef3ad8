"""Several triggers as one: fires whenever one of its lines does, once even where several do."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from zoneinfo import ZoneInfo

from dispatchserver.domain.dayinterval import DayIntervalTrigger
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.trigger import CronTrigger, SimpleTrigger
from dispatchserver.domain.windowtrigger import WindowTrigger

LINES_LIMIT = 20

Line = SimpleTrigger | CronTrigger | WindowTrigger | DayIntervalTrigger


@dataclass(frozen=True, slots=True, kw_only=True)
class UnionTrigger:
    """Fires when one of its lines fires. Each line has its own zone, start and end.

    Lines that fire at the same instant make one fire. A counted line counts its own fires only.
    """

    lines: tuple[Line, ...]
    kind: ClassVar[str] = "union"

    def next_after(self, moment: datetime) -> datetime | None:
        """The first fire strictly after `moment`, or None when no line has one left."""
        found = [fire for line in self.lines if (fire := line.next_after(moment))]
        return min(found, default=None)

    def look_back(self, moment: datetime) -> datetime:
        """Where to look for the newest fire up to `moment`."""
        return max(line.look_back(moment) for line in self.lines)

    def anchored(self, now: datetime) -> "UnionTrigger":
        """The trigger as it counts when it is added at `now`: each line for itself."""
        return UnionTrigger(lines=tuple(line.anchored(now) for line in self.lines))

    @property
    def zone(self) -> ZoneInfo:
        """The zone of the first line, for showing; every line fires by its own."""
        return self.lines[0].zone

    @property
    def start(self) -> None:
        """Every line has its own."""
        return None

    @property
    def end(self) -> datetime | None:
        """When the last line ends; None when one of them has no end."""
        ends = [line.end for line in self.lines]
        return None if None in ends else max(end for end in ends if end is not None)


def check_union(lines: tuple[Line, ...]) -> UnionTrigger:
    """The union of these lines; raises Invalid for none, for too many, and for one written twice."""
    if not 1 <= len(lines) <= LINES_LIMIT:
        raise Invalid("trigger.union_lines", limit=LINES_LIMIT)
    for number, line in enumerate(lines, 1):
        if line in lines[: number - 1]:
            raise Invalid("trigger.union_double", line=number)
    return UnionTrigger(lines=lines)
