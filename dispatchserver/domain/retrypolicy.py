"""When a task wants to be called again after a failure: what it may say, and what it gets unasked."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from dispatchserver.domain.errors import Invalid

RETRIES_LIMIT = 20
SHORTEST_DELAY = timedelta(milliseconds=50)
LONGEST_DELAY = timedelta(days=1)
LONGEST_AGE = timedelta(days=7)
LARGEST_FACTOR = 10
GONE = 410


class Failure(StrEnum):
    """The ways in which an attempt does not succeed, told apart by what the receiver may have done.

    NOT_SENT: nothing reached it. UNANSWERED: it may have worked. BUSY: it asks for another time (408, 425,
    429, 5xx). REFUSED: any other status that is no success. CONTRACT: its reply or report says no.
    REPORT_TIMEOUT: the report that it promised never came.
    """

    NOT_SENT = "not_sent"
    UNANSWERED = "unanswered"
    BUSY = "busy"
    REFUSED = "refused"
    CONTRACT = "contract"
    REPORT_TIMEOUT = "report_timeout"


USUALLY_REPEATED = frozenset(set(Failure) - {Failure.REFUSED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Delays:
    """The n-th repetition waits the n-th of these spans; there are as many as there are spans."""

    spans: tuple[timedelta, ...]

    @property
    def most(self) -> int:
        """How often an attempt is repeated."""
        return len(self.spans)

    def wait(self, number: int, share: float) -> timedelta:
        """How long the repetition of this number (from 1 on) waits."""
        return self.spans[number - 1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Each repetition waits `factor` times as long as the one before, up to `cap`; `jitter` of it is left to chance."""

    most: int = 3
    base: timedelta = timedelta(seconds=5)
    factor: float = 2.0
    cap: timedelta = timedelta(hours=1)
    jitter: float = 0.5

    def wait(self, number: int, share: float) -> timedelta:
        """How long the repetition of this number (from 1 on) waits; `share` is chance, from 0 to 1."""
        whole = min(self.base * self.factor ** (number - 1), self.cap)
        return whole * (1 - self.jitter * share)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """When a task is called again: after which failures (words of Failure, or statuses such as "404" and "4xx"),
    how long after each, and no longer than `max_age` after the first attempt.
    """

    pauses: Delays | Backoff = Backoff()
    on: frozenset[str] = USUALLY_REPEATED
    max_age: timedelta = timedelta(hours=24)

    def covers(self, failure: Failure, status: int | None) -> bool:
        """Whether this failure is repeated at all. 410 says that there is nobody any more."""
        if status == GONE:
            return False
        told = {failure.value} if status is None else {failure, str(status), f"{status // 100}xx"}
        return not self.on.isdisjoint(told)


UNASKED = Retry(on=frozenset({Failure.NOT_SENT}))
"""What a task gets that says nothing."""


def check_pause(span: timedelta) -> timedelta:
    """One pause when it is between 50 ms and a day; raises Invalid."""
    if not SHORTEST_DELAY <= span <= LONGEST_DELAY:
        raise Invalid("retry.delay", least_ms=SHORTEST_DELAY // timedelta(milliseconds=1))
    return span


def check_most(most: int) -> int:
    """How often at most, 0 (never) to 20; raises Invalid."""
    if not 0 <= most <= RETRIES_LIMIT:
        raise Invalid("retry.most", limit=RETRIES_LIMIT)
    return most


def check_factor(factor: float) -> float:
    """The factor when it is between 1 and 10; raises Invalid."""
    if not 1 <= factor <= LARGEST_FACTOR:
        raise Invalid("retry.factor", limit=LARGEST_FACTOR)
    return factor


def check_jitter(jitter: float) -> float:
    """The part of a pause that is left to chance, 0 to 1; raises Invalid."""
    if not 0 <= jitter <= 1:
        raise Invalid("retry.jitter")
    return jitter


def check_age(age: timedelta) -> timedelta:
    """How long a fire is tried again, up to 7 days; raises Invalid."""
    if not SHORTEST_DELAY <= age <= LONGEST_AGE:
        raise Invalid("retry.age", limit_days=LONGEST_AGE.days)
    return age


def check_cause(word: str) -> str:
    """A word of Failure, or a status such as "404" or "4xx"; raises Invalid."""
    word = word.strip().lower()
    if word in set(Failure):
        return word
    if len(word) == 3 and word[0] in "345" and (word[1:] == "xx" or word[1:].isdecimal()):
        if word == str(GONE):
            raise Invalid("retry.gone")
        return word
    raise Invalid("retry.cause", allowed=", ".join(Failure))
