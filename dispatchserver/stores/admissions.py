"""Lets due fires that ask have their turn, or not: see domain/admission.py."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from dispatchserver.domain.admission import Admission, Lanes, admit
from dispatchserver.domain.fire import Fire, FireState, Reason, Turn
from dispatchserver.domain.jsontext import dumps
from dispatchserver.domain.judging import Settlement
from dispatchserver.domain.moments import to_ms
from dispatchserver.domain.task import Policies
from dispatchserver.stores import rows, turnsql
from dispatchserver.stores.batches import put
from dispatchserver.stores.driver import Tx
from dispatchserver.stores.moves import HOLDS_TASK, move
from dispatchserver.stores.specs import read_policies

ASKING_LIMIT = 500

Key = tuple[str, str]


@dataclass(slots=True)
class _Traffic:
    """Who is under way, kept right while one fire after the other is decided on."""

    under_way: dict[str, dict[str, Fire]] = field(default_factory=lambda: defaultdict(dict))
    waiting: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    key_holders: dict[Key, set[str]] = field(default_factory=lambda: defaultdict(set))
    cancelled: dict[str, Fire] = field(default_factory=dict)

    def lanes(self, fire: Fire) -> Lanes:
        key = _key(fire)
        return Lanes(
            holders=tuple(self.under_way[fire.task_id]),
            waiting=self.waiting[fire.task_id],
            key_holders=() if key is None else self.key_holders[key],
        )

    def book(self, fire: Fire, admission: Admission) -> None:
        """Keeps count of a decision."""
        for other in admission.cancels:
            self._leave(fire.task_id, other)
        if admission.ended is None:
            if admission.turn is Turn.BEHIND_TASK:
                self.waiting[fire.task_id] += 1
            elif fire.serial:
                self.under_way[fire.task_id][fire.id] = fire
            if admission.turn is Turn.READY and (key := _key(fire)) is not None:
                self.key_holders[key].add(fire.id)

    def _leave(self, task_id: str, fire_id: str) -> None:
        left = self.cancelled[fire_id] = self.under_way[task_id].pop(fire_id)
        if (key := _key(left)) is not None:
            self.key_holders[key].discard(fire_id)


def _key(fire: Fire) -> Key | None:
    return None if fire.key_name is None else (fire.key.namespace, fire.key_name)


async def admit_asking(tx: Tx, now: datetime) -> Sequence[str]:
    """Decides on all due fires that ask, the most urgent first; returns the ids of those that were cancelled for them."""
    found = await tx.fetch(turnsql.ASKING, to_ms(now), ASKING_LIMIT)
    if not found:
        return ()
    asking = [(rows.read_fire(row), read_policies(row["policies_json"])) for row in found]
    traffic = await _traffic(tx, [fire for fire, _ in asking])
    turns: list[list[object]] = []
    moves: list[tuple[Fire, Settlement]] = []
    for fire, policies in asking:
        if fire.id in traffic.cancelled:
            continue
        admission = _decide(fire, policies, traffic)
        traffic.book(fire, admission)
        if admission.ended is None:
            turns.append([fire.id, admission.turn])
        else:
            moves.append((fire, _ended(admission.ended, admission.reason, now)))
    for fire in traffic.cancelled.values():
        moves.append((fire, _ended(FireState.CANCELLED, Reason.OVERLAP, now)))
    await put(tx, turnsql.SET_TURNS, turns)
    await move(tx, moves)
    return tuple(traffic.cancelled)


def _decide(fire: Fire, policies: Policies, traffic: _Traffic) -> Admission:
    lanes, begun = traffic.lanes(fire), fire.attempts > 0
    return admit(fire.turn, policies.overlap, policies.concurrency, lanes, begun=begun)


def _ended(state: FireState, reason: Reason | None, now: datetime) -> Settlement:
    return Settlement(state=state, reason=reason, finished_at=now)


async def _traffic(tx: Tx, asking: Iterable[Fire]) -> _Traffic:
    """Who is under way where these fires want to go."""
    traffic = _Traffic()
    tasks = sorted({fire.task_id for fire in asking if fire.serial})
    found = await tx.fetch(turnsql.UNDER_WAY, dumps([[task] for task in tasks])) if tasks else []
    for fire in map(rows.read_fire, found):
        if fire.turn in HOLDS_TASK:
            traffic.under_way[fire.task_id][fire.id] = fire
        else:
            traffic.waiting[fire.task_id] += 1
    keys = sorted({key for fire in asking if (key := _key(fire)) is not None})
    for row in await tx.fetch(turnsql.KEY_HOLDERS, dumps(keys)) if keys else []:
        traffic.key_holders[row["namespace"], row["ckey"]].add(row["id"])
    return traffic


async def give_back(tx: Tx, stopped: Sequence[tuple[str, int]]) -> None:
    """What pending fires of these tasks held, of those that are due after this moment in milliseconds, is for others now;
    those that are not sent yet will ask anew.
    """
    if not stopped:
        return
    asked = dumps([list(each) for each in stopped])
    freed = await tx.fetch(turnsql.LANES_OF, asked)
    await tx.execute(turnsql.ASK_ANEW, asked)
    for task_id, _ in stopped:
        await tx.execute(turnsql.ASK_FOR_TASK, task_id)
    for row in freed:
        await tx.execute(turnsql.ASK_FOR_KEY, row["namespace"], row["ckey"], row["freed"])
