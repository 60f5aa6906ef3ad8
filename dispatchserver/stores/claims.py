"""Due fires given to a node: the most urgent of those that their receivers have room for."""

import logging
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from dispatchserver.domain.destination import Pool
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.fire import Fire, FireState, Reason
from dispatchserver.domain.jsontext import dumps
from dispatchserver.domain.judging import Settlement
from dispatchserver.domain.listing import Assignment, Claims
from dispatchserver.domain.moments import to_ms
from dispatchserver.domain.placing import Places, Placing
from dispatchserver.domain.recall import Recall
from dispatchserver.domain.routing import another_left, tried_with
from dispatchserver.domain.values import changed
from dispatchserver.stores import claimsql, rows
from dispatchserver.stores.admissions import admit_asking
from dispatchserver.stores.batches import put, put_fenced
from dispatchserver.stores.driver import Row, Tx
from dispatchserver.stores.moves import move

PAGE = 500
ROUNDS = 4
POOLS = 64
WEIGHED_AT_ONCE = 5_000

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Claim:
    """A node asks for fires."""

    node: str
    now: datetime
    limit: int
    deadline_at: datetime
    places: Places
    offered: Sequence[Assignment] = ()


@dataclass(slots=True)
class _Catch:
    """What a claim has so far: fires to send, fires to set aside, and what it learned of the pools."""

    asked: Claim
    placing: Placing
    taken: list[Assignment] = field(default_factory=list)
    parked: dict[str, Pool] = field(default_factory=dict)
    emptied: list[str] = field(default_factory=list)
    spoiled: list[Fire] = field(default_factory=list)
    returned: list[Assignment] = field(default_factory=list)
    read: int = 0
    more: bool = False
    in_vain: int = 0

    @property
    def missing(self) -> int:
        """How many more are wanted. The slots of those that were offered in vain stay free for now: they are for the most
        urgent, who may be in hand and not among those offered.
        """
        return self.asked.limit - len(self.taken) - self.in_vain

    def near(self, in_line: Sequence[Assignment]) -> int:
        """How many of these, the first ones, go before any in hand that were not offered yet."""
        reach = self.placing.reach
        return len(in_line) if reach is None else bisect_right(in_line, reach, key=_rank)

    def park(self, assignment: Assignment) -> str:
        """Notes behind which pool this one waits."""
        pool = self.placing.pool(assignment.fire, assignment.recall)
        self.parked[pool.name] = pool
        return pool.name

    def claims(self, cancelled: Sequence[str]) -> Claims:
        return Claims(
            assignments=self.taken,
            cancelled=cancelled,
            parked=self.parked,
            emptied=self.emptied,
            turns=self.placing.turns,
            more=self.more,
            returned=self.returned,
        )


async def claim(tx: Tx, claims: Sequence[Claim]) -> Sequence[Claims | Exception]:
    """Gives each asker the most urgent pending fires; first, those that ask may get their turn."""
    cancelled = await admit_asking(tx, max(asked.now for asked in claims))
    return [(await _claim_one(tx, asked)).claims(cancelled) for asked in claims]


async def _claim_one(tx: Tx, asked: Claim) -> _Catch:
    """Where receivers have room for few, further fires are looked at, and those without room are set aside: a bounded
    number in one claim, so that no write waits long for it."""
    catch = _Catch(asked, asked.places())
    if asked.limit == 0:
        return catch
    waiting, wanted = await _behind(tx, catch), min(asked.limit, PAGE)
    waiting += await _signed(tx, asked)
    for _ in range(ROUNDS):
        ready = await _candidates(tx, catch, claimsql.CANDIDATES, wanted)
        all_read = catch.read < wanted
        # Of equal rank, what was set aside came first.
        in_line = sorted(_once_each([*waiting, *ready]), key=_rank)
        upto = len(in_line)
        if not all_read:  # those ready that follow go before what is less urgent than all of these
            upto = bisect_right(in_line, _rank(ready[-1]), key=_rank) if ready else 0
        await _take(tx, catch, in_line[:upto])
        waiting = in_line[upto:]
        if all_read or not catch.missing or catch.near(ready) < len(ready):
            break
        wanted = PAGE
    else:
        catch.more = True
    await _take(tx, catch, waiting)
    await _end_spoiled(tx, catch)
    return catch


async def _candidates(
    tx: Tx, catch: _Catch, statement: str, limit: int, *of: str
) -> list[Assignment]:
    found = await tx.fetch_many(statement, limit, to_ms(catch.asked.now), *of)
    catch.read = len(found)
    return [assignment for row in found if (assignment := _read(row, catch)) is not None]


def _read(row: Row, catch: _Catch) -> Assignment | None:
    """What a row says; where its version cannot be understood, the fire ends, and others go on."""
    try:
        return rows.read_assignment(row)
    except (LookupError, ValueError, TypeError, AttributeError, Invalid) as error:
        fire = rows.read_fire(row)
        log.error("claim.unreadable", extra={"fire": fire.id, "why": repr(error)})  # noqa: TRY400
        catch.spoiled.append(fire)
        return None


async def _behind(tx: Tx, catch: _Catch) -> list[Assignment]:
    """Of what was set aside behind pools that have room now, the most urgent."""
    found: list[Assignment] = []
    openings = catch.placing.openings()
    for pool, free in list(openings.items())[:POOLS]:
        wanted = min(free, catch.asked.limit)
        found += await _candidates(tx, catch, claimsql.CANDIDATES_BEHIND, wanted, pool)
        if catch.read < wanted:
            catch.emptied.append(pool)
    catch.more = len(openings) > POOLS
    return found


async def _take(tx: Tx, catch: _Catch, in_line: Sequence[Assignment]) -> None:
    """Takes what has room, in line; what has none is set aside, unless the slots are all taken before its turn."""
    taken: list[Assignment] = []
    aside: list[list[object]] = []
    in_hand = {assignment.fire.id for assignment in catch.asked.offered}
    near = catch.near(in_line)
    for number, assignment in enumerate(in_line):
        fire = assignment.fire
        full = len(taken) == catch.missing or number >= near
        recall = None if full else catch.placing.place(fire, assignment.recall)
        if recall is not None:
            taken.append(_sent(assignment, recall, catch.asked))
        elif fire.id in in_hand and (
            full or catch.placing.waits_shortly(fire, assignment.recall.destination)
        ):
            catch.returned.append(assignment)
        elif fire.behind is not None or not full:
            pool = catch.park(assignment)
            aside += [[fire.id, pool]] if pool != fire.behind else []
    written = await _write(tx, catch.asked, taken)
    catch.taken += written
    catch.in_vain += len(taken) - len(written)
    catch.more = catch.more or catch.in_vain > 0
    await put(tx, claimsql.SET_ASIDE, aside)


async def _write(tx: Tx, asked: Claim, taken: Sequence[Assignment]) -> list[Assignment]:
    """Claims them; one that was in hand is not to be sent any more where it has been paused or cancelled meanwhile."""
    claimed = [asked.node, to_ms(asked.now), to_ms(asked.deadline_at)]
    told = [[each.fire.id, each.fire.attempts - 1, each.fire.tried, *claimed] for each in taken]
    claimable = await put_fenced(tx, claimsql.CLAIM, told)
    return [assignment for assignment in taken if (assignment.fire.id,) in claimable]


async def _signed(tx: Tx, asked: Claim) -> list[Assignment]:
    """What is offered, with the keys that sign it now."""
    groups = sorted({(each.fire.key.namespace, each.fire.key.group) for each in asked.offered})
    if not groups:
        return []
    found = await tx.fetch(claimsql.KEYS_OF, dumps(groups), to_ms(asked.now))
    keys = {(row["namespace"], row["grp"]): row["signing_keys"] for row in found}
    if not any(keys.values()):
        return list(asked.offered)
    return [
        changed(each, signing_keys=tuple((keys[_group_of(each)] or "").split()))
        for each in asked.offered
    ]


def _group_of(assignment: Assignment) -> tuple[str, str]:
    key = assignment.fire.key
    return key.namespace, key.group


async def let_go(tx: Tx, asked: Sequence[datetime]) -> Sequence[int | Exception]:
    """What was in hand is set aside no more: the next claims find it."""
    return [len(await tx.fetch(claimsql.LET_GO, to_ms(before))) for before in asked]


def _once_each(assignments: Iterable[Assignment]) -> Iterable[Assignment]:
    """What was taken back and planned again may be in line twice: in hand, and as the store has it now."""
    return {assignment.fire.id: assignment for assignment in assignments}.values()


def _rank(assignment: Assignment) -> int:
    return assignment.fire.rank


def _sent(assignment: Assignment, to: Recall, asked: Claim) -> Assignment:
    """The assignment as it is given out, to one of its recall's addresses."""
    whole = assignment.recall
    if not whole.also:
        return changed(assignment, fire=_running(assignment.fire, asked, 0))
    tried = tried_with(assignment.fire, whole, to.address)
    fire = _running(assignment.fire, asked, tried)
    return changed(assignment, fire=fire, recall=to, left=another_left(whole, tried))


def _running(fire: Fire, asked: Claim, tried: int) -> Fire:
    return changed(
        fire,
        state=FireState.RUNNING,
        attempts=fire.attempts + 1,
        claimed_by=asked.node,
        claimed_at=asked.now,
        deadline_at=asked.deadline_at,
        behind=None,
        tried=tried,
    )


async def _end_spoiled(tx: Tx, catch: _Catch) -> None:
    to = Settlement(state=FireState.FAILED, reason=Reason.UNREADABLE, finished_at=catch.asked.now)
    await move(tx, [(fire, to) for fire in catch.spoiled])


async def weigh_anew(tx: Tx, asked: Sequence[None]) -> Sequence[None]:
    """Nothing is set aside any more. By and by, since a statement keeps in memory what it would undo."""
    while await tx.fetch(claimsql.WEIGH_ANEW, WEIGHED_AT_ONCE):
        pass
    return asked
