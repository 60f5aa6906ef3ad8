"""Every seam of the house on one page: what the engine asks of the outside, each method a contract in prose."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence, Set
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from dispatchserver.domain.changing import Change, Decide
from dispatchserver.domain.evidence import Evidence
from dispatchserver.domain.figures import Figures, Stuck
from dispatchserver.domain.fire import Attempt, Fire, Outcome, Verdict
from dispatchserver.domain.listing import (
    Assignment,
    Claims,
    FireFilter,
    Page,
    PageRequest,
    TaskFilter,
    TaskStatus,
)
from dispatchserver.domain.placing import Places, anywhere
from dispatchserver.domain.planning import Plan
from dispatchserver.domain.recall import Recall, RecallKind
from dispatchserver.domain.replaying import DecideReplay
from dispatchserver.domain.reporting import DecideReport, Note
from dispatchserver.domain.retention import Keep, Place, Pruned, Stage
from dispatchserver.domain.task import Task, TaskKey
from dispatchserver.domain.values import value


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who did something and through which door, for the audit: ("token:ci", "do")."""

    who: str
    door: str


Call = tuple[RecallKind, tuple[str, ...]]
"""Whom a task calls: how, and at which addresses."""


@value(frozen=True, slots=True, kw_only=True)
class NewTasks:
    """Tasks that were decided on the ground that none of their keys is taken, perhaps by another process.

    `calls` is whom they may call, `soonest` when the first of them is due. `written` is what the store made of them.
    """

    count: int
    calls: frozenset[Call]
    soonest: datetime | None
    written: object


Spell = Callable[[Sequence[Task], Actor], object]
"""Makes of new tasks, and who adds them, what a store writes. Pure, so that it can be done in another process."""


class Clock(Protocol):
    """Knows what time it is, and nothing else in the house does."""

    def now(self) -> datetime:
        """The present moment, aware UTC, cut to the millisecond."""

    async def sleep_until(self, moment: datetime) -> None:
        """Returns when `now()` has reached `moment`, however the wall clock is set meanwhile; before only where that was
        set back, since whoever waits may then have to look at another moment."""


class Store(Protocol):
    """Keeps tasks and fires. A write has returned only when it is durable; a read never waits for a write.

    Raises StoreUnavailable where nothing could be stored.
    """

    async def change_task(
        self, key: TaskKey, decide: Decide, actor: Actor, now: datetime
    ) -> Change:
        """Loads the task, decides, and writes the change with its audit row in one transaction.

        What `decide` raises is raised here, and nothing was changed.
        """

    async def change_tasks(
        self,
        asked: Sequence[tuple[TaskKey, Decide]],
        actor: Actor,
        now: datetime,
        *,
        stop: bool,
    ) -> Sequence[Change | Exception]:
        """As change_task for each, in order, in one transaction. What a decision raises stands among the answers.

        With `stop` the answers end with the first refusal, and nothing from there on was changed.
        """

    async def add_new(self, new: NewTasks) -> bool:
        """Adds all of them with their audit rows in one transaction, or none where one of their keys is taken."""

    async def find_task(self, key: TaskKey) -> TaskStatus | None:
        """The task of this key, or None."""

    async def list_tasks(self, wanted: TaskFilter, page: PageRequest) -> Page[TaskStatus]:
        """Tasks by group and name; raises Invalid for a cursor that is not one of ours."""

    async def list_groups(self, namespace: str) -> Sequence[tuple[str, int]]:
        """The groups that have tasks, with how many, by name."""

    async def find_other_limit(self, task: Task) -> tuple[TaskKey, int] | None:
        """One that has not finished and shares this task's concurrency key under another limit, with that; or None."""

    async def find_fire(self, fire_id: str) -> Fire | None:
        """The fire of this id, or None."""

    async def list_fires(self, wanted: FireFilter, page: PageRequest) -> Page[Fire]:
        """Fires, the latest due first; raises Invalid for a cursor that is not one of ours."""

    async def count_fires(self, wanted: FireFilter, most: int) -> int:
        """How many fires there are, counted up to `most`."""

    async def replays_of(self, fire_ids: Sequence[str]) -> Sequence[Fire]:
        """The fires that repeat these, the earliest due first."""

    async def list_attempts(self, fire_id: str) -> Sequence[Attempt]:
        """The ended attempts of a fire, in order."""

    async def find_recalls(self, fires: Sequence[Fire]) -> Sequence[Recall | None]:
        """The recall that each fire's version of its task said, with the fire's own data; None where that is gone."""

    async def due_tasks(self, horizon: datetime, limit: int) -> Sequence[Task]:
        """Active tasks with an occasion up to `horizon`, the earliest first."""

    async def newest_due(self) -> datetime | None:
        """When the fire that was made last is due: at most a look ahead later than the moment in which it was made."""

    async def tasks_ahead(self, moment: datetime, after: str, limit: int) -> Sequence[Task]:
        """Active tasks that have had occasions later than `moment`, in the order of their ids, those after `after`."""

    async def record_plans(self, plans: Sequence[Plan], in_hand: Set[str] = frozenset()) -> int:
        """Creates the planned fires, moves next_fire_at and keeps restarts, all in one transaction.

        A plan whose task has changed since (version, state or next_fire_at) writes nothing.
        Returns how many plans were written. Fires of the ids `in_hand` are claimed only where they are offered.
        """

    async def claim(
        self,
        node: str,
        now: datetime,
        limit: int,
        deadline_at: datetime,
        places: Places = anywhere,
        offered: Sequence[Assignment] = (),
    ) -> Claims:
        """Decides which due fires have their turn and their key (domain/admission.py); then takes up to `limit`
        pending fires with run_at <= now for this node, in the order of their ranks, as far as `places` has room
        for them (domain/placing.py); those that it has none for are set aside. Those that the node has in hand stand in
        line where it has `offered` them, as far as they are still to be sent; what has to wait for no more than a call
        to end is returned. Durable before it returns; no fire is given out twice."""

    async def let_go(self, before: datetime) -> int:
        """Fires that were to be sent before this moment are in nobody's hand any more; returns how many were."""

    async def weigh_anew(self) -> None:
        """Takes back that fires were set aside behind destinations: the next claims decide on them again."""

    async def settle(
        self, fire: Fire, attempt: Attempt, *, patient: bool = False, awaited: bool = True
    ) -> bool:
        """Books an ended attempt and moves its fire (as it was claimed) on by the verdict. A `patient` caller waits a few
        milliseconds for others to share the transaction; one that knows of no task that waits for this fire says
        that it is not `awaited`.

        False when the fire had already been moved on (reported, or recovered by another): then the
        attempt's row is kept and the fire left alone. A retry of a task that was deleted or replaced
        meanwhile ends as failed; of a paused one it is held. Whatever ends a scheduled fire for good, here
        or below, in the same transaction writes the next occasion of a task that waits for it (fixed delay).
        """

    async def report(self, fire_id: str, decide: DecideReport, note: Note) -> Fire:
        """Loads the fire and how its task stands, decides, and books the verdict, or else the progress and the new
        deadline, which disturb nobody who is sending the fire. Raises FireNotFound and what `decide` raises; a
        refused report is noted in the audit, up to 50 of a fire, and changes nothing else."""

    async def list_notes(self, fire_id: str) -> Sequence[Note]:
        """What receivers reported of a fire, taken or refused, the oldest first."""

    async def replay(self, fire_id: str, decide: DecideReplay, actor: Actor, now: datetime) -> Fire:
        """Loads a fire, and writes the one that `decide` makes of it; raises FireNotFound and what `decide` raises."""

    async def recover(self, node: str, now: datetime, decide: Callable[[Fire], Verdict]) -> int:
        """Moves on, by `decide`, every running fire that is not this node's; returns how many."""

    async def expire(self, now: datetime, limit: int) -> int:
        """Ends up to `limit` open fires whose deadline has passed; returns how many."""

    async def prune(self, stage: Stage, place: Place, keep: Keep, now: datetime) -> Pruned:
        """Looks at a slice of a stage's records from `place` on, and deletes those of them that need not be kept: a few
        milliseconds of work. Never an open fire, a task's last one, or a replay of a fire that is there still."""

    async def next_occasion(self) -> datetime | None:
        """The earliest next_fire_at of all active tasks."""

    async def next_run(self) -> datetime | None:
        """The earliest run_at of all pending fires that are not held."""

    async def next_ask(self) -> datetime | None:
        """The earliest run_at of all pending fires that ask for their turn or their key, and are not held."""

    async def next_deadline(self) -> datetime | None:
        """The earliest deadline of all open fires."""

    async def find_stuck(self, before: datetime) -> Stuck:
        """Rows that should have moved on before then and have not, but for tasks that are known to be unreadable."""

    async def figures(self, now: datetime) -> Figures:
        """What there is, for the metrics; costs the same however much that is."""

    async def check(self) -> None:
        """Returns when the store answers and can be written to; raises StoreUnavailable otherwise."""


class Ledger(Protocol):
    """Remembers what was done to tasks, and what became of their fires."""

    async def evidence(self, key: TaskKey, at: datetime, until: datetime) -> Evidence:
        """What is on record of a task, also of a deleted one, from `at` up to `until`, which is not part of it.

        At most 200 fires and as many missed ranges; of the changes, the 50 before the end and the 50 after it.
        """


class RecallTarget(Protocol):
    """Sends one kind of recall."""

    async def send(self, order: "SendOrder") -> Outcome:
        """Delivers once and tells what was seen; never raises for anything that the receiver did.

        Ends within the order's total timeout and holds a bounded part of the reply.
        """

    async def close(self) -> None:
        """Ends what is kept open between sends."""


@value(frozen=True, slots=True, kw_only=True)
class SendOrder:
    """One attempt as a target needs it: whom, what, and how long it may take, as a whole and step by step.

    `told` are header lines as they are sent, each with its line break; `headers` are others, which may hold a secret;
    `client_pem` is one: the certificate to show in the TLS handshake, with its key.
    """

    recall: Recall
    body: bytes
    connect_timeout: timedelta
    total_timeout: timedelta
    told: str = ""
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    dns_timeout: timedelta = timedelta(seconds=5)
    first_byte_timeout: timedelta | None = None
    client_pem: str | None = field(default=None, repr=False)


class Meter(Protocol):
    """Counts what happens. It never waits and never fails, and costs microseconds: it is called for every fire."""

    def attempted(self, attempt: Attempt, recall: Recall, late: timedelta) -> None:
        """An attempt ended; it had begun so much later than it was due (a retry: than it was to run)."""

    def passed(self, loop: str, ok: bool) -> None:
        """A loop made a pass; or it tried to, and failed."""

    def lagged(self, late: timedelta) -> None:
        """The event loop woke a sleeper so much too late."""

    def audited(self, stuck: Stuck) -> None:
        """The self-audit has looked, and this is what it found."""

    def pruned(self, stage: Stage, rows: int) -> None:
        """So many old records were deleted."""


Wake = Callable[[], None]
"""Tells a loop to look now; never blocks, and is never lost."""

LookBy = Callable[[datetime], None]
"""Tells a loop to look at this moment at the latest; costs nothing where it would look before that anyway."""

Strike = Callable[[Iterable[str]], None]
"""Fires of these ids are taken back: they are not to be sent, though they were claimed."""

Closing = Callable[[Collection[TaskKey] | None], AbstractContextManager[Strike]]
"""While it is open, no fire of these tasks (None: of any) begins that was claimed before it is due."""

Pass = Callable[[], Awaitable[datetime | None]]
"""One pass of a loop; answers when to look again at the latest (None: only when woken)."""
