"""Fills a database with tasks that fire next year, through the store's own statements, a thousand a commit."""

import argparse
import asyncio
from collections.abc import Sequence
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
ACTOR = Actor(who="bench", door="bench")


async def main(database: Path, tasks: int) -> None:
    """Makes the file and fills it."""
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
    print(f"{tasks} tasks in {database}")


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
    given = parser.parse_args()
    asyncio.run(main(given.database, given.tasks))
