"""Copies a database into one file, as it was at one moment, also beside a running server."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from dispatchserver.domain.condition import BackupExists
from dispatchserver.domain.errors import StoreCorrupt, StoreUnavailable
from dispatchserver.stores.condition import open_to_read
from dispatchserver.stores.sqlitefile import unreadable


@dataclass(frozen=True, slots=True)
class Copied:
    """A finished copy: its size in bytes, and how many seconds it took."""

    size: int
    seconds: float


def back_up(source: Path, target: Path) -> Copied:
    """Copies, checks the copy, and gives it its name only then: a file called `target` is whole and on the disk.

    Raises DatabaseMissing, BackupExists, StoreCorrupt (the copy did not pass its check), StoreUnavailable.
    """
    began = time.monotonic()
    try:
        with _reserved(target) as part:
            with closing(open_to_read(source)) as connection:
                connection.execute("VACUUM INTO ?", (str(part),))
            _check(part)
            _sync(part)
            os.replace(part, target)
            _sync(target.parent)
    except (OSError, sqlite3.Error) as error:
        raise unreadable(source, error) from error
    return Copied(target.stat().st_size, time.monotonic() - began)


@contextmanager
def _reserved(target: Path) -> Iterator[Path]:
    """Takes the name for an empty file, so that nobody else's is replaced; gives a second one to write to.

    Both are for their owner alone before anything is in them, and gone when anything goes wrong.
    """
    part = target.with_name(target.name + ".part")
    _make(target)
    try:
        part.unlink(missing_ok=True)  # of a copy that was killed
        _make(part)
        yield part
    except BaseException:
        part.unlink(missing_ok=True)
        target.unlink()
        raise


def _make(path: Path) -> None:
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError as error:
        raise BackupExists(path=path) from error
    except OSError as error:
        raise StoreUnavailable(f"{path}: {error.strerror}") from error


def _check(part: Path) -> None:
    with closing(open_to_read(part)) as copy:
        (told,) = copy.execute("PRAGMA quick_check(1)").fetchone()
    if told != "ok":
        raise StoreCorrupt(f"{part}: {told}")


def _sync(path: Path) -> None:
    """Onto the disk: SQLite leaves that out for a copy."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
