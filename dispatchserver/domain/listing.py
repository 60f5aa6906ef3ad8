"""What is asked of lists, and what comes back: filters, pages, and rows that say more than a task or a fire alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from dispatchserver.domain.destination import Pool
from dispatchserver.domain.fire import Fire, FireState, Reason
from dispatchserver.domain.recall import Recall
from dispatchserver.domain.task import Policies, Task, TaskState
from dispatchserver.domain.values import value

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskStatus:
    """A task as lists show it: with its counters and its last ended fire."""

    task: Task
    succeeded: int = 0
    failed: int = 0
    waiting: int = 0
    last_fire_id: str | None = None
    last_state: FireState | None = None
    last_finished_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFilter:
    """Which tasks to list; None takes all. `text` is looked for in group and name, the others are exact."""

    namespace: str
    group: str | None = None
    text: str | None = None
    state: TaskState | None = None
    calendar: str | None = None
    secret: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FireFilter:
    """Which fires to list; None takes all. `since` counts, `until` does not; both look at due_at.

    `replayed` looks at whether somebody sent a fire once more; `address` is a part of the one that it calls,
    in any case of letters.
    """

    namespace: str
    group: str | None = None
    name: str | None = None
    state: FireState | None = None
    since: datetime | None = None
    until: datetime | None = None
    replayed: bool | None = None
    reason: Reason | None = None
    address: str | None = None
    ids: tuple[str, ...] | None = None

    @property
    def narrowed(self) -> bool:
        """Whether it names anything by which not just whatever ever happened is found."""
        named = (self.group, self.name, self.since, self.reason, self.address, self.ids)
        return any(each is not None for each in named)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """A keyset page: at most `limit` rows after `cursor`, which is the previous page's `next_cursor`."""

    limit: int = 50
    cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """One page of a list; `next_cursor` is None on the last."""

    items: tuple[T, ...]
    next_cursor: str | None


@value(frozen=True, slots=True, kw_only=True)
class Assignment:
    """A claimed fire with what its version says: whom to call and within which limits.

    `delay` is how long after its end the task fires again, where that is the rule. `signing_keys` are those of
    its group that live, the newest first; `secret` is the value that its recall authenticates with (None: there is
    none of that name). They are told to nobody. The recall has the one address that was chosen; `left` tells whether
    there is another to go on to, should nothing be sent. A `crowded` one waits for another call there to end.
    """

    fire: Fire
    recall: Recall
    policies: Policies
    delay: timedelta | None = None
    signing_keys: tuple[str, ...] = field(default=(), repr=False)
    secret: str | None = field(default=None, repr=False)
    left: bool = False
    crowded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a claim gave: fires to send, and the ids of those that were cancelled for one that came after them.

    `parked` are the pools of destinations that fires wait behind, by name; of those in `emptied` the last one that
    did was taken, unless they stand in `parked` too. `turns` are whose turn it is now among addresses that take turns. With `more`,
    others that are due were not looked at yet. Of those that were offered, `returned` have to wait, for a moment.
    """

    assignments: Sequence[Assignment]
    cancelled: Sequence[str] = ()
    parked: Mapping[str, Pool] = field(default_factory=dict)
    emptied: Sequence[str] = ()
    turns: Mapping[str, int] = field(default_factory=dict)
    more: bool = False
    returned: Sequence[Assignment] = ()
