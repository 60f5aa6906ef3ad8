"""After a stop that was not clean, a database is checked before anything is believed or written.

Whether it was clean stands in the file's own header (user_version), so that it goes where the file goes.
"""

import logging
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

import aiosqlite

from dispatchserver.domain.errors import StoreCorrupt
from dispatchserver.stores.sqlitefile import primary_code, read_uri

STOPPED_CLEANLY = 1
CLEAN = f"PRAGMA user_version = {STOPPED_CLEANLY}"
IN_USE = "PRAGMA user_version = 0"
BUDGET_S = 30.0
STEPS_BETWEEN_LOOKS = 10_000
TOLD_DAMAGES = 10

log = logging.getLogger(__name__)


async def check(path: Path, budget_s: float = BUDGET_S) -> None:
    """Passes what was closed cleanly, or is sound; raises StoreCorrupt, sqlite3.Error. The file must be there.

    A check that takes longer than its budget is left unfinished, and the log says so.
    """
    began = time.monotonic()
    async with aiosqlite.connect(read_uri(path), uri=True, isolation_level=None) as connection:
        ((version,),) = await connection.execute_fetchall("PRAGMA user_version")
        if version == STOPPED_CLEANLY:
            return
        end = began + budget_s
        await connection.set_progress_handler(lambda: time.monotonic() > end, STEPS_BETWEEN_LOOKS)
        damage = await _damage(connection)
    if damage is None:
        log.warning("store.check_unfinished", extra={"seconds": budget_s, "next": "doctor"})
    elif damage:
        raise StoreCorrupt(f"{path}: {'; '.join(damage)}")
    else:
        log.info("store.checked", extra={"seconds": round(time.monotonic() - began, 3)})


async def _damage(connection: aiosqlite.Connection) -> Sequence[str] | None:
    """What is wrong with the pages; None when there was not time enough to know."""
    try:
        told = await connection.execute_fetchall(f"PRAGMA quick_check({TOLD_DAMAGES})")
    except sqlite3.OperationalError as error:
        if primary_code(error) != sqlite3.SQLITE_INTERRUPT:
            raise
        return None
    lines = [line for row in told for line in str(row[0]).splitlines()]
    return [] if lines == ["ok"] else lines
