"""How a database is, as facts; what of it somebody has to look at, and what stands in a look's way."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dispatchserver.domain.errors import DispatchError

LEAST_ROOM = 128 * 1024 * 1024
"""Bytes that a disk should have to spare: the write-ahead log may take half of them by itself."""

LARGEST_LOG = 256 * 1024 * 1024
"""Bytes that the write-ahead log may come to for a moment; if it stays larger, it does not get into the file."""


class DatabaseMissing(DispatchError):
    """There is no database of ours in this place; `path` is where it was looked for."""

    code = "store.missing"


class BackupExists(DispatchError):
    """A file has the name `path` that a backup was to get; it was left alone."""

    code = "backup.exists"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One look at a database file; sizes are bytes.

    `damage` is what the check of its pages said; `strays` counts rows that contradict others, by kind, and
    `late` those that a running server should have moved on. `known` is the latest schema that this program knows.
    """

    path: Path
    file: int
    log: int
    unused: int
    room: int
    schema: int
    known: int
    running: str | None
    seconds: float
    damage: Sequence[str] = ()
    strays: Mapping[str, int]
    late: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to look at: a message key under `doctor.found`, what fills it, and whether the file itself is broken."""

    code: str
    params: Mapping[str, object]
    damage: bool = False


def findings(condition: Condition) -> Sequence[Finding]:
    """What is not as it should be, the worst first; nothing when all is well."""
    return [*_found(condition), *_in_the_way(condition)]


def _found(condition: Condition) -> Iterator[Finding]:
    if condition.damage:
        why = "; ".join(condition.damage)
        yield Finding("damage", {"why": why}, damage=True)
    if condition.schema > condition.known:
        yield Finding("newer", {"schema": condition.schema, "known": condition.known})
    for kind, count in condition.strays.items():
        if count:
            yield Finding(kind, {"count": count})
    for kind, count in condition.late.items():
        if count and condition.running is not None:
            yield Finding(kind, {"count": count})


def _in_the_way(condition: Condition) -> Iterator[Finding]:
    if condition.log > LARGEST_LOG:
        yield Finding("log", {"log": condition.log // 2**20})
    if condition.room < LEAST_ROOM:
        yield Finding("room", {"room": condition.room // 2**20, "least": LEAST_ROOM // 2**20})
