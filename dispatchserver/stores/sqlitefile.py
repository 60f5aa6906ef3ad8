"""A database file as such: how it is read without being changed, and what its errors mean."""

import sqlite3
from pathlib import Path

from dispatchserver.domain.errors import StoreCorrupt, StoreUnavailable
from dispatchserver.stores.driver import Trouble

DAMAGES = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
# What could not be written has left no commit in the log. After a failed sync a commit stands in the log, but the
# system may have forgotten its pages: a second sync would succeed and mean nothing.
UNSURE = (sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC)
UNWRITABLE = (
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
)


def read_uri(path: Path) -> str:
    """What to connect to, so that the file cannot be changed."""
    return f"{path.resolve().as_uri()}?mode=ro"


def primary_code(error: Exception) -> int | None:
    """What the database itself called the error; the finer kinds of one share it."""
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def trouble_of(error: Exception) -> Trouble:
    """What the error of a write says of the database."""
    code = primary_code(error)
    if code in DAMAGES:
        return Trouble.DAMAGED
    if getattr(error, "sqlite_errorcode", None) in UNSURE:
        return Trouble.UNSURE
    if code in UNWRITABLE:
        return Trouble.UNWRITABLE
    return Trouble.BUSY if isinstance(error, sqlite3.OperationalError) else Trouble.STATEMENT


def unreadable(path: Path, error: Exception) -> StoreUnavailable:
    """The refusal for what went wrong with this file: StoreCorrupt where its pages make no sense, or it is none."""
    kind = StoreCorrupt if primary_code(error) in DAMAGES else StoreUnavailable
    return kind(f"{path}: {error}")
