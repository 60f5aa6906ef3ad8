"""Slows down guessing: a few failures per account and address, then a wait. Kept in memory only."""

from collections import deque
from collections.abc import Hashable
from datetime import datetime, timedelta

from dispatchserver.domain.errors import Invalid

FAILURES = 5
WINDOW = timedelta(minutes=15)
KEYS_LIMIT = 10_000
MINUTE = timedelta(minutes=1)


class Throttle:
    """Books every try as a failure before it is judged, so that parallel tries count as well."""

    def __init__(self) -> None:
        self._tries: dict[Hashable, deque[datetime]] = {}

    def enter(self, key: Hashable, now: datetime) -> None:
        """Books a try; raises Invalid with the minutes to wait when there were too many."""
        tries = self._recent(key, now)
        if len(tries) >= FAILURES:
            left = tries[0] + WINDOW - now
            raise Invalid("auth.throttled", minutes=max(1, -(-left // MINUTE)))
        tries.append(now)

    def forgive(self, key: Hashable) -> None:
        """Forgets the tries of one who got in."""
        self._tries.pop(key, None)

    def _recent(self, key: Hashable, now: datetime) -> deque[datetime]:
        tries = self._tries.pop(key, deque())
        while tries and tries[0] + WINDOW <= now:
            tries.popleft()
        # The latest tried goes last, so the one dropped for lack of room is the longest silent.
        self._tries[key] = tries
        if len(self._tries) > KEYS_LIMIT:
            del self._tries[next(iter(self._tries))]
        return tries
