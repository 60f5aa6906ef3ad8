"""What a store tells of itself to those who watch it: how much there is, and what is stuck."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from dispatchserver.domain.fire import FireState
from dispatchserver.domain.task import TaskState


class Ailment(StrEnum):
    """How a row can be stuck: a task that is not planned, or that waits for a fire which is not there; a fire past its
    deadline, an open fire without one."""

    OVERDUE_TASK = "overdue_task"
    FORGOTTEN_TASK = "forgotten_task"
    OVERDUE_FIRE = "overdue_fire"
    ENDLESS_FIRE = "endless_fire"


@dataclass(frozen=True, slots=True)
class Stuck:
    """The ids of rows that nothing will move on, by what ails them; none is right."""

    ids: Mapping[Ailment, Sequence[str]] = field(default_factory=dict)

    def count(self, ailment: Ailment) -> int:
        return len(self.ids.get(ailment, ()))

    def told(self, most: int = 3) -> dict[str, object]:
        """For a log: of each ailment that there is, how many rows and the first few of them."""
        found = {ailment: ids for ailment, ids in self.ids.items() if ids}
        return {
            str(ailment): {"rows": len(i), "first": list(i[:most])} for ailment, i in found.items()
        }

    def __bool__(self) -> bool:
        return any(self.ids.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How many fires ended so, since the database was made; `reason` is empty where there was none."""

    state: FireState
    reason: str
    fires: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a store holds now: fires ended, tasks by state, and the due fires that wait for a slot by priority."""

    ended: Sequence[Ended]
    tasks: Mapping[TaskState, int]
    queue: Mapping[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a server has to do with one destination: calls in flight, fires that wait for it, an open circuit."""

    in_flight: int
    waiting: int
    open: bool
