"""Copies a database into one file, as it was at one moment, also beside a running server."""

import errno
import fcntl
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
    if target.exists():
        raise BackupExists(path=target)
    try:
        with _part_of(target) as part:
            with closing(open_to_read(source)) as connection:
                connection.execute("VACUUM INTO ?", (str(part),))
            _check(part)
            _sync(part)
            _name(part, target)
            _sync(target.parent)
    except (OSError, sqlite3.Error) as error:
        raise unreadable(source, error) from error
    return Copied(target.stat().st_size, time.monotonic() - began)


@contextmanager
def _part_of(target: Path) -> Iterator[Path]:
    """An empty file to write to, ours alone, for its owner alone before anything is in it, and gone afterwards.

    One that a copy left which was killed is used again; while another copy writes to it, the target counts as there.
    """
    part = target.with_name(target.name + ".part")
    journal = target.with_name(part.name + "-journal")
    held = _opened(part)
    try:
        _lock(held, part)
        try:
            os.ftruncate(held, 0)
            journal.unlink(missing_ok=True)
            yield part
        finally:
            part.unlink(missing_ok=True)
            journal.unlink(missing_ok=True)
    finally:
        os.close(held)


def _opened(part: Path) -> int:
    try:
        held = os.open(part, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise StoreUnavailable(f"{part}: {error.strerror}") from error
    os.fchmod(held, 0o600)
    return held


def _lock(held: int, part: Path) -> None:
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise BackupExists(path=part) from error


def _name(part: Path, target: Path) -> None:
    """Gives the copy its name, which nobody may have taken meanwhile: a link, unlike a rename, replaces nothing."""
    try:
        os.link(part, target)
    except FileExistsError as error:
        raise BackupExists(path=target) from error
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP):
            raise
        os.replace(part, target)  # a file system without links


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
