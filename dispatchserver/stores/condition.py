"""Looks a database over without changing it, also one that a server works on."""

import fcntl
import shutil
import sqlite3
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

from dispatchserver.domain.condition import Condition, DatabaseMissing
from dispatchserver.domain.moments import to_ms
from dispatchserver.stores import conditionsql
from dispatchserver.stores.migrate import known
from dispatchserver.stores.sqlitefile import read_uri, unreadable

LATE = timedelta(seconds=60)
TOLD_DAMAGES = 10


def look_over(path: Path, now: datetime) -> Condition:
    """How the database is; raises DatabaseMissing, StoreCorrupt where it cannot be read at all, StoreUnavailable."""
    began = time.monotonic()
    try:
        with closing(open_to_read(path)) as connection:
            damage = _damage(connection)
            return Condition(
                path=path,
                file=path.stat().st_size,
                log=_size(path.with_name(path.name + "-wal")),
                unused=_number(connection, "PRAGMA freelist_count")
                * _number(connection, "PRAGMA page_size"),
                room=shutil.disk_usage(path.parent).free,
                schema=_schema(connection, path),
                known=max(migration.number for migration in known("sqlite")),
                running=_server(path),
                damage=damage,
                strays={} if damage else _counts(connection, conditionsql.STRAYS),
                late={} if damage else _counts(connection, conditionsql.LATE, to_ms(now - LATE)),
                seconds=time.monotonic() - began,
            )
    except (OSError, sqlite3.Error) as error:
        raise unreadable(path, error) from error


def open_to_read(path: Path) -> sqlite3.Connection:
    """A connection that cannot change the file; raises DatabaseMissing, sqlite3.Error."""
    if not path.is_file():
        raise DatabaseMissing(path=path)
    return sqlite3.connect(read_uri(path), uri=True, isolation_level=None, timeout=5)


def _damage(connection: sqlite3.Connection) -> Sequence[str]:
    told = [row[0] for row in connection.execute(f"PRAGMA quick_check({TOLD_DAMAGES})")]
    return [] if told == ["ok"] else told


def _schema(connection: sqlite3.Connection, path: Path) -> int:
    try:
        return _number(connection, conditionsql.SCHEMA)
    except sqlite3.OperationalError as error:
        raise DatabaseMissing(path=path) from error  # somebody else's file, or an empty one


def _counts(
    connection: sqlite3.Connection, statements: Mapping[str, str], *args: int
) -> Mapping[str, int]:
    return {kind: _number(connection, text, *args) for kind, text in statements.items()}


def _number(connection: sqlite3.Connection, statement: str, *args: int) -> int:
    (found,) = connection.execute(statement, args).fetchone()
    number: int = found
    return number


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _server(path: Path) -> str | None:
    """The process that works on this database as a server, if there is one."""
    lock = path.with_name(path.name + ".lock")
    if not lock.exists():
        return None
    with lock.open(encoding="ascii") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return held.read().strip() or "?"
    return None
