"""Gathers what is on record of a task around a moment."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from dispatchserver.domain.evidence import AuditEntry, Evidence, life_at
from dispatchserver.domain.fire import Fire
from dispatchserver.domain.moments import from_ms, to_ms
from dispatchserver.domain.task import Task, TaskKey
from dispatchserver.stores import ledgersql, rows, sql
from dispatchserver.stores.calendarspecs import read_tasks
from dispatchserver.stores.driver import Reader, Row

FIRES_LIMIT = 200
CHANGES_LIMIT = 50
FOR_EVER = 2**62


@dataclass(frozen=True, slots=True)
class Asked:
    """The task and the stretch of time that is asked for; `until` is not part of it."""

    key: TaskKey
    at: datetime
    until: datetime

    @property
    def name(self) -> tuple[str, str, str]:
        return self.key.namespace, self.key.group, self.key.name

    @property
    def span(self) -> tuple[int, int]:
        return to_ms(self.at), to_ms(self.until)


async def gather(reader: Reader, asked: Asked) -> Evidence:
    """The task, its version then, its fires and its changes; calendars are as they stand now."""
    found = await read_tasks(reader, await reader.fetch(sql.FIND_TASK, *asked.name))
    task = found[0] if found else None
    fires = await _fires(reader, asked)
    changes = await _changes(reader, asked)
    task_id = await _id_then(reader, asked, task, fires, changes)
    then = None if task_id is None else await _version_then(reader, asked, task_id, task)
    return Evidence(task=task, then=then, fires=fires, changes=changes)


async def _fires(reader: Reader, asked: Asked) -> Sequence[Fire]:
    name, span = asked.name, asked.span
    due = await reader.fetch(ledgersql.FIRES_OF_MINUTE, *name, *span, FIRES_LIMIT)
    covering = await reader.fetch(ledgersql.FIRES_OF_RANGES, *name, *span, FIRES_LIMIT)
    return [rows.read_fire(row) for row in (*due, *covering)]


async def _changes(reader: Reader, asked: Asked) -> Sequence[AuditEntry]:
    """Those nearest to the moment, before and after it, the newest first."""
    before = await reader.fetch(ledgersql.CHANGES_BEFORE, *asked.name, *asked.span, CHANGES_LIMIT)
    until = to_ms(asked.until)
    since = await reader.fetch(ledgersql.CHANGES_SINCE, *asked.name, until, CHANGES_LIMIT)
    return [_read_entry(row) for row in (*reversed(since), *before)]


async def _id_then(
    reader: Reader,
    asked: Asked,
    task: Task | None,
    fires: Sequence[Fire],
    changes: Sequence[AuditEntry],
) -> str | None:
    """Which task had this name then: a deleted one is known by its fires alone."""
    if fires:
        return fires[0].task_id
    if task is not None and task.created_at < asked.until:
        return task.id
    life = life_at(changes, asked.until)
    if life is None:
        return None
    until = FOR_EVER if life.until is None else to_ms(life.until)
    found = await reader.fetch(ledgersql.FIRE_OF_LIFE, *asked.name, to_ms(life.since), until)
    return found[0]["task_id"] if found else None


async def _version_then(
    reader: Reader, asked: Asked, task_id: str, task: Task | None
) -> Task | None:
    """The newest version said before the stretch ended, with what a misfire had made of it by then."""
    name, until = asked.name, to_ms(asked.until)
    found = await reader.fetch(ledgersql.VERSION_AT, task_id, *name, until)
    versions = await read_tasks(reader, found)
    if not versions:
        return None
    (then,) = versions
    if task is None or (task.id, task.version) != (then.id, then.version) or task.restart is None:
        return then
    return replace(then, restart=task.restart) if task.restart.at <= asked.at else then


def _read_entry(row: Row) -> AuditEntry:
    return AuditEntry(
        at=from_ms(row["at"]),
        who=row["who"],
        door=row["door"],
        action=row["action"],
        version=row["version"],
        fire_id=row["fire_id"],
        detail=row["detail"],
    )
