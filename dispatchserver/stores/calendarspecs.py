"""What an owner said of a calendar, as the JSON that its row keeps, and back."""

import json
from collections.abc import Sequence
from datetime import date
from functools import lru_cache

from dispatchserver.domain.calendar import Calendar, DateRange, Edition
from dispatchserver.domain.calendarspec import (
    Absence,
    CalendarKey,
    CalendarSpec,
    StoredCalendar,
)
from dispatchserver.domain.jsontext import dumps
from dispatchserver.domain.moments import from_ms
from dispatchserver.domain.task import Task
from dispatchserver.stores import rows, sql
from dispatchserver.stores.driver import Reader, Row, Tx


def spec_json(spec: CalendarSpec) -> str:
    """The document of a row."""
    return dumps(
        {
            "weekdays": list(spec.weekdays),
            "excluded": [
                [away.dates.first.isoformat(), away.dates.last.isoformat(), away.title]
                for away in spec.excluded
            ],
            "working": [day.isoformat() for day in spec.working],
            "note": spec.note,
        }
    )


@lru_cache(maxsize=256)
def read_spec(text: str) -> CalendarSpec:
    """Parsed once per distinct text."""
    doc = json.loads(text)
    return CalendarSpec(
        weekdays=tuple(doc["weekdays"]),
        excluded=tuple(
            Absence(DateRange(date.fromisoformat(first), date.fromisoformat(last)), title)
            for first, last, title in doc["excluded"]
        ),
        working=tuple(map(date.fromisoformat, doc["working"])),
        note=doc.get("note", ""),
    )


@lru_cache(maxsize=256)
def read_days(text: str) -> Calendar:
    """The days that a document says, worked out once per distinct text: a plan must not pay for it."""
    return read_spec(text).calendar()


async def editions_of(reader: Reader | Tx, found: Sequence[Row]) -> rows.Editions:
    """The calendars that these task rows name, as they stand; costs nothing where none is named."""
    named = {(row["namespace"], row["calendar"]) for row in found if row["calendar"] is not None}
    if not named:
        return {}
    standing = await reader.fetch(sql.FIND_CALENDARS, dumps(sorted(named)))
    return {
        (row["namespace"], row["name"]): Edition(
            row["name"], row["version"], read_days(row["document"])
        )
        for row in standing
    }


async def read_tasks(reader: Reader | Tx, found: Sequence[Row]) -> list[Task]:
    """The tasks of these rows, each with its calendar."""
    editions = await editions_of(reader, found)
    return [rows.read_task(row, editions) for row in found]


def read_calendar(row: Row) -> StoredCalendar:
    return StoredCalendar(
        key=CalendarKey(namespace=row["namespace"], name=row["name"]),
        version=row["version"],
        spec=read_spec(row["document"]),
        updated_at=from_ms(row["updated_at"]),
        updated_by=row["updated_by"],
    )
