"""Planned fires that this node keeps in memory until they are sent, so that no claim has to read them again."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from itertools import count
from operator import itemgetter
from typing import Any, TypeVar

from dispatchserver.domain.destination import EARLY
from dispatchserver.domain.fire import Fire, FireState, Turn
from dispatchserver.domain.listing import Assignment
from dispatchserver.domain.placing import Placing
from dispatchserver.domain.planning import Plan
from dispatchserver.domain.recall import auth_of
from dispatchserver.domain.triggers import waits_for_completion

HAND_LIMIT = 20_000
PATIENCE = timedelta(seconds=5)
SOON = timedelta(seconds=5)
NO_SOONER = timedelta(milliseconds=10)
PASSED_OVER = 64
GIVEN_BACK = 500

FEW = 16
"""Of so many times as many, it takes less to find each one's place than to look through all."""

# Sorted, not heaps: nearly all that comes belongs at the end, and is taken from the beginning, many at once.
Later = list[tuple[datetime, int, int, Assignment]]
"""In order: what is due first; of that, the smallest rank, then what came first."""

Line = list[tuple[int, int, Assignment]]
"""In order: the smallest rank first, then what came first."""

Entry = TypeVar("Entry", bound=tuple[Any, ...])
due_at = itemgetter(0)


class Hand:
    """What is due soon and may be sent as soon as its receiver has room, the most urgent first.

    The store knows which fires are in hand, and gives them to no other claim. It also decides: a fire that was paused,
    cancelled or taken back meanwhile is not claimed. So to forget it here is only for speed: whoever is offered in
    vain keeps the next ones waiting. What waits for longer than a few seconds is let go, and waits in the store like
    any other fire.
    """

    def __init__(self) -> None:
        self._later: Later = []
        self._punctual: Later = []
        self._line: Line = []
        self._aside: dict[str, Line] = {}
        self._gone: dict[str, tuple[int, int]] = {}
        self._planned_until: datetime | None = None
        self._count = 0
        self._numbers = count()

    @property
    def _coming(self) -> tuple[Later, Later]:
        """What is not due yet: what may be claimed a moment before it is, and what may not."""
        return self._later, self._punctual

    @property
    def room(self) -> int:
        """How many more it takes."""
        return max(0, HAND_LIMIT - self._count)

    def next_look(self, now: datetime) -> datetime | None:
        """When those that are not due yet are to be looked at next: a little before the first is, but not at once; or
        when it is, where it is not claimed before.
        """
        looks = [self._punctual[0][0]] if self._punctual else []
        if self._later:
            first = self._later[0][0]
            early = max(first - EARLY / 2, now + NO_SOONER)
            looks.append(min(first, early) if self._is_planned(first) else first)
        return min(looks, default=None)

    def waits(self, placing: Placing) -> bool:
        """Whether any may be sent that nobody looked at yet, or that nobody knew to have room."""
        if self._line or any(later and later[0][0] <= placing.now for later in self._coming):
            return True
        return not all(map(placing.is_full, self._aside))

    def awaits(self, destination: str | None = None) -> bool:
        """Whether any waits for room there, or anywhere."""
        return bool(self._aside) if destination is None else destination in self._aside

    def waiting(self) -> Mapping[str, int]:
        """How many wait for room, by destination."""
        return {name: len(line) for name, line in self._aside.items()}

    def most(self, offered: Iterable[Assignment]) -> Mapping[str, int]:
        """How many may go where some still wait, if these are offered: no more than those, or such as are more urgent."""
        found = dict.fromkeys(self._aside, 0)
        for assignment in offered if found else ():
            name = assignment.recall.destination
            if name in found:
                found[name] += 1
        return found

    @property
    def reach(self) -> int | None:
        """Up to which rank all that are due have been offered, or wait for room: those of a larger one are to wait for
        the next offer (None: all have).
        """
        return self._line[0][0] if self._line else None

    def take(self, assignments: Iterable[Assignment]) -> None:
        """Takes these in hand."""
        entries = [
            (each.fire.run_at, each.fire.rank, next(self._numbers), each) for each in assignments
        ]
        entries.sort()
        merge(self._later, entries)
        self._count += len(entries)

    def forget(self, task_id: str, version: int) -> None:
        """What is in hand of this task is not to be sent any more, nor is what will still come of versions before this."""
        if len(self._gone) >= HAND_LIMIT:
            self._gone.clear()
        if self._count:
            self._gone[task_id] = next(self._numbers), version

    def _is_gone(self, number: int, fire: Fire) -> bool:
        came, version = self._gone.get(fire.task_id, (0, 0))
        return number < came or fire.version < version

    def planned(self, until: datetime) -> None:
        """What is due before this moment is planned: nothing of a larger priority will still come."""
        self._planned_until = until

    def _is_planned(self, moment: datetime) -> bool:
        return self._planned_until is not None and moment < self._planned_until

    def offer(self, placing: Placing, limit: int) -> list[Assignment]:
        """Gives away up to `limit` that have room now, the most urgent first.

        Beside them those whose receiver rests, is paused or wants no more in this second: they have no short wait before
        them. And those that are due in a moment: they are claimed together, and when they are due nothing is left to be stored.
        """
        self._queue(placing.now)
        full = self._call_back(placing)
        offered: list[Assignment] = []
        without_room: list[Assignment] = []
        aside: dict[str, Line] = {}
        looked_at = 0
        for entry in self._line:
            if len(offered) >= limit or len(without_room) >= GIVEN_BACK:
                break
            looked_at += 1
            assignment = entry[2]
            if self._gone and self._is_gone(entry[1], assignment.fire):
                self._count -= 1
                continue
            name = assignment.recall.destination
            if name in full:
                aside.setdefault(name, []).append(entry)
            elif placing.place(assignment.fire, assignment.recall) is not None:
                offered.append(assignment)
            elif placing.waits_for_calls(name):
                full.add(name)
                aside.setdefault(name, []).append(entry)
            else:
                # apart, or what the store has would take the slots that are meant for the next ones here
                without_room.append(assignment)
        del self._line[:looked_at]
        for name, entries in aside.items():
            merge(self._aside.setdefault(name, []), entries)
        offered += self._early(placing, limit - len(offered))
        offered += without_room
        self._count -= len(offered)
        return offered

    def _early(self, placing: Placing, limit: int) -> list[Assignment]:
        """Up to `limit` of those that are due in a moment."""
        offered: list[Assignment] = []
        passed_over: Later = []
        punctual: Later = []
        until, looked_at = placing.now + EARLY, 0
        for entry in self._later:
            if entry[0] > until or not self._is_planned(entry[0]):
                break
            if len(offered) >= limit or len(passed_over) == PASSED_OVER:
                break
            looked_at += 1
            if self._gone and self._is_gone(entry[2], entry[3].fire):
                self._count -= 1
                continue
            name = entry[3].recall.destination
            if name in self._aside or not placing.books(name):
                punctual.append(entry)
            elif placing.place(entry[3].fire, entry[3].recall) is not None:
                offered.append(entry[3])
            else:
                passed_over.append(entry)
        self._later[:looked_at] = passed_over
        merge(self._punctual, punctual)
        return offered

    def let_go(self, before: datetime) -> int:
        """Forgets what was to be sent before this moment; how many that were."""
        had = self._count
        for later in self._coming:
            del later[: bisect_left(later, before, key=due_at)]
        self._line = _since(self._line, before)
        self._aside = {
            name: kept for name, line in self._aside.items() if (kept := _since(line, before))
        }
        lines = [self._line, *self._aside.values()]
        self._count = sum(map(len, self._coming)) + sum(map(len, lines))
        if not self._count:
            self._gone.clear()
        return had - self._count

    def _queue(self, now: datetime) -> None:
        """What is due by now gets in line."""
        for later in self._coming:
            if later and later[0][0] <= now:
                due = bisect_right(later, now, key=due_at)
                merge(self._line, sorted(entry[1:] for entry in later[:due]))
                del later[:due]

    def _call_back(self, placing: Placing) -> set[str]:
        """As many as there is room for again get back in line; all, where it is not for calls to end that they wait.
        Answers where there is no room until calls end.
        """
        full = {name for name in self._aside if placing.is_full(name)}
        for name in [name for name in self._aside if name not in full]:
            line = self._aside[name]
            most, looked_at = placing.room(name) or len(line), 0
            back: Line = []
            for entry in line:
                if len(back) == most:
                    break
                looked_at += 1
                if self._gone and self._is_gone(entry[1], entry[2].fire):
                    self._count -= 1
                else:
                    back.append(entry)
            del line[:looked_at]
            if not line:
                del self._aside[name]
            merge(self._line, back)
        return full


def merge(line: list[Entry], entries: list[Entry]) -> None:
    """Puts entries, which are in order themselves, where they belong in a line."""
    if not line or not entries or line[-1] < entries[0]:
        line += entries
    elif len(entries) * FEW < len(line):
        for entry in entries:
            insort(line, entry)
    else:
        line += entries
        line.sort()


def _since(line: Line, before: datetime) -> Line:
    return [entry for entry in line if entry[2].fire.run_at >= before]


def for_hand(plans: Iterable[Plan], now: datetime, most: int) -> list[Assignment]:
    """Those fires of plans that a hand may take, `most` at most: they wait for nothing but their moment and their
    receiver's room, and nothing of them can change but that they are not to be sent.
    """
    found = [
        Assignment(fire=fire, recall=plan.task.spec.recall, policies=plan.task.spec.policies)
        for plan in plans
        if _is_plain(plan)
        for fire in plan.fires
        if _is_ready(fire, now)
    ]
    return found[:most]


def _is_plain(plan: Plan) -> bool:
    spec = plan.task.spec
    alone = not spec.recall.also and auth_of(spec.recall) is None
    return alone and not waits_for_completion(spec.trigger)


def _is_ready(fire: Fire, now: datetime) -> bool:
    pending = fire.state is FireState.PENDING and fire.turn is Turn.READY
    return pending and fire.run_at <= now + SOON
