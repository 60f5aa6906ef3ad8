"""Lists for people: filtered, keyset-paged SELECTs, built from constant pieces and parameters."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from dispatchserver.domain import jsontext
from dispatchserver.domain.errors import Invalid, TaskUnreadable
from dispatchserver.domain.fire import Fire, FireState
from dispatchserver.domain.jsontext import dumps
from dispatchserver.domain.listing import FireFilter, Page, PageRequest, T, TaskFilter, TaskStatus
from dispatchserver.domain.moments import to_ms
from dispatchserver.stores import rows, sql
from dispatchserver.stores.calendarspecs import editions_of
from dispatchserver.stores.deadsql import ADDRESSED, AMONG, ONE, REPLAYED, counted
from dispatchserver.stores.driver import Reader, Row
from dispatchserver.stores.triggerspecs import ms

PAGE_LIMIT = 500
# Whatever has a name lies in some group: each is found by one step from the one before it.
LOGGED_GROUPS = """
WITH RECURSIVE logged (grp) AS (
    SELECT min(grp) FROM fires WHERE namespace = ?
    UNION ALL
    SELECT (SELECT min(f.grp) FROM fires f WHERE f.namespace = ? AND f.grp > logged.grp) FROM logged
    WHERE logged.grp IS NOT NULL
) SELECT grp FROM logged
"""


@dataclass(slots=True)
class _Query:
    """A SELECT in the making: conditions with $1, $2 … in the order in which values come."""

    values: list[object] = field(default_factory=list)
    conditions: list[str] = field(default_factory=list)

    def where(self, condition: str, *values: object) -> None:
        """Adds a condition whose `?` marks stand for the values."""
        for value in values:
            self.values.append(value)
            condition = condition.replace("?", f"${len(self.values)}", 1)
        self.conditions.append(condition)

    def text(self, select: str, order: str, limit: int) -> str:
        self.values.append(limit)
        return f"{select} WHERE {' AND '.join(self.conditions)} ORDER BY {order} LIMIT ${len(self.values)}"


async def list_tasks(reader: Reader, wanted: TaskFilter, page: PageRequest) -> Page[TaskStatus]:
    """Tasks by group and name."""
    query = _Query()
    query.where("t.namespace = ?", wanted.namespace)
    if wanted.group is not None:
        query.where("t.grp = ?", wanted.group)
    if wanted.state is not None:  # the word itself, by which its index is found
        query.where(f"t.state = '{wanted.state}'")
    if wanted.calendar is not None:
        query.where("t.calendar = ?", wanted.calendar)
    if wanted.secret is not None:
        query.where("v.secret = ?", wanted.secret)
    if wanted.text:
        like = f"%{_escaped(wanted.text)}%"
        query.where("(t.name LIKE ? ESCAPE '\\' OR t.grp LIKE ? ESCAPE '\\')", like, like)
    if page.cursor is not None:
        group, name = _read_cursor(page.cursor, (str, str))
        if wanted.group is None:
            query.where("(t.grp, t.name) > (?, ?)", group, name)
        else:  # beside `grp = ?` the pair would cost SQLite a sort
            query.where("t.name > ?", name)
    text = query.text(sql.TASKS, "t.grp, t.name", _limit(page) + 1)
    found = await reader.fetch(text, *query.values)
    editions = await editions_of(reader, found)
    kept = found[: page.limit]
    items = tuple(status for row in kept if (status := _readable(row, editions)) is not None)
    more = len(found) > page.limit
    return Page(
        items=items, next_cursor=_cursor([kept[-1]["grp"], kept[-1]["name"]]) if more else None
    )


def _readable(row: Row, editions: rows.Editions) -> TaskStatus | None:
    """One task that cannot be read must not hide the others; asked for by its name, it says why."""
    try:
        return rows.read_status(row, editions)
    except TaskUnreadable:
        return None


async def list_fires(reader: Reader, wanted: FireFilter, page: PageRequest) -> Page[Fire]:
    """Fires, the latest due first."""
    query = _fires_query(wanted)
    if page.cursor is not None:
        query.where("(due_at, id) < (?, ?)", *_read_cursor(page.cursor, (int, str)))
    text = query.text(f"{sql.FIRES} {_along(wanted)}", "due_at DESC, id DESC", _limit(page) + 1)
    found = await reader.fetch(text, *query.values)
    return _page(found, page, rows.read_fire, lambda fire: [to_ms(fire.due_at), fire.id])


async def count_fires(reader: Reader, wanted: FireFilter, most: int) -> int:
    """How many fires there are, counted up to `most`."""
    query = _fires_query(wanted)
    text = counted(query.text(f"{ONE} {_along(wanted)}", "due_at DESC, id DESC", most))
    (row,) = await reader.fetch(text, *query.values)
    found: int = row["n"]
    return found


def _fires_query(wanted: FireFilter) -> _Query:
    query = _Query()
    query.where("namespace = ?", wanted.namespace)
    if wanted.state is not None:
        query.where(f"state = '{wanted.state}'")
    if wanted.replayed is not None:
        query.where(REPLAYED if wanted.replayed else f"NOT {REPLAYED}")
    if wanted.name is not None and wanted.group is None:
        query.where(f"grp IN ({LOGGED_GROUPS})", wanted.namespace, wanted.namespace)
    conditions: dict[str, object] = {
        "grp = ?": wanted.group,
        "name = ?": wanted.name,
        "reason = ?": wanted.reason,
        "due_at >= ?": ms(wanted.since),
        "due_at < ?": ms(wanted.until),
        ADDRESSED: wanted.address and f"%{_escaped(wanted.address)}%",
        AMONG: None if wanted.ids is None else dumps(wanted.ids),
    }
    for condition, value in conditions.items():
        if value is not None:
            query.where(condition, value)
    return query


def _along(wanted: FireFilter) -> str:
    """The index to walk. SQLite would guess it by what indexes look like; which one reads least, the filter tells."""
    if wanted.ids is not None:
        return ""
    if wanted.state is FireState.FAILED and wanted.group is not None:
        return "INDEXED BY fires_dead_of_group"
    if wanted.state in OF_STATE:
        return f"INDEXED BY {OF_STATE[wanted.state]}"
    if wanted.name is not None:
        return "INDEXED BY fires_log_of_task"
    if wanted.state in OPEN_ONES:
        return f"INDEXED BY {OPEN_ONES[wanted.state]}"
    return f"INDEXED BY {'fires_log' if wanted.group is None else 'fires_log_of_group'}"


OF_STATE = {
    FireState.FAILED: "fires_dead",
    FireState.SKIPPED: "fires_skipped",
    FireState.CANCELLED: "fires_cancelled",
    FireState.WAITING: "fires_awaited",
}
OPEN_ONES = {FireState.PENDING: "fires_pending", FireState.RUNNING: "fires_running"}
"""In no order of the log: these are sorted, for all of them are few."""


def _limit(page: PageRequest) -> int:
    if not 1 <= page.limit <= PAGE_LIMIT:
        raise Invalid("page.limit", limit=PAGE_LIMIT)
    return page.limit


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _page(
    found: Sequence[Row],
    page: PageRequest,
    read: Callable[[Row], T],
    key: Callable[[T], list[object]],
) -> Page[T]:
    """One row more than asked was fetched: it only tells that there is a next page."""
    items = tuple(read(row) for row in found[: page.limit])
    more = len(found) > page.limit
    return Page(items=items, next_cursor=_cursor(key(items[-1])) if more else None)


def _cursor(values: list[object]) -> str:
    return base64.urlsafe_b64encode(dumps(values).encode()).decode().rstrip("=")


def _read_cursor(text: str, kinds: Sequence[type]) -> list[object]:
    try:
        decoded = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("utf-8")
        values = jsontext.loads(decoded)
    except (Invalid, ValueError) as error:
        raise Invalid("page.cursor") from error
    if not isinstance(values, list) or [type(value) for value in values] != list(kinds):
        raise Invalid("page.cursor")
    if any(isinstance(value, int) and abs(value) >= 2**63 for value in values):
        raise Invalid("page.cursor")
    return values
