"""Deletes what is older, or more, than is to be kept: a slice along an index at a time, in short writes."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dispatchserver.domain.jsontext import dumps
from dispatchserver.domain.moments import to_ms
from dispatchserver.domain.retention import Keep, Place, Pruned, Stage
from dispatchserver.stores import retentionsql
from dispatchserver.stores.driver import Driver, Need, Operation, Reader, Row, Tx

SLICE = 100
PORTION = 20
LONGEST_WRITE_S = 0.005
TASKS_AT_ONCE = 50
ROWS_AT_ONCE = 1_000
VERSIONS_AT_ONCE = 300
WORTH_GOING_ON = VERSIONS_AT_ONCE // 20
"""So many of a slice's versions gone are a reason to look further at once."""
AT_FIRST = (-(2**62), "")
"""Before every fire: a due time, and an id."""

OTHERS, FAILED = (0, *AT_FIRST), (1, *AT_FIRST)
"""Where the surplus of a task begins: that of its fires which did not fail, and that of the others."""

Doomed = Sequence[Sequence[object]]
"""The keys of rows that go."""


@dataclass(frozen=True, slots=True)
class _Slice:
    """What was looked at, where the next look begins, and whether there is more; `along` is what the places of its fires
    begin with."""

    rows: Sequence[Row]
    place: Place
    more: bool
    along: Place = ()

    def ripe(self, *key: str) -> Doomed:
        return [[row[column] for column in key] for row in self.rows if row["ripe"]]

    def place_of(self, fire_id: object) -> Place:
        """Where a look goes on behind this fire."""
        row = next(row for row in self.rows if row["id"] == fire_id)
        return (*self.along, row["due_at"], row["id"])


async def prune(driver: Driver, stage: Stage, place: Place, keep: Keep, now: datetime) -> Pruned:
    """One slice of a stage; see ports.Store."""
    reader = driver.page_reader
    match stage:
        case Stage.FIRES:
            found = await _old(reader, retentionsql.OLD_FIRES, place, _until(keep.fires, now))
        case Stage.FAILED:
            found = await _old(reader, retentionsql.OLD_FAILED, place, _until(keep.failed, now))
        case Stage.PER_TASK:
            found = await _crowded(reader, place, keep.per_task or 0, to_ms(now))
        case Stage.AUDIT:
            return await _audit(driver, _until(keep.audit, now))
        case Stage.VERSIONS:
            return await _versions(driver, place, _until(keep.fires, now))
    doomed = found.ripe("id")
    gone = await _forget(driver, forget_fires, doomed)
    if gone < len(doomed):
        return Pruned(rows=gone, place=found.place_of(doomed[gone - 1][0]), more=True)
    return Pruned(rows=gone, place=found.place, more=found.more)


def _until(span: timedelta | None, now: datetime) -> int:
    """What ended before this is old; where all is kept for ever, nothing is."""
    return AT_FIRST[0] if span is None else to_ms(now - span)


async def _old(reader: Reader, statement: str, place: Place, until: int) -> _Slice:
    """Fires by their due times, one namespace after the other. Where there is but one, the place at its end is kept: what
    is due later comes behind it."""
    first = await _next_namespace(reader, "")
    if first is None:
        return _Slice((), (), False)
    namespace, *after = place or (first, *AT_FIRST)
    found = await reader.fetch(statement, namespace, *after, until, SLICE)
    if found:
        after = [found[-1]["due_at"], found[-1]["id"]]
    here = (namespace,)
    if len(found) == SLICE:
        return _Slice(found, (*here, *after), True, here)
    following = await _next_namespace(reader, str(namespace))
    if following is not None:
        return _Slice(found, (following, *AT_FIRST), True, here)
    return _Slice(found, (*here, *after) if namespace == first else (), False, here)


async def _next_namespace(reader: Reader, after: str) -> str | None:
    (row,) = await reader.fetch(retentionsql.NEXT_NAMESPACE, after)
    found: str | None = row["namespace"]
    return found


async def _crowded(reader: Reader, place: Place, most: int, now: int) -> _Slice:
    """Fires of tasks that have too many, one task after the other. The place at the end is how many fires had ended by
    then: no task can have more of them than that has grown by, so that an idle server counts nothing."""
    if len(place) == 1 and await _ended(reader) - int(place[0]) <= most // 10:
        return _Slice((), place, False)
    key = place[:3] if len(place) >= 3 else ("", "", "")
    if len(place) > len(key):
        return await _surplus(reader, key, place[3:], most, now)
    known = await reader.fetch(retentionsql.CROWDED, *key, TASKS_AT_ONCE, most)
    if known and known[-1]["crowded"]:
        return await _surplus(reader, known[-1][:3], OTHERS, most, now)
    if len(known) == TASKS_AT_ONCE:
        return _Slice((), known[-1][:3], True)
    return _Slice((), (await _ended(reader),), False)


async def _ended(reader: Reader) -> int:
    (row,) = await reader.fetch(retentionsql.ENDED)
    ended: int = row["ended"]
    return ended


async def _surplus(reader: Reader, key: Place, after: Place, most: int, now: int) -> _Slice:
    """A slice of what a task has too much: all but failed ones first; then, of the failed ones, what is as many again."""
    failed, *from_ = after
    found: Sequence[Row] = ()
    newest = await reader.fetch(retentionsql.SURPLUS, *key, most * (1 + int(failed)))
    if newest:
        asked = (*from_, *newest[0][:2], now, failed)
        found = await reader.fetch(retentionsql.SURPLUS_FIRES, *key, *asked, SLICE)
    here = (*key, failed)
    if len(found) == SLICE:
        return _Slice(found, (*here, found[-1]["due_at"], found[-1]["id"]), True, here)
    return _Slice(found, key if failed else (*key, *FAILED), True, here)


async def _audit(driver: Driver, until: int) -> Pruned:
    """From its beginning, as long as that is old."""
    rows = await driver.page_reader.fetch(retentionsql.AUDIT, until, ROWS_AT_ONCE)
    doomed = _Slice(rows, (), False).ripe("id")
    gone = await _forget(driver, forget_audit, doomed)
    return Pruned(rows=gone, place=(), more=len(doomed) == ROWS_AT_ONCE)


async def _versions(driver: Driver, place: Place, until: int) -> Pruned:
    """What no task and no fire refers to, in the order of the tasks' ids: few at a time, unless many of them go."""
    asked = (*(place or ("", 0)), until, VERSIONS_AT_ONCE)
    rows = await driver.page_reader.fetch(retentionsql.VERSIONS, *asked)
    full = len(rows) == VERSIONS_AT_ONCE
    following = (rows[-1]["task_id"], rows[-1]["version"]) if full else ()
    doomed = _Slice(rows, following, full).ripe("task_id", "version")
    gone = await _forget(driver, forget_versions, doomed)
    return Pruned(rows=gone, place=following, more=full and gone >= WORTH_GOING_ON)


async def _forget(driver: Driver, operation: Operation[Doomed, int], doomed: Doomed) -> int:
    """Also on a full disk, where it is what makes room."""
    return await driver.submit(operation, doomed, Need.URGENT) if doomed else 0


async def forget_fires(tx: Tx, asked: Sequence[Doomed]) -> Sequence[int]:
    """Deletes ended fires, their attempts and what was reported of them: as many, from the first on, as there is time
    for, but at least a few. Answers how many those were."""
    return [await _forget_fires(tx, ids) for ids in asked]


async def _forget_fires(tx: Tx, ids: Doomed) -> int:
    until, done = time.monotonic() + LONGEST_WRITE_S, 0
    while done < len(ids) and (not done or time.monotonic() < until):
        portion = dumps(ids[done : done + PORTION])
        await tx.execute(retentionsql.REMEMBER, portion)
        await tx.execute(retentionsql.FORGET_ATTEMPTS, portion)
        await tx.execute(retentionsql.FORGET_NOTES, portion)
        await tx.execute(retentionsql.FORGET_FIRES, portion)
        done += PORTION
    return min(done, len(ids))


async def forget_audit(tx: Tx, asked: Sequence[Doomed]) -> Sequence[int]:
    """Deletes rows of the audit."""
    return [len(await tx.fetch(retentionsql.FORGET_AUDIT, dumps(ids))) for ids in asked]


async def forget_versions(tx: Tx, asked: Sequence[Doomed]) -> Sequence[int]:
    """Deletes versions that meanwhile nothing refers to either."""
    return [len(await tx.fetch(retentionsql.FORGET_VERSIONS, dumps(keys))) for keys in asked]
