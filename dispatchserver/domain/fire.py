"""A fire is one due occasion of a task; an attempt is one try to deliver it."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import IntEnum, StrEnum

from dispatchserver.domain.concurrency import ConcurrencyKey, OverlapRule
from dispatchserver.domain.fireids import scheduled_id
from dispatchserver.domain.moments import to_ms
from dispatchserver.domain.progress import Progress
from dispatchserver.domain.task import Task, TaskKey
from dispatchserver.domain.values import value


class FireState(StrEnum):
    """PENDING, RUNNING and WAITING are open; the others are final."""

    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"

    @property
    def open(self) -> bool:
        return self in OPEN_STATES


AGEING_MS = 300_000
"""A fire that has waited five minutes stands like a fresh one of the next larger priority."""

OPEN_STATES = (FireState.PENDING, FireState.RUNNING, FireState.WAITING)


class FireKind(StrEnum):
    """SCHEDULED came from the trigger, MANUAL from trigger_now."""

    SCHEDULED = "scheduled"
    MANUAL = "manual"


class Turn(IntEnum):
    """How far a fire has come. READY may be sent; it holds its task's turn and its key until it ends.

    ASKS wants its task's turn, BEHIND_TASK waits for it; ASKS_KEY has it and wants its key, BEHIND_KEY waits for that.
    """

    READY = 0
    ASKS = 1
    BEHIND_TASK = 2
    BEHIND_KEY = 3
    ASKS_KEY = 4


class Reason(StrEnum):
    """Why a fire, or one attempt of it, ended as it did; states say only how."""

    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    EGRESS = "egress"
    SHORTAGE = "shortage"
    SECRET = "secret"
    TIMEOUT = "timeout"
    RESET = "reset"
    CLOSED = "closed"
    PROTOCOL = "protocol"
    STATUS = "status"
    CONTRACT = "contract"
    REPORTED = "reported"
    REPORT_TIMEOUT = "report_timeout"
    UNCONFIRMED = "unconfirmed"
    LOST = "lost"
    INTERRUPTED = "interrupted"
    POSTPONED = "postponed"
    MISFIRE = "misfire"
    PAUSED = "paused"
    EXPIRED = "expired"
    DELETED = "deleted"
    REPLACED = "replaced"
    CALENDAR = "calendar"
    OVERLAP = "overlap"
    CONCURRENCY = "concurrency"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class MissedRun:
    """Occasions that passed unserved and share one row: the first, the last, how many (None: too many to count)."""

    first: datetime
    last: datetime
    count: int | None


@value(frozen=True, slots=True, kw_only=True)
class Fire:
    """One due occasion. Its id is what receivers see as `tasklogid`, the same in every attempt.

    `run_at` is when it may be sent next (due_at, or later for a retry); `held` keeps a pending fire of a paused
    task back; `deadline_at` is when the sweeper ends the open state; `claimed_by` names the node that is sending
    it. `losses` of its attempts died with their node; after `give_up_at`, known from the first repetition on, it is
    not tried again. A `serial` one waits its turn among the fires of its task, one with a `key_name` for that
    concurrency key; `turn` is how far it has come. `replay_of` is the fire that it repeats; `data_json` is sent in
    place of the recall's own data. `behind` names the destinations that have no room for it now. It is this `shard`,
    from 0 on, of so many `shards`. `tried` has a bit for each address tried in this round; `failovers` went on.
    """

    id: str
    task_id: str
    key: TaskKey
    version: int
    kind: FireKind
    priority: int
    due_at: datetime
    run_at: datetime
    state: FireState = FireState.PENDING
    reason: Reason | None = None
    held: bool = False
    attempts: int = 0
    losses: int = 0
    give_up_at: datetime | None = None
    claimed_by: str | None = None
    claimed_at: datetime | None = None
    deadline_at: datetime | None = None
    finished_at: datetime | None = None
    result: str | None = None
    missed: MissedRun | None = None
    turn: Turn = Turn.READY
    serial: bool = False
    key_name: str | None = None
    replay_of: str | None = None
    data_json: str | None = None
    behind: str | None = None
    shard: int = 0
    shards: int = 1
    tried: int = 0
    failovers: int = 0
    progress: Progress | None = None

    @property
    def current_progress(self) -> Progress | None:
        """How far the receiver has come with the last attempt; what it said of an earlier one counts no longer."""
        return self.progress if self.progress and self.progress.attempt == self.attempts else None

    @property
    def report_by(self) -> datetime | None:
        """Until when its report is awaited; None where none is."""
        return self.deadline_at if self.state is FireState.WAITING else None

    @property
    def rank(self) -> int:
        """Its place in the order of claims, the smallest first: a larger priority counts like so much waiting.

        Both grow older alike, so the order of two fires never changes while they wait.
        """
        return to_ms(self.run_at) - self.priority * AGEING_MS

    @property
    def waits_behind(self) -> str | None:
        """What a pending fire waits behind: an earlier one of its task, its key, or its destinations."""
        if self.state is not FireState.PENDING:
            return None
        if self.turn in (Turn.BEHIND_TASK, Turn.BEHIND_KEY):
            return self.turn.name.lower()
        return None if self.behind is None else "behind_destination"

    @property
    def shares(self) -> bool:
        """Whether another fire may wait for this one to end."""
        return self.serial or self.key_name is not None


class Delivery(StrEnum):
    """What is certain of a send: nothing was sent; it was sent and is unanswered; it was answered."""

    NOT_SENT = "not_sent"
    UNANSWERED = "unanswered"
    ANSWERED = "answered"


@value(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the transport saw of one attempt; what it means is judged elsewhere.

    `body` is what was read of the reply, capped; `detail` is the technical error in one line;
    `asynchronous` is the receiver's header saying that a report will follow, `retry_after` its header of that
    name. Times are milliseconds since the attempt began; None when that point was not reached.
    """

    delivery: Delivery
    reason: Reason | None = None
    detail: str = ""
    status: int | None = None
    body: bytes = b""
    truncated: bool = False
    asynchronous: bool = False
    retry_after: str = ""
    connect_ms: int | None = None
    first_byte_ms: int | None = None


class Decision(StrEnum):
    """What an attempt's outcome means for its fire."""

    SUCCESS = "success"
    FAILURE = "failure"
    RETRY = "retry"
    WAIT = "wait"


@value(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The judgement of one attempt: `at` is when to try again (RETRY; never after `until`) or to stop waiting (WAIT).
    An `onward` one costs no repetition: it goes on to another address, or was kept here by a shortage.
    """

    decision: Decision
    reason: Reason | None = None
    result: str | None = None
    at: datetime | None = None
    until: datetime | None = None
    onward: bool = False


@value(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try to deliver a fire: the transport's outcome and the verdict on it, side by side; `address` was called."""

    fire_id: str
    number: int
    node: str
    started_at: datetime
    ended_at: datetime
    outcome: Outcome
    verdict: Verdict
    address: str | None = None


def new_fire(task: Task, due_at: datetime, deadline_at: datetime) -> Fire:
    """A pending scheduled fire of this task, to be ended by `deadline_at` at the latest."""
    overlap, key = task.spec.policies.overlap, task.spec.policies.concurrency
    serial = overlap.rule is not OverlapRule.ALLOW
    return Fire(
        id=scheduled_id(task, due_at),
        task_id=task.id,
        key=task.key,
        version=task.version,
        kind=FireKind.SCHEDULED,
        priority=task.spec.priority,
        due_at=due_at,
        run_at=due_at,
        deadline_at=deadline_at,
        turn=first_turn(serial, key),
        serial=serial,
        key_name=None if key is None else key.name,
    )


def manual_fire(task: Task, new_id: str, now: datetime, deadline_at: datetime) -> Fire:
    """A pending fire that somebody asked for: it waits for no other fire of its task, but for its key."""
    scheduled = new_fire(task, now, deadline_at)
    turn = first_turn(False, task.spec.policies.concurrency)
    return replace(scheduled, id=new_id, kind=FireKind.MANUAL, turn=turn, serial=False)


def first_turn(serial: bool, key: ConcurrencyKey | None) -> Turn:
    """Where a fire begins: what nothing holds back is ready at once, and costs no admission."""
    if serial:
        return Turn.ASKS
    return Turn.READY if key is None else Turn.ASKS_KEY


def skipped_fire(task: Task, run: MissedRun, reason: Reason, now: datetime) -> Fire:
    """One ended row for all occasions of a run that nobody was called back for.

    It stands at the newest of them: the first may have a row already, when it was claimed in the very
    moment of a pause or the clock was set back, and then the range would be lost with it.
    """
    return Fire(
        id=scheduled_id(task, run.last),
        task_id=task.id,
        key=task.key,
        version=task.version,
        kind=FireKind.SCHEDULED,
        priority=task.spec.priority,
        due_at=run.last,
        run_at=run.last,
        state=FireState.SKIPPED,
        reason=reason,
        finished_at=now,
        missed=run,
    )
