"""Brings a database to this version's schema: numbered SQL files, each applied once and remembered by checksum."""

import hashlib
import re
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib import resources

from dispatchserver.domain.errors import StoreUnavailable
from dispatchserver.stores.writethread import WriteThread

LEDGER = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL
)
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema's history."""

    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def known(database: str) -> Iterator[Migration]:
    """All migrations of one kind of database, in order."""
    folder = resources.files("dispatchserver.stores").joinpath("migrations", database)
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if match := re.fullmatch(r"(\d{4})_(\w+)\.sql", file.name):
            yield Migration(int(match[1]), match[2], file.read_text("utf-8"))


async def migrate(connection: WriteThread) -> list[str]:
    """Applies what is missing, each file in one transaction; returns the names of those applied.

    Raises StoreUnavailable when the database is of a newer version, or was made by a changed file.
    """
    await connection.execute(LEDGER)
    rows = await connection.fetch("SELECT number, checksum FROM schema_migrations")
    applied = {row["number"]: row["checksum"] for row in rows}
    ours = list(known("sqlite"))
    if newer := set(applied) - {migration.number for migration in ours}:
        raise StoreUnavailable(f"the database has migration {max(newer)} of a newer version")
    return [m.name for m in ours if await _apply(connection, m, applied.get(m.number))]


async def _apply(connection: WriteThread, migration: Migration, done: str | None) -> bool:
    if done is not None and done != migration.checksum:
        raise StoreUnavailable(f"migration {migration.number} was changed after it was applied")
    if done is not None:
        return False
    try:
        await connection.script(
            "PRAGMA temp_store = FILE;\n"  # what an index of millions of rows sorts is too much for memory
            "BEGIN IMMEDIATE;\n"
            f"{migration.sql}\n"
            f"INSERT INTO schema_migrations VALUES ({migration.number}, '{migration.name}', '{migration.checksum}');\n"
            "COMMIT;\n"
            "PRAGMA temp_store = MEMORY;"
        )
    except sqlite3.Error as error:
        with suppress(sqlite3.Error):  # it may have been the BEGIN that failed
            await connection.execute("ROLLBACK")
        raise StoreUnavailable(f"migration {migration.number}: {error}") from error
    return True
