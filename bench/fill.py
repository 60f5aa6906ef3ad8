"""Fills a database: with tasks that fire next year, through the store's own statements, and with ended fires by SQL.

The fires lie in the past, evenly over some days, each of one of the first thousand tasks, its first attempt beside it:
of a hundred 96 succeeded, two failed and two were skipped. Indexes are made anew at the end, which takes a third of the
time that adding to them row by row would.
"""

import argparse
import asyncio
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4
from zoneinfo import ZoneInfo

from dispatchserver.domain import changing
from dispatchserver.domain.recall import HttpRecall
from dispatchserver.domain.task import TaskKey, TaskSpec
from dispatchserver.domain.trigger import SimpleTrigger
from dispatchserver.ports import Actor
from dispatchserver.stores import taskwrites
from dispatchserver.stores.migrate import migrate
from dispatchserver.stores.sqlite import SqliteDriver

PER_COMMIT = 1_000
PER_INSERT = 200_000
WITH_FIRES = 1_000
DAY_MS = 24 * 3600 * 1000
ACTOR = Actor(who="bench", door="bench")

# Of the parameters, ?1 is the first number and ?2 the last, ?3 how many there are, ?4 the newest due time, ?5 the span.
FIRES = """
INSERT INTO fires (id, namespace, task_id, grp, name, version, kind, priority, due_at, run_at, state, reason, attempts,
    claimed_by, claimed_at, finished_at, result)
WITH RECURSIVE numbers (n) AS (VALUES (?1) UNION ALL SELECT n + 1 FROM numbers WHERE n < ?2), dues AS (SELECT n, ?4 - CAST(?5 * (1.0 - 1.0 * n / ?3) AS INTEGER) AS due, n % 100 AS kind FROM numbers)
SELECT printf('%012x', due) || lower(hex(randomblob(10))), o.namespace, o.id, o.grp, o.name, o.version, 'scheduled', 0, due, due,
    CASE WHEN kind < 96 THEN 'succeeded' WHEN kind < 98 THEN 'failed' ELSE 'skipped' END,
    CASE WHEN kind < 96 THEN NULL WHEN kind < 98 THEN 'status' ELSE 'overlap' END, kind < 98,
    NULL, CASE WHEN kind < 98 THEN due END, due + 20, CASE WHEN kind < 96 THEN 'ok' END
FROM dues JOIN temp.owners o ON o.number = n / 7 % (SELECT count(*) FROM temp.owners)
"""
ATTEMPTS = """
INSERT INTO attempts (fire_id, number, node, started_at, ended_at, delivery, detail, status, excerpt, truncated, connect_ms,
    first_byte_ms, verdict, result, address)
SELECT id, 1, 'bench', due_at, due_at + 20, 'answered', '', 200, '{"success":"true","resultValue":"ok"}', 0, 1, 5,
    CASE state WHEN 'failed' THEN 'failure' ELSE 'success' END, result, 'http://127.0.0.1:9/'
FROM fires WHERE rowid > ?1 AND attempts = 1
"""
OWNERS = """
CREATE TEMP TABLE owners AS SELECT row_number() OVER (ORDER BY rowid) - 1 AS number, id, namespace, grp, name, version
FROM tasks ORDER BY rowid LIMIT ?1
"""
INDEXES = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'fires' AND sql IS NOT NULL"


async def main(database: Path, tasks: int, fires: int, days: float) -> None:
    """Makes the file and fills it."""
    began = time.monotonic()
    driver = await SqliteDriver.open(database, exclusive=True)
    try:
        await migrate(driver.writer)
        now = datetime.now(UTC).replace(microsecond=0)
        for first in range(0, tasks, PER_COMMIT):
            numbers = range(first, min(first + PER_COMMIT, tasks))
            await driver.writer.execute("BEGIN IMMEDIATE")
            await taskwrites.change_tasks(driver.writer, _commands(numbers, now))
            await driver.writer.execute("COMMIT")
    finally:
        await driver.close()
    if fires:
        add_fires(database, fires, days)
    print(f"{tasks} tasks, {fires} fires in {database}: {time.monotonic() - began:.0f} s")


def add_fires(database: Path, fires: int, days: float) -> None:
    """Writes them straight into the file, which nobody else may have open; a crash would leave it damaged."""
    newest = int(time.time() * 1000) - 60_000
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -2000000"):
            connection.execute(f"PRAGMA {pragma}")
        indexes = connection.execute(INDEXES).fetchall()
        for name, _ in indexes:
            connection.execute(f"DROP INDEX {name}")
        connection.execute(OWNERS, (WITH_FIRES,))
        for first in range(0, fires, PER_INSERT):
            last = min(first + PER_INSERT, fires) - 1
            (row,) = connection.execute("SELECT coalesce(max(rowid), 0) FROM fires").fetchone()
            connection.execute("BEGIN")
            connection.execute(FIRES, (first, last, fires, newest, int(days * DAY_MS)))
            connection.execute(ATTEMPTS, (row,))
            connection.execute("COMMIT")
        for _, sql in indexes:
            connection.execute(sql)
        connection.execute("PRAGMA journal_mode = WAL")


def _commands(numbers: Sequence[int], now: datetime) -> Sequence[taskwrites.Command]:
    return [_command(number, now) for number in numbers]


def _command(number: int, now: datetime) -> taskwrites.Command:
    key = TaskKey(group=f"group{number % 100}", name=f"task{number}")
    trigger = SimpleTrigger(
        start=now + timedelta(days=365, seconds=number),
        interval=timedelta(hours=1),
        count=None,
        zone=ZoneInfo("Asia/Shanghai"),
    )
    recall = HttpRecall(url="http://127.0.0.1:9/", data={"userid": f"U{number}", "note": "x" * 100})
    spec = TaskSpec(trigger=trigger, recall=recall)
    decide = changing.add(changing.Addition(key=key, spec=spec, at=now), new_id=uuid4().hex)
    return taskwrites.Command(key, decide, ACTOR, now)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", type=Path, required=True)
    parser.add_argument("--tasks", type=int, required=True)
    parser.add_argument("--fires", type=int, default=0)
    parser.add_argument("--days", type=float, default=6, help="over how long the fires lie")
    given = parser.parse_args()
    asyncio.run(main(given.database, given.tasks, given.fires, given.days))
