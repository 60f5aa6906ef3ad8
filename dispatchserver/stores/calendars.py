"""Named calendars as batched writes, and the Calendars of ports.py over any driver."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from dispatchserver.domain.calendar import Edition
from dispatchserver.domain.calendarspec import (
    CalendarKey,
    CalendarPut,
    DecideDays,
    StoredCalendar,
)
from dispatchserver.domain.changing import plan_anew
from dispatchserver.domain.errors import CalendarInUse, CalendarNotFound, DispatchError
from dispatchserver.domain.jsontext import dumps
from dispatchserver.domain.moments import to_ms
from dispatchserver.ports import Actor
from dispatchserver.stores import groupsql, sql
from dispatchserver.stores.batches import put
from dispatchserver.stores.calendarspecs import read_calendar, read_tasks, spec_json
from dispatchserver.stores.driver import Driver, Reader, Tx
from dispatchserver.stores.taskwrites import Command, write_changes


@dataclass(frozen=True, slots=True)
class Put:
    """A calendar to be made or changed."""

    key: CalendarKey
    decide: DecideDays
    actor: Actor
    now: datetime


@dataclass(frozen=True, slots=True)
class Deletion:
    """A calendar to be forgotten."""

    key: CalendarKey
    actor: Actor
    now: datetime


class SqlCalendars:
    """Calendars in the tasks' database; see ports.Calendars for every method's promise."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    async def put(
        self, key: CalendarKey, decide: DecideDays, actor: Actor, now: datetime
    ) -> CalendarPut:
        return await self._driver.submit(put_calendars, Put(key, decide, actor, now))

    async def find(self, key: CalendarKey) -> StoredCalendar | None:
        return await _find(self._driver.page_reader, key)

    async def list(self, namespace: str) -> Sequence[tuple[StoredCalendar, int]]:
        found = await self._driver.page_reader.fetch(sql.LIST_CALENDARS, namespace)
        return [(read_calendar(row), row["tasks"]) for row in found]

    async def delete(self, key: CalendarKey, actor: Actor, now: datetime) -> None:
        await self._driver.submit(delete_calendars, Deletion(key, actor, now))


async def _find(reader: Reader | Tx, key: CalendarKey) -> StoredCalendar | None:
    found = await reader.fetch(sql.FIND_CALENDARS, dumps([[key.namespace, key.name]]))
    return read_calendar(found[0]) if found else None


async def put_calendars(tx: Tx, asked: Sequence[Put]) -> Sequence[CalendarPut | Exception]:
    """Makes or changes calendars one after the other: each must see what the one before it did."""
    return [await _put_one(tx, each) for each in asked]


async def _put_one(tx: Tx, asked: Put) -> CalendarPut | Exception:
    standing = await _find(tx, asked.key)
    try:
        spec = asked.decide(standing)
    except DispatchError as refusal:
        return refusal
    if standing is not None and standing.spec == spec:
        return CalendarPut(calendar=standing)
    stored = StoredCalendar(
        key=asked.key,
        version=1 if standing is None else standing.version + 1,
        spec=spec,
        updated_at=asked.now,
        updated_by=asked.actor.who,
    )
    await _write(tx, stored)
    await _note(tx, asked, "calendar_added" if standing is None else "calendar_changed", stored)
    return CalendarPut(calendar=stored) if standing is None else await _plan_anew(tx, asked, stored)


async def _plan_anew(tx: Tx, asked: Put, stored: StoredCalendar) -> CalendarPut:
    """Plans the tasks that use the calendar by its new days."""
    key, now = asked.key, asked.now
    found = await tx.fetch(sql.CALENDAR_TASKS, key.namespace, key.name)
    edition = Edition(key.name, stored.version, stored.spec.calendar())
    decided = []
    for task in await read_tasks(tx, found):
        command = Command(task.key, plan_anew(task.key, edition, now), asked.actor, now)
        decided.append((command, command.decide(task)))
    struck = await write_changes(tx, decided)
    dues = [change.after.next_fire_at for _, change in decided if change.after]
    earliest = min((due for due in dues if due is not None), default=None)
    gone = tuple(chain.from_iterable(struck.values()))
    return CalendarPut(calendar=stored, next_fire_at=earliest, struck=gone)


async def _write(tx: Tx, stored: StoredCalendar) -> None:
    await tx.execute(
        sql.PUT_CALENDAR,
        stored.key.namespace,
        stored.key.name,
        spec_json(stored.spec),
        stored.version,
        to_ms(stored.updated_at),
        stored.updated_by,
    )


async def delete_calendars(tx: Tx, asked: Sequence[Deletion]) -> Sequence[Exception | None]:
    """Forgets calendars that no task uses, and no group gives to its tasks."""
    return [await _delete_one(tx, each) for each in asked]


async def _delete_one(tx: Tx, asked: Deletion) -> Exception | None:
    key = asked.key
    standing = await _find(tx, key)
    if standing is None:
        return CalendarNotFound(key.name)
    if used := await tx.fetch(sql.CALENDAR_USE, key.namespace, key.name):
        row = used[0]
        return CalendarInUse(key.name, row["tasks"], row["grp"], row["name"])
    if usual := await tx.fetch(groupsql.CALENDAR_USUAL, key.namespace, key.name):
        return CalendarInUse(key.name, len(usual), usual[0]["name"], None)
    await tx.execute(sql.DELETE_CALENDAR, key.namespace, key.name)
    await _note(tx, asked, "calendar_deleted", standing)
    return None


async def _note(tx: Tx, asked: Put | Deletion, action: str, calendar: StoredCalendar) -> None:
    actor, key = asked.actor, asked.key
    row = [
        to_ms(asked.now),
        actor.who,
        actor.door,
        action,
        key.namespace,
        "",
        key.name,
        calendar.version,
        None,
        "",
    ]
    await put(tx, sql.PUT_AUDIT, [row])
