"""What a calendar makes of a schedule: which fires stay, which were moved, and what is excluded between them."""

from dataclasses import dataclass
from datetime import datetime

from dispatchserver.domain.calendartrigger import RUNS_LIMIT, CalendarTrigger, Occasion
from dispatchserver.domain.fire import MissedRun


@dataclass(frozen=True, slots=True)
class Outlook:
    """The next fires under a calendar, and the runs of excluded occasions before the last of them."""

    fires: tuple[Occasion, ...]
    excluded: tuple[MissedRun, ...]

    @property
    def moments(self) -> tuple[datetime, ...]:
        """When it fires."""
        return tuple(fire.at for fire in self.fires)


def outlook(trigger: CalendarTrigger, after: datetime, count: int) -> Outlook:
    """The next `count` fires after a moment; fewer where none is left, or after 2,000 excluded runs."""
    fires: list[Occasion] = []
    excluded: list[MissedRun] = []
    for turn in trigger.turns(after, count + RUNS_LIMIT):
        if isinstance(turn, Occasion):
            fires.append(turn)
        else:
            excluded.append(turn.run)
        if len(fires) == count or len(excluded) == RUNS_LIMIT:
            break
    return Outlook(tuple(fires), tuple(excluded))
