"""A task: who it is, when it fires, whom it calls back, and by which policies."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from dispatchserver.domain.calendar import Edition, Shift
from dispatchserver.domain.concurrency import ALLOW, ConcurrencyKey, Overlap
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.jsontext import check_text
from dispatchserver.domain.misfirepolicy import FIRE_ONCE, MISFIRE_GRACE, MisfirePolicy
from dispatchserver.domain.recall import Recall
from dispatchserver.domain.retrypolicy import UNASKED, Retry
from dispatchserver.domain.trigger import SimpleTrigger
from dispatchserver.domain.triggers import Trigger
from dispatchserver.domain.values import value

NAME_LIMIT = 200
NOTE_LIMIT = 2000
LABELS_LIMIT = 50
LABEL_LIMIT = 200
PRIORITY_RANGE = (-2_147_483_648, 2_147_483_647)
LONGEST_TIMEOUT = timedelta(hours=1)
LONGEST_REPORT = timedelta(days=30)
DEFAULT_NAMESPACE = "default"
UNFIT = re.compile(r"[\0-\x1f\x7f\ud800-\udfff]")


class TaskState(StrEnum):
    """ACTIVE plans fires; PAUSED keeps its place and plans none; FINISHED has none left."""

    ACTIVE = "active"
    PAUSED = "paused"
    FINISHED = "finished"


@value(frozen=True, slots=True, kw_only=True, order=True)
class TaskKey:
    """What a task is known by; unique."""

    namespace: str = DEFAULT_NAMESPACE
    group: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """What a task decides for itself; a time limit that is None is the server's default.

    Occasions later than `misfire_grace` are settled by `misfire`; with `spread` each is sent so much later
    as the task's place in that window says; with `jitter`, so much later as the occasion's own place in that
    one says; the two add up. `shift` is what becomes of what its calendar excludes.
    """

    connect_timeout: timedelta | None = None
    first_byte_timeout: timedelta | None = None
    total_timeout: timedelta | None = None
    report_timeout: timedelta | None = None
    retry: Retry = UNASKED
    overlap: Overlap = ALLOW
    concurrency: ConcurrencyKey | None = None
    misfire: MisfirePolicy = FIRE_ONCE
    misfire_grace: timedelta = MISFIRE_GRACE
    spread: timedelta | None = None
    jitter: timedelta | None = None
    calendar: str | None = None
    shift: Shift = Shift.SKIP


@value(frozen=True, slots=True, kw_only=True)
class TaskSpec:
    """What the owner says of a task; immutable, one per version."""

    trigger: Trigger
    recall: Recall
    priority: int = 0
    policies: Policies = Policies()
    note: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart:
    """What a misfire, or a clock that was set back, made of a simple trigger: it began anew at `at`, with `count` fires
    (None: for ever)."""

    at: datetime
    count: int | None


@value(frozen=True, slots=True, kw_only=True)
class Task:
    """A stored task. `next_fire_at` is its first occasion not planned yet; on a paused one, the first held back.

    Under a calendar (`edition` is how that stands) it is the first turn, which may be an excluded occasion.
    `spec_since` is when this version was said; `restart` is what a misfire changed of its trigger since.
    """

    id: str
    key: TaskKey
    version: int
    state: TaskState
    spec: TaskSpec
    next_fire_at: datetime | None
    created_at: datetime
    updated_at: datetime
    edition: Edition | None = None
    spec_since: datetime | None = None
    restart: Restart | None = None

    @property
    def trigger(self) -> Trigger:
        """When it fires from now on: the owner's trigger, or what a misfire made of it."""
        trigger = self.spec.trigger
        if self.restart is None or not isinstance(trigger, SimpleTrigger):
            return trigger
        return replace(trigger, start=self.restart.at, count=self.restart.count)

    @property
    def revision(self) -> str:
        """What changes with every replacement, also by another task of the same name."""
        return f"{self.id}.{self.version}"


def check_name(name: str) -> str:
    """A group's or task's name when it can be one; raises Invalid otherwise. Names are kept to the letter."""
    if not 1 <= len(name) <= NAME_LIMIT:
        raise Invalid("task.name_length", limit=NAME_LIMIT)
    if UNFIT.search(name):
        raise Invalid("task.name_characters")
    if name != name.strip():
        raise Invalid("task.name_blanks")
    return name


def check_priority(priority: int) -> int:
    """The priority when it fits in 32 bits; raises Invalid otherwise."""
    low, high = PRIORITY_RANGE
    if not low <= priority <= high:
        raise Invalid("task.priority", low=low, high=high)
    return priority


def check_note(note: str) -> str:
    """The description when it is short enough and storable; raises Invalid otherwise."""
    if len(note) > NOTE_LIMIT:
        raise Invalid("task.note", limit=NOTE_LIMIT)
    check_text(note)
    return note


def check_labels(labels: Mapping[str, str]) -> Mapping[str, str]:
    """The labels when there are not too many, and each is short and storable; raises Invalid otherwise."""
    texts = [*labels, *labels.values()]
    if len(labels) > LABELS_LIMIT or "" in labels or any(len(text) > LABEL_LIMIT for text in texts):
        raise Invalid("task.labels", most=LABELS_LIMIT, limit=LABEL_LIMIT)
    for text in texts:
        check_text(text)
    return labels


def check_first_byte(policies: Policies) -> None:
    """Nothing when the reply may begin within the time that it may take as a whole; raises Invalid otherwise."""
    first, total = policies.first_byte_timeout, policies.total_timeout
    if first is not None and total is not None and first > total:
        raise Invalid("task.first_byte", total_s=f"{total.total_seconds():g}")


def check_timeout(span: timedelta, longest: timedelta = LONGEST_TIMEOUT) -> timedelta:
    """A time limit when it is between 50 ms and `longest`; raises Invalid otherwise."""
    if not timedelta(milliseconds=50) <= span <= longest:
        raise Invalid("task.timeout", longest_s=int(longest.total_seconds()))
    return span
