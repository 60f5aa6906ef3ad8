"""Group A, faults of the process: it is killed at every point of a fire's way, stopped, starved, stalled, started twice."""

import asyncio
import json
import os
import random
import resource
import signal
import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest

from dispatchserver.stores.migrate import known
from tests.faults.card import Line, is_long, note, rounds
from tests.faults.failpoints import KILLED, POINTS
from tests.faults.running import (
    Account,
    account,
    all_of,
    counting_sink,
    cpu_s,
    every,
    metric,
    metrics,
    once,
    put,
    started,
    up,
)
from tests.processes import Api, Process, asides, runs, serve, sink, until

SLOTS = 16
TASKS, TIMES, EVERY_S = 4, 5, 0.2
PASSES = {"after_send": 12, "after_response": 12, "after_materialise": 1}
"""How often at least a server comes by a point; where it does many fires at once, not for each of them."""
IMPORTED = 16_000
"""Lines of an import: so many that a process aside reads the last of them."""
SLACK_S = 3.0
"""What a busy machine may add to a time that is held to."""
MEMORY = Path("/sys/fs/cgroup/memory")
LAG = "dispatch_event_loop_lag_seconds_sum"


def address_of(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    return parts.hostname, parts.port


async def one_death(folder: Path, point: str, number: int) -> tuple[Account, float]:
    """A server dies when it comes by a point, and another one goes on; answers what came of it, and how soon."""
    folder.mkdir()  # noqa: ASYNC240  (a test)
    tasks = {f"t{n}": TIMES for n in range(TASKS)}
    async with sink(hold=0.05) as receiver:
        hooks = f"{point}:{number}"
        async with up(folder, "--slots", str(SLOTS), hooks=hooks) as first:
            trigger = every(EVERY_S, TIMES, in_s=2)
            await asyncio.gather(*(put(first.api, name, receiver.url, trigger) for name in tasks))
            assert await first.process.ended() == KILLED, first.process.said()
        began = time.monotonic()
        async with up(folder, "--slots", str(SLOTS)) as second:
            told = await account(second.api, receiver, tasks)
            took = time.monotonic() - began
            assert await second.process.stop() == 0
    assert told.good, (point, number, told)
    assert told.doubled <= SLOTS, (point, number, told)
    return told, took


async def test_wherever_on_a_fires_way_a_server_dies_the_next_one_loses_nothing(
    tmp_path: Path,
) -> None:
    points = POINTS if is_long() else random.sample(sorted(POINTS), 3)
    deaths = [
        one_death(tmp_path / f"{point}{n}", point, random.randint(1, PASSES.get(point, 2)))
        for n in range(rounds(1, 10))
        for point in points
    ]
    results = await all_of(*deaths)
    note(
        Line(
            fault="A3",
            what="killed before and after each commit, after a send, after an answer",
            rounds=len(results),
            doubled=0,
            recovered_s=max(took for _, took in results),
            seen=f"{sum(told.doubled for told, _ in results)} repeats, each with its id and a larger attempt",
        )
    )


async def cut_import(folder: Path, at: int) -> int:
    """A server dies when about so many lines of an import are stored; another one is sent all of them again. Answers how
    many the first one had stored."""
    folder.mkdir()  # noqa: ASYNC240  (a test)
    later = {"trigger": {"kind": "cron", "expression": "0 0 0 1 1 ? 2090"}}
    recall = {"recall": {"kind": "HTTP", "url": "http://127.0.0.1:9/"}}
    names = [f"line{number:05}" for number in range(IMPORTED)]
    lines = [json.dumps({"group": "tests", "name": name} | later | recall) for name in names]
    body = "\n".join(lines).encode()
    async with up(folder) as first:

        async def far_enough() -> bool:
            groups = (await first.api.get("/groups"))["items"]
            return sum(group["tasks"] for group in groups) >= at

        sending = asyncio.ensure_future(
            first.api.session.post("/api/v1/tasks:import", data=BytesIO(body))
        )
        await until(far_enough)
        aside = asides(first.process.child.pid)
        assert await first.process.kill() == -signal.SIGKILL, first.process.said()
        known = at
        # as a rule it is cut off, but it may just have been answered
        with suppress(aiohttp.ClientError):
            known = (await (await sending).json())["lines"]

        async def gone() -> bool:
            return not any(runs(pid) for pid in aside)

        await until(gone)
    async with up(folder) as second:
        stored = [task["name"] for task in await second.api.all("/tasks")]
        assert stored == names[: len(stored)]
        assert len(stored) >= known
        async with second.api.session.post("/api/v1/tasks:import", data=BytesIO(body)) as reply:
            told = await reply.json()
        assert (told["added"], told["unchanged"]) == (IMPORTED - len(stored), len(stored)), told
        tasks = await second.api.all("/tasks")
        assert [(task["name"], task["version"]) for task in tasks] == [(name, 1) for name in names]
    return len(stored)


async def test_an_import_that_its_server_did_not_outlive_left_whole_lines_and_is_simply_sent_again(
    tmp_path: Path,
) -> None:
    stored = [
        await cut_import(tmp_path / str(n), random.randrange(1, IMPORTED))
        for n in range(rounds(1, 20))
    ]
    note(
        Line(
            fault="A1",
            what=f"kill -9 amidst an import of {IMPORTED} lines",
            rounds=len(stored),
            seen=f"{min(stored)} to {max(stored)} lines were stored by then, the first ones in their order",
        )
    )


async def cut_off(folder: Path, after_s: float) -> None:
    """A start that is killed so soon."""
    process = await Process.start(folder, *serve())
    await asyncio.sleep(after_s)
    assert await process.kill() == -signal.SIGKILL, process.said()


async def test_a_server_that_is_killed_again_and_again_while_it_recovers_starts_all_the_same(
    tmp_path: Path,
) -> None:
    tasks = {f"t{n}": 3 for n in range(20)}
    async with sink(hold=0.3) as receiver:
        async with up(tmp_path) as first:
            for name, times in tasks.items():
                await put(first.api, name, receiver.url, every(0.3, times))
            await receiver.received("t0")
            await first.process.kill()
        kills = rounds(2, 50)
        for kill in range(kills):
            # its interpreter needs most of 0.3 s to begin: half of the kills come later, while it recovers
            await cut_off(tmp_path, random.uniform(0.01, 0.3) + (kill % 2) * random.uniform(0.3, 1))
        began = time.monotonic()
        async with up(tmp_path) as second:
            told = await account(second.api, receiver, tasks)
            took = time.monotonic() - began
            assert await second.process.stop() == 0
    assert told.good, told
    note(Line(fault="A4", what="killed while it recovers", rounds=kills, recovered_s=took))


def old_database(path: Path, migrations: int, url: str) -> None:
    """A database as an older version left it: two tasks of the future, a fire in flight, and a long log."""
    start = round(time.time() * 1000) + 60_000
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA journal_mode = wal")
        database.execute(
            "CREATE TABLE schema_migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL)"
        )
        for migration in list(known("sqlite"))[:migrations]:
            database.executescript(migration.sql)
            row = (migration.number, migration.name, migration.checksum)
            database.execute("INSERT INTO schema_migrations VALUES (?, ?, ?)", row)
        trigger = f'{{"kind":"simple","zone":"UTC","end":null,"start":{start},"interval":60000,"count":null}}'
        recall = f'{{"kind":"HTTP","data":null,"body":"nested","url":"{url}","reply":"auto"}}'
        for name in ("a", "b"):
            database.execute(
                "INSERT INTO tasks (id, namespace, grp, name, version, state, next_fire_at, created_at, updated_at)"
                " VALUES (?, 'default', 'tests', ?, 1, 'active', ?, 0, 0)",
                (name, name, start),
            )
            database.execute(
                "INSERT INTO task_versions (task_id, version, trigger_json, recall_json, policies_json, priority,"
                " note, labels_json, created_at, created_by) VALUES (?, 1, ?, ?, '{}', 0, '', '{}', 0, '')",
                (name, trigger, recall),
            )
        fires = [
            (f"{n:032x}", "succeeded" if n else "running", start - 60_000 - n)
            for n in range(20_000)
        ]
        database.executemany(
            "INSERT INTO fires (id, namespace, task_id, grp, name, version, kind, priority, state, due_at, run_at,"
            " attempts, claimed_by, claimed_at, deadline_at)"
            " VALUES (?1, 'default', 'a', 'tests', 'a', 1, 'scheduled', 0, ?2, ?3, ?3, 1, 'old', ?3, ?3 + 9999999)",
            fires,
        )
    database.close()


@pytest.mark.parametrize("migrations", [1, 6, 11] if is_long() else [1])
async def test_a_server_that_is_killed_while_it_brings_an_old_database_up_to_date_starts_all_the_same(
    tmp_path: Path, migrations: int
) -> None:
    async with sink() as receiver:
        old_database(tmp_path / "dispatch.db", migrations, receiver.url)
        kills = rounds(2, 12)
        for _ in range(kills):
            await cut_off(tmp_path, random.uniform(0.5, 1.5))
        began = time.monotonic()
        async with up(tmp_path) as healed:
            took = time.monotonic() - began
            calls = await receiver.received("a")
            assert {call.fire for call in calls} == {f"{0:032x}"}
            assert (
                min(call.attempt for call in calls) >= 2
            )  # a kill after the migrations costs one more
            assert {task["name"] for task in await healed.api.all("/tasks")} == {"a", "b"}
            assert await healed.process.stop() == 0
    with sqlite3.connect(tmp_path / "dispatch.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("SELECT count(*) FROM fires").fetchone() == (20_000,)
        applied = database.execute("SELECT number FROM schema_migrations ORDER BY 1").fetchall()
    database.close()
    assert applied == [(migration.number,) for migration in known("sqlite")]
    note(Line(fault="A4", what="killed while it migrates", rounds=kills, recovered_s=took))


async def test_stops_under_load_lose_nothing_and_send_nothing_twice(tmp_path: Path) -> None:
    stops = rounds(2, 20)
    tasks = {f"t{n}": 15 * stops for n in range(10)}
    slowest = 0.0
    async with sink(hold=0.1) as receiver:
        for number in range(stops):
            async with up(tmp_path, "--slots", str(SLOTS), "--drain-timeout", "10") as one:
                for name, times in {} if number else tasks.items():
                    await put(one.api, name, receiver.url, every(0.1, times))
                await asyncio.sleep(random.uniform(0.3, 1))
                began = time.monotonic()
                assert await one.process.stop() == 0, one.process.said()
                slowest = max(slowest, time.monotonic() - began)
        async with up(tmp_path, "--slots", str(SLOTS)) as last:
            told = await account(last.api, receiver, tasks)
    assert told.good, told
    assert told.doubled == 0
    assert slowest <= 10 + SLACK_S
    note(
        Line(
            fault="A5",
            what="SIGTERM under load",
            rounds=stops,
            doubled=told.doubled,
            recovered_s=slowest,
            seen=f"{sum(tasks.values())} callbacks, the slowest stop in {slowest:.1f} s",
        )
    )


async def test_a_stop_waits_for_receivers_that_hang_no_longer_than_it_says_and_books_them_as_interrupted(
    tmp_path: Path,
) -> None:
    drain, most = (25, 26.0) if is_long() else (1, 2 + SLACK_S)
    names = [f"t{n}" for n in range(8)]
    async with sink() as receiver:
        flags = ("--drain-timeout", str(drain), "--total-timeout", "60")
        async with up(tmp_path, *flags) as first:
            for name in names:
                await put(first.api, name, f"{receiver.url}/hang", once())
            for name in names:
                await receiver.received(name)
            began = time.monotonic()
            assert await first.process.stop() == 0
            took = time.monotonic() - began
        assert drain <= took <= most
        async with up(tmp_path, "--drain-timeout", "0") as second:
            for name in names:
                before, after = await receiver.received(name, 2)
                assert (before.fire, 1, 2) == (after.fire, before.attempt, after.attempt)
                (attempt,) = (await second.api.get(f"/fires/{before.fire}"))["attempt_log"]
                assert attempt["outcome"]["reason"] == "interrupted"
    note(
        Line(
            fault="A6",
            what="SIGTERM while receivers hang",
            rounds=1,
            recovered_s=took,
            seen=f"out after {took:.1f} s of {drain} s",
        )
    )


async def given_up(folder: Path, hooks: str) -> bool:
    """One more life of the server: whether it came to the end of the fire that kills it, and not to its own."""
    process, url = await started(folder, hooks=hooks)
    ended = asyncio.create_task(process.child.wait())
    try:
        async with aiohttp.ClientSession(url or None) as session:
            while not ended.done():
                with suppress(aiohttp.ClientError):  # it may end just now
                    (fire,) = await Api(session).all("/fires", name="poison")
                    if fire["state"] == "failed":
                        return True
                await asyncio.wait((ended,), timeout=0.1)
        assert ended.result() == KILLED, process.said()
        return False
    finally:
        if process.child.returncode is None:
            await process.kill()


async def test_a_fire_that_kills_every_server_that_sends_it_is_given_up_and_takes_no_other_with_it(
    tmp_path: Path,
) -> None:
    most = 10 if is_long() else 4
    hooks = f"poison:poison,losses:{most}"
    others = {f"t{n}": 3 for n in range(rounds(2, 6))}
    began = time.monotonic()
    async with sink(hold=0.01) as receiver:
        async with up(tmp_path, hooks=hooks) as first:
            for name, times in others.items():
                await put(first.api, name, receiver.url, every(1, times, in_s=1))
            await put(first.api, "poison", f"{receiver.url}/hang", once(1))
            assert await first.process.ended() == KILLED
        lives = 1
        while not await given_up(tmp_path, hooks):
            lives += 1
            assert lives <= most, "it goes on for ever"
        async with up(tmp_path) as healed:
            told = await account(healed.api, receiver, others)
            (fire,) = await healed.api.fires("poison", "failed")
    took = time.monotonic() - began
    assert (fire["reason"], fire["attempts"]) == ("lost", most)
    assert told.good, told
    note(
        Line(
            fault="A7",
            what="a fire that kills its server each time it is sent",
            rounds=1,
            recovered_s=took,
            seen=f"given up after {most} attempts; {told.doubled} repeats of {len(others)} other tasks",
        )
    )


@pytest.mark.needs("cgroup")
async def test_a_server_that_the_system_kills_for_its_memory_loses_nothing(tmp_path: Path) -> None:
    kills = rounds(1, 5)
    tasks = {f"t{n}": 10 * kills for n in range(4)}
    async with sink(hold=0.05) as receiver:
        for number in range(kills):
            async with up(tmp_path, "--slots", str(SLOTS), hooks="eat") as starved:
                for name, times in {} if number else tasks.items():
                    await put(starved.api, name, receiver.url, every(0.2, times))
                await receiver.received("t0", 2)
                with little_memory(starved.process.child.pid):
                    starved.process.child.send_signal(signal.SIGUSR1)
                    assert await starved.process.ended() == -signal.SIGKILL
        began = time.monotonic()
        async with up(tmp_path, "--slots", str(SLOTS)) as healed:
            told = await account(healed.api, receiver, tasks)
            took = time.monotonic() - began
    assert told.good, told
    assert told.doubled <= kills * SLOTS
    note(
        Line(
            fault="A8",
            what="killed by the system for want of memory",
            rounds=kills,
            recovered_s=took,
            seen=f"{told.doubled} repeats, each with its id and a larger attempt",
        )
    )


@contextmanager
def little_memory(pid: int) -> Iterator[None]:
    """The process has 16 MiB more than it uses, and no swap."""
    group = MEMORY / f"dispatch-test-{pid}"
    group.mkdir()
    try:
        (group / "memory.swappiness").write_text("0")
        (group / "cgroup.procs").write_text(str(pid))
        (group / "memory.limit_in_bytes").write_text(str(16 << 20))
        yield
    finally:
        group.rmdir()


STALLS = [
    ("stall:2", signal.SIGUSR1),
    ("", signal.SIGSTOP),
    ("asyncio,stall:2", signal.SIGUSR1),
    ("asyncio", signal.SIGSTOP),
]


@pytest.mark.parametrize(("hooks", "number"), STALLS if is_long() else STALLS[:1])
async def test_after_a_stall_all_that_was_due_is_sent_by_no_more_than_the_slots_and_the_lag_is_told(
    tmp_path: Path, hooks: str, number: signal.Signals
) -> None:
    names = [f"t{n}" for n in range(60)]
    flags = ("--slots", "8")
    async with counting_sink(hold=0.05) as receiver, up(tmp_path, *flags, hooks=hooks) as stalled:
        for place, name in enumerate(names):
            await put(stalled.api, name, receiver.url, once(1 + place / 40))
        await receiver.received("t0")
        before = metric(await metrics(stalled.api), LAG)
        stalled.process.child.send_signal(number)
        if number is signal.SIGSTOP:
            await asyncio.sleep(2)
            stalled.process.child.send_signal(signal.SIGCONT)
        began = time.monotonic()
        told = await account(stalled.api, receiver, dict.fromkeys(names, 1))
        took = time.monotonic() - began
        await asyncio.sleep(1)  # the pulse beats once a second
        lag = metric(await metrics(stalled.api), LAG) - before
        assert await stalled.process.stop() == 0
    assert told.good, told
    assert told.doubled == 0
    assert receiver.most <= 8
    assert lag > 0.5
    note(
        Line(
            fault="A9",
            what="stalled for 2 s",
            rounds=1,
            recovered_s=took,
            seen="never more in flight than slots",
        )
    )


async def test_without_files_to_open_callbacks_are_put_back_and_go_out_once_there_are_some(
    tmp_path: Path,
) -> None:
    names = [f"t{n}" for n in range(40)]
    starved_s = 3 if is_long() else 1.5
    async with sink() as receiver, up(tmp_path, "--slots", "30") as starved:
        pid = starved.process.child.pid
        for name in names:
            await put(starved.api, name, receiver.url, once(1.5), retry={"max": 0})
        usual = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        opened = len(os.listdir(f"/proc/{pid}/fd"))
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (opened, usual[1]))
        await asyncio.sleep(1.5)
        before = cpu_s(pid)
        crowd = [socket.create_connection(address_of(starved.url)) for _ in range(10)]
        await asyncio.sleep(starved_s)
        busy = (cpu_s(pid) - before) / starved_s
        for one in crowd:
            one.close()
        received = len(receiver.arrivals)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, usual)
        began = time.monotonic()
        told = await account(starved.api, receiver, dict.fromkeys(names, 1))
        took = time.monotonic() - began
        assert await starved.process.stop() == 0
    assert told.good, told
    assert received < len(names), "it was not without files at all"
    assert busy < 0.5
    note(
        Line(
            fault="A10",
            what="no files left to open",
            rounds=1,
            recovered_s=took,
            seen=f"{busy:.0%} of a processor meanwhile",
        )
    )


async def test_a_second_server_on_the_same_file_is_refused_and_one_after_a_kill_is_not(
    tmp_path: Path,
) -> None:
    async with up(tmp_path) as first:
        second, _ = await started(tmp_path)
        assert await second.ended() == 73
        assert f"in use by process {first.process.child.pid}" in second.said()
        assert (await first.api.get("/tasks"))["items"] == []
        await first.process.kill()
    async with up(tmp_path) as third:
        assert await third.process.stop() == 0
    note(Line(fault="A11", what="a second server on the same file", rounds=1, seen="exit 73"))
