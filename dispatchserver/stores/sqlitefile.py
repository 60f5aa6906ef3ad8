"""A database file as such: how it is read without being changed, and what its errors mean."""

import sqlite3
from pathlib import Path

from dispatchserver.domain.errors import StoreCorrupt, StoreUnavailable

DAMAGES = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def read_uri(path: Path) -> str:
    """What to connect to, so that the file cannot be changed."""
    return f"{path.resolve().as_uri()}?mode=ro"


def primary_code(error: Exception) -> int | None:
    """What the database itself called the error; the finer kinds of one share it."""
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def unreadable(path: Path, error: Exception) -> StoreUnavailable:
    """The refusal for what went wrong with this file: StoreCorrupt where its pages make no sense, or it is none."""
    kind = StoreCorrupt if primary_code(error) in DAMAGES else StoreUnavailable
    return kind(f"{path}: {error}")
