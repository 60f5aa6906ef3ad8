"""Every seam of the house on one page: what the engine asks of the outside, each method a contract in prose."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from dispatchserver.domain.access import Session, Token
from dispatchserver.domain.calendarspec import CalendarKey, CalendarPut, DecideDays, StoredCalendar
from dispatchserver.domain.changing import Change, Decide
from dispatchserver.domain.evidence import Evidence
from dispatchserver.domain.figures import Figures, Stuck
from dispatchserver.domain.fire import Attempt, Fire, Outcome, Verdict
from dispatchserver.domain.group import DecideGroup, GroupKey, StoredGroup
from dispatchserver.domain.listing import (
    Claims,
    FireFilter,
    Page,
    PageRequest,
    TaskFilter,
    TaskStatus,
)
from dispatchserver.domain.planning import Plan
from dispatchserver.domain.recall import Recall
from dispatchserver.domain.replaying import DecideReplay
from dispatchserver.domain.retrypolicy import Retry
from dispatchserver.domain.signing import DecideKeys, SigningKey
from dispatchserver.domain.task import Task, TaskKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who did something and through which door, for the audit: ("token:ci", "do")."""

    who: str
    door: str


class Clock(Protocol):
    """Knows what time it is, and nothing else in the house does."""

    def now(self) -> datetime:
        """The present moment, aware UTC, cut to the millisecond."""

    async def sleep_until(self, moment: datetime) -> None:
        """Returns when `now()` has reached `moment`, never before, also when the wall clock is set meanwhile."""


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

    async def find_recall(self, fire: Fire) -> Recall | None:
        """The recall that this fire's version of the task said; None when history was pruned."""

    async def due_tasks(self, horizon: datetime, limit: int) -> Sequence[Task]:
        """Active tasks with an occasion up to `horizon`, the earliest first."""

    async def record_plans(self, plans: Sequence[Plan]) -> int:
        """Creates the planned fires, moves next_fire_at and keeps restarts, all in one transaction.

        A plan whose task has changed since (version, state or next_fire_at) writes nothing.
        Returns how many plans were written.
        """

    async def claim(self, node: str, now: datetime, limit: int, deadline_at: datetime) -> Claims:
        """Decides which due fires have their turn and their key (domain/admission.py); then takes up to `limit`
        pending fires with run_at <= now for this node, the largest priority first, then the oldest.
        Durable before it returns; no fire is given out twice."""

    async def settle(self, fire: Fire, attempt: Attempt) -> bool:
        """Books an ended attempt and moves its fire (as it was claimed) on by the verdict.

        False when the fire had already been moved on (reported, or recovered by another): then the
        attempt's row is kept and the fire left alone. A retry of a task that was deleted or replaced
        meanwhile ends as failed; of a paused one it is held. Whatever ends a scheduled fire for good, here
        or below, in the same transaction writes the next occasion of a task that waits for it (fixed delay).
        """

    async def report(
        self, fire_id: str, decide: Callable[[Fire, Retry], Verdict], actor: Actor, now: datetime
    ) -> Fire:
        """Loads the fire and its retry policy, decides, and books the verdict. Raises FireNotFound and what `decide` raises;
        a refused report is noted in the audit and changes nothing else."""

    async def replay(self, fire_id: str, decide: DecideReplay, actor: Actor, now: datetime) -> Fire:
        """Loads a fire, and writes the one that `decide` makes of it; raises FireNotFound and what `decide` raises."""

    async def recover(self, node: str, now: datetime, decide: Callable[[Fire], Verdict]) -> int:
        """Moves on, by `decide`, every running fire that is not this node's; returns how many."""

    async def expire(self, now: datetime, limit: int) -> int:
        """Ends up to `limit` open fires whose deadline has passed; returns how many."""

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


class Calendars(Protocol):
    """Keeps named calendars; every change is durable, and its tasks are planned anew, before it returns."""

    async def put(
        self, key: CalendarKey, decide: DecideDays, actor: Actor, now: datetime
    ) -> CalendarPut:
        """Makes or changes a calendar, with its audit row and the tasks that use it, in one transaction;
        raises what `decide` raises, and then nothing was changed."""

    async def find(self, key: CalendarKey) -> StoredCalendar | None:
        """The calendar of this name, or None."""

    async def list(self, namespace: str) -> Sequence[tuple[StoredCalendar, int]]:
        """All calendars, by name, each with how many tasks use it."""

    async def delete(self, key: CalendarKey, actor: Actor, now: datetime) -> None:
        """Forgets a calendar; raises CalendarNotFound, and CalendarInUse while a task uses it."""


class Groups(Protocol):
    """Keeps what groups say for those of their tasks that say nothing themselves."""

    async def put(
        self, key: GroupKey, decide: DecideGroup, actor: Actor, now: datetime
    ) -> StoredGroup:
        """Makes or changes a group's settings, with the audit row, in one transaction; raises what `decide`
        raises, or CalendarNotFound, and then nothing was changed."""

    async def list(self, namespace: str) -> Sequence[StoredGroup]:
        """The settings of all groups that have any, by name."""

    async def signed(self, namespace: str) -> Collection[str]:
        """The names of the groups that have a signing key."""


class SigningKeys(Protocol):
    """Keeps the keys that callbacks of groups are signed with. They are secret: no audit row or log tells one."""

    async def change(
        self, group: GroupKey, decide: DecideKeys, actor: Actor, now: datetime
    ) -> Sequence[SigningKey]:
        """Gives a group other keys, with an audit row for each that was made or ended, in one transaction;
        answers those it has now. Raises what `decide` raises, and then nothing was changed."""

    async def of(self, group: GroupKey, now: datetime) -> Sequence[SigningKey]:
        """The keys of a group that live now, the newest first."""


class RecallTarget(Protocol):
    """Sends one kind of recall."""

    async def send(self, order: "SendOrder") -> Outcome:
        """Delivers once and tells what was seen; never raises for anything that the receiver did.

        Ends within the order's total timeout and holds a bounded part of the reply.
        """

    async def close(self) -> None:
        """Ends what is kept open between sends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SendOrder:
    """One attempt as a target needs it: whom, what, and how long it may take."""

    recall: Recall
    body: bytes
    headers: tuple[tuple[str, str], ...]
    connect_timeout: timedelta
    total_timeout: timedelta


class Accounts(Protocol):
    """Keeps who may come in: tokens for machines, users and sessions for people."""

    async def add_token(self, token: Token) -> None:
        """Keeps a new token; raises Invalid when another live one has its name."""

    async def find_token(self, token_id: str) -> Token | None:
        """The token of this id, revoked or not."""

    async def list_tokens(self) -> Sequence[Token]:
        """All tokens, the newest first."""

    async def revoke_token(self, token_id: str, now: datetime) -> bool:
        """Ends a token for good; False when there is no live one of this id or name."""

    async def add_user(self, name: str, password_hash: str, now: datetime) -> bool:
        """Keeps a new user; False when the name is taken."""

    async def find_password(self, name: str) -> str | None:
        """The user's password hash, or None."""

    async def count_users(self) -> int:
        """How many users there are; 0 means that set-up is still to be done."""

    async def add_session(self, session: Session) -> None:
        """Keeps a new session."""

    async def find_session(self, secret_hash: str) -> Session | None:
        """The session of this secret's hash, or None."""

    async def touch_session(self, secret_hash: str, now: datetime) -> None:
        """Notes that the session was used now."""

    async def end_session(self, secret_hash: str) -> None:
        """Forgets a session."""

    async def end_old_sessions(self, created_before: datetime, seen_before: datetime) -> None:
        """Forgets all sessions that began, or were last used, before these moments."""


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


Wake = Callable[[], None]
"""Tells a loop to look now; never blocks, and is never lost."""

LookBy = Callable[[datetime], None]
"""Tells a loop to look at this moment at the latest; costs nothing where it would look before that anyway."""

Pass = Callable[[], Awaitable[datetime | None]]
"""One pass of a loop; answers when to look again at the latest (None: only when woken)."""
