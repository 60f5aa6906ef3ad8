"""A server that keeps what its writer says to the database: `python -m bench.recording FILE serve …`. At its end it writes all of it
to the file, and how much of that came before SIGUSR1."""

import pickle
import signal
import sqlite3
import sys
import threading
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

Said = tuple[str, tuple[object, ...] | None]
"""A statement and its values; None with many statements in one text."""

said: list[Said] = []
marks: list[int] = []


class Recording(sqlite3.Connection):
    """A connection that keeps what the writer's thread says on it."""

    def execute(self, sql: str, args: Any = (), /) -> sqlite3.Cursor:
        values = tuple(args)
        _keep((sql, tuple(map(_plain, values))))
        return super().execute(sql, values)

    def executescript(self, sql: str, /) -> sqlite3.Cursor:
        _keep((sql, None))
        return super().executescript(sql)


def _keep(one: Said) -> None:
    if threading.current_thread().name == "store-writer":
        said.append(one)


def _plain(value: object) -> object:
    """What the database is told, without how it is called here."""
    if isinstance(value, str):
        return str(value)
    return int(value) if isinstance(value, int) else value


def replay(into: Path, recorded: Iterable[Said]) -> sqlite3.Connection:
    """Says the same to a database, and nothing else."""
    connection = sqlite3.connect(into, isolation_level=None, cached_statements=512)
    say(connection, recorded)
    return connection


def say(connection: sqlite3.Connection, recorded: Iterable[Said]) -> None:
    """Says it in the order in which it was said."""
    for sql, values in recorded:
        if values is None:
            connection.executescript(sql)
        else:
            connection.execute(sql, values).fetchall()


if __name__ == "__main__":
    sqlite3.connect = partial(sqlite3.connect, factory=Recording)
    from dispatchserver.cli import main

    into = Path(sys.argv[1])
    sys.argv = ["dispatchserver", *sys.argv[2:]]
    signal.signal(signal.SIGUSR1, lambda *_: marks.append(len(said)))
    try:
        main()
    finally:
        into.write_bytes(pickle.dumps((said, marks)))
