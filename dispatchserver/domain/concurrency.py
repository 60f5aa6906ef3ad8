"""What a task wants when its fires overlap, or when others use what it needs: what it may say, and what it gets unasked."""

from dataclasses import dataclass
from enum import StrEnum

from dispatchserver.domain.errors import Invalid

WAITING_LIMIT = 1_000
HOLDERS_LIMIT = 1_000
KEY_LIMIT = 200


class OverlapRule(StrEnum):
    """What becomes of a fire that is due while an earlier one of its task is still under way.

    ALLOW: both run. SKIP: the new one is skipped. QUEUE_ONE: one waits its turn, further ones are skipped.
    QUEUE_ALL: they wait their turn, up to a limit. CANCEL_PREVIOUS: the earlier one is ended, the new one runs.
    """

    ALLOW = "allow"
    SKIP = "skip"
    QUEUE_ONE = "queue_one"
    QUEUE_ALL = "queue_all"
    CANCEL_PREVIOUS = "cancel_previous"


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """A task's rule; `waiting` is how many may wait their turn under QUEUE_ALL.

    A fire is under way from its first attempt until it has ended for good: repetitions and a report that is
    awaited belong to it. What somebody runs by hand neither waits nor is waited for.
    """

    rule: OverlapRule = OverlapRule.ALLOW
    waiting: int = 100

    @property
    def room(self) -> int:
        """How many may wait their turn."""
        match self.rule:
            case OverlapRule.QUEUE_ONE:
                return 1
            case OverlapRule.QUEUE_ALL:
                return self.waiting
            case _:
                return 0


class BusyRule(StrEnum):
    """What becomes of a fire whose key is taken: it waits its turn, is skipped, or fails."""

    QUEUE = "queue"
    SKIP = "skip"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConcurrencyKey:
    """A name that tasks share: at most `limit` of their fires are under way at once. 1 makes it a mutex."""

    name: str
    limit: int = 1
    busy: BusyRule = BusyRule.QUEUE


ALLOW = Overlap()


def check_waiting(waiting: int) -> int:
    """How many may wait, 1 to 1,000; raises Invalid."""
    if not 1 <= waiting <= WAITING_LIMIT:
        raise Invalid("fault.range", low=1, high=WAITING_LIMIT)
    return waiting


def check_key_name(name: str) -> str:
    """A key's name, 1 to 200 printable characters; raises Invalid."""
    if not 1 <= len(name) <= KEY_LIMIT or not name.isprintable() or name != name.strip():
        raise Invalid("concurrency.name", limit=KEY_LIMIT)
    return name


def check_holders(limit: int) -> int:
    """How many may hold a key at once, 1 to 1,000; raises Invalid."""
    if not 1 <= limit <= HOLDERS_LIMIT:
        raise Invalid("fault.range", low=1, high=HOLDERS_LIMIT)
    return limit
