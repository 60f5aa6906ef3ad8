"""What the address of a list says: its filters, as values and as links. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit
from zoneinfo import ZoneInfo

from dispatchserver.domain.errors import Fault, Refused
from dispatchserver.domain.faults import Faults
from dispatchserver.domain.fields import FieldReader, as_member, as_moment
from dispatchserver.domain.fire import FireState
from dispatchserver.domain.jsontext import JsonValue
from dispatchserver.domain.listing import FireFilter, PageRequest, TaskFilter
from dispatchserver.domain.task import DEFAULT_NAMESPACE, TaskKey, TaskState

HOME = "/tasks"
ROWS = 50
TASK_FIELDS = ("group", "text", "state")
FIRE_FIELDS = ("group", "name", "state", "from", "to")

E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """The filter fields as they were typed, the page asked for, and what is wrong with the fields."""

    values: Mapping[str, str]
    page: PageRequest
    faults: Mapping[str, Fault]

    @property
    def narrowed(self) -> bool:
        """Whether any filter is set."""
        return any(self.values.values())

    def next_url(self, path: str, cursor: str | None) -> str | None:
        """The address of the page after this one, if there is one."""
        return None if cursor is None else link(path, **self.values, cursor=cursor)


def link(path: str, **params: str | None) -> str:
    """An address with its query; what is None or empty is left out."""
    query = urlencode({key: value for key, value in params.items() if value})
    return f"{path}?{query}" if query else path


def with_params(address: str, **params: str) -> str:
    """A local address with these parameters set in its query."""
    parts = urlsplit(address)
    query = dict(parse_qsl(parts.query)) | params
    return link(parts.path, **query)


def without(address: str, *names: str) -> str:
    """A local address less these parameters of its query."""
    parts = urlsplit(address)
    return link(parts.path, **{k: v for k, v in parse_qsl(parts.query) if k not in names})


def local(address: str | None) -> str:
    """The address when it stays on this server, else the home page: nobody is sent elsewhere after signing in."""
    if not address or not address.startswith("/") or address.startswith(("//", "/\\")):
        return HOME
    if not address.isascii() or not address.isprintable() or "\\" in address:
        return HOME
    return address


def read_key(fields: Mapping[str, str]) -> TaskKey:
    """The task that an address or a form speaks of."""
    return TaskKey(group=fields.get("group", ""), name=fields.get("name", ""))


def read_task_query(query: Mapping[str, str]) -> tuple[TaskFilter, Query]:
    """The filter of the task list."""
    values, faults = _values(query, TASK_FIELDS), Faults()
    state = FieldReader(values, faults).take("state", partial(as_member, kind=TaskState), None)
    wanted = TaskFilter(
        namespace=DEFAULT_NAMESPACE,
        group=values["group"] or None,
        text=values["text"].strip() or None,
        state=state,
    )
    return wanted, _query(values, query, faults)


def read_fire_query(query: Mapping[str, str], zone: ZoneInfo) -> tuple[FireFilter, Query]:
    """The filter of the log; its times are the zone's clock times."""
    values, faults = _values(query, FIRE_FIELDS), Faults()
    reader = FieldReader(values, faults)
    state = reader.take("state", partial(as_member, kind=FireState), None)
    wanted = FireFilter(
        namespace=DEFAULT_NAMESPACE,
        group=values["group"] or None,
        name=values["name"] or None,
        state=state,
        since=_moment(reader, "from", zone),
        until=_moment(reader, "to", zone),
    )
    return wanted, _query(values, query, faults)


def read_moment(
    query: Mapping[str, str], name: str, zone: ZoneInfo
) -> tuple[datetime | None, dict[str, Fault]]:
    """One moment of an address, by the zone's clock; None where there is none, or it is faulty."""
    faults = Faults()
    return _moment(FieldReader(query, faults), name, zone), by_field(faults)


def _moment(reader: FieldReader, name: str, zone: ZoneInfo) -> datetime | None:
    def read(value: JsonValue) -> datetime | None:
        return as_moment(value, zone)

    return reader.take(name, read, None)


def _values(query: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    return {name: query.get(name, "") for name in names}


def _query(values: Mapping[str, str], query: Mapping[str, str], faults: Faults) -> Query:
    return Query(
        values=values,
        page=PageRequest(limit=ROWS, cursor=query.get("cursor") or None),
        faults=by_field(faults),
    )


def by_field(faults: Faults) -> dict[str, Fault]:
    """The first fault of each field."""
    try:
        faults.raise_if_any()
    except Refused as refused:
        return {fault.field: fault for fault in reversed(refused.faults)}
    return {}
