"""The planner over many due cron tasks in a real database: due now, after a year's outage, and that under a calendar.

Told are the tasks a second, processor time a task, the passes it took, and the longest that the event loop stood still.
"""

import argparse
import asyncio
import cProfile
import pstats
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from bench.figures import tell
from bench.processes import folder
from dispatchserver.clock import SystemClock
from dispatchserver.domain import changing
from dispatchserver.domain.calendar import DateRange, Edition
from dispatchserver.domain.calendarspec import Absence, CalendarKey, CalendarSpec
from dispatchserver.domain.moments import to_ms
from dispatchserver.domain.recall import HttpRecall
from dispatchserver.domain.task import DEFAULT_NAMESPACE, Policies, TaskKey, TaskSpec
from dispatchserver.domain.trigger import CronDialect, CronTrigger, parse_cron
from dispatchserver.engine.hand import Hand
from dispatchserver.engine.planner import Planner
from dispatchserver.ports import Actor
from dispatchserver.stores import taskwrites
from dispatchserver.stores.calendars import SqlCalendars
from dispatchserver.stores.migrate import migrate
from dispatchserver.stores.sqlite import SqliteDriver
from dispatchserver.stores.store import SqlStore

PER_COMMIT = 1_000
ACTOR = Actor(who="bench", door="bench")
OUTAGE = timedelta(days=365)
SAMPLED_EVERY_S = 0.002
CALENDAR = "working days"
DAYS = CalendarSpec(
    weekdays=(6, 7),
    excluded=(Absence(DateRange(date(2026, 10, 1), date(2026, 10, 7)), "holiday"),),
    working=(),
)
ZONES = (
    *("Asia/Shanghai", "UTC", "America/New_York", "Europe/Berlin", "Asia/Tokyo", "Asia/Kolkata"),
    *(
        "America/Los_Angeles",
        "Europe/London",
        "Australia/Sydney",
        "America/Sao_Paulo",
        "Asia/Dubai",
    ),
    *("Africa/Cairo", "Africa/Lagos", "America/Chicago", "Asia/Singapore", "Europe/Moscow"),
    *("Pacific/Auckland", "America/Mexico_City", "Asia/Seoul", "Europe/Paris"),
)
DAY_FIELDS = ("* * ?", "? * MON-FRI", "1,15 * ?", "? * MON", "L * ?")


async def main(tasks: int) -> None:
    """Each of the three, in a database of its own."""
    for case in ("due now", "year's outage", "year's outage under a calendar"):
        with folder() as place:
            driver = await SqliteDriver.open(Path(place) / "planning.db", exclusive=True)
            try:
                await _fill(driver, tasks, case)
                figures = await _measure(SqlStore(driver), tasks)
            finally:
                await driver.close()
        tell("planning", {"case": case, "tasks": tasks}, figures)


def expressions() -> Iterator[str]:
    """Two hundred lines that fire some times a day or a month."""
    for number in range(200):
        hours = ("*", "8-18", "2", "9,17")[number % 4]
        yield f"0 {number * 7 % 60} {hours} {DAY_FIELDS[number % 5]}"


async def _fill(driver: SqliteDriver, tasks: int, case: str) -> None:
    await migrate(driver.writer)
    now = datetime.now(UTC).replace(microsecond=0)
    since = now if case == "due now" else now - OUTAGE
    edition = None
    if "calendar" in case:
        key = CalendarKey(namespace=DEFAULT_NAMESPACE, name=CALENDAR)
        await SqlCalendars(driver).put(key, lambda _: DAYS, ACTOR, since)
        edition = Edition(CALENDAR, 1, DAYS.calendar())
    lines = [parse_cron(text, CronDialect.QUARTZ) for text in expressions()]
    for first in range(0, tasks, PER_COMMIT):
        commands = []
        for number in range(first, min(first + PER_COMMIT, tasks)):
            zone = ZoneInfo(ZONES[number // len(lines) % len(ZONES)])
            trigger = CronTrigger(expression=lines[number % len(lines)], zone=zone)
            commands.append(_command(number, trigger, since, edition))
        await driver.writer.execute("BEGIN IMMEDIATE")
        await taskwrites.change_tasks(driver.writer, commands)
        await driver.writer.execute("COMMIT")
    if case == "due now":
        await driver.writer.execute("UPDATE tasks SET next_fire_at = $1", to_ms(now))


def _command(
    number: int, trigger: CronTrigger, since: datetime, edition: Edition | None
) -> taskwrites.Command:
    key = TaskKey(group=f"group{number % 100}", name=f"task{number}")
    policies = Policies(calendar=None if edition is None else edition.name)
    spec = TaskSpec(
        trigger=trigger, recall=HttpRecall(url="http://127.0.0.1:9/"), policies=policies
    )
    added = changing.Addition(key=key, spec=spec, at=since, edition=edition)
    return taskwrites.Command(key, changing.add(added, new_id=f"{number:032x}"), ACTOR, since)


class Stall:
    """Looks at the clock every two milliseconds, and keeps the longest it was kept from doing so."""

    def __init__(self) -> None:
        self.longest_s = 0.0

    async def watch(self) -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(SAMPLED_EVERY_S)
            self.longest_s = max(self.longest_s, time.perf_counter() - began - SAMPLED_EVERY_S)


async def _measure(store: SqlStore, tasks: int) -> Mapping[str, object]:
    stall = Stall()
    watching = asyncio.create_task(stall.watch())
    began, cpu = time.perf_counter(), time.process_time()
    passes = await _plan_all(store)
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    watching.cancel()
    return {
        "tasks_per_s": round(tasks / took),
        "cpu_ms_per_task": round(cpu * 1000 / tasks, 3),
        "passes": passes,
        "longest_stall_ms": round(stall.longest_s * 1000, 1),
    }


async def _plan_all(store: SqlStore) -> int:
    """Passes until nothing is due; how many they were."""
    clock, passes = SystemClock(), 0
    planner = Planner(store, clock, lambda moment: None, Hand())
    look_at: datetime | None = clock.now()
    while look_at is not None and look_at <= clock.now():
        look_at = await planner.run_once()
        passes += 1
    return passes


def _profiled(run: Callable[[], None]) -> None:
    """Runs this, and tells what took the time."""
    profiler = cProfile.Profile()
    profiler.runcall(run)
    pstats.Stats(profiler, stream=sys.stderr).sort_stats("tottime").print_stats(30)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--profile", action="store_true", help="to stderr, what took the time")
    given = parser.parse_args()
    measure = partial(asyncio.run, main(given.tasks))
    if given.profile:
        _profiled(measure)
    else:
        measure()
