"""Disks that are full, slow, failing, damaged or gone: nothing acknowledged is lost, and nothing is claimed for stored."""

import asyncio
import os
import random
import resource
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.faults.adding import (
    NOWHERE,
    Adding,
    NotUp,
    adders,
    asked,
    is_sound,
    metric,
    names,
    ready,
    refused,
    stored,
    up,
)
from tests.faults.card import Line, is_long, note, rounds
from tests.faults.disks import BadDisk, Ext4, ext4, fill, free, small_disk
from tests.processes import Api, Process, Server, Sink, each_second, http, one_shot, sink, until

WELL_S = 5  # a disk that takes writes again is in use again
ANSWERED_S = 1  # a refusal has come
FIU = "/usr/lib/fiu/fiu_run_preload.so /usr/lib/fiu/fiu_posix_preload.so"
only_long = pytest.mark.skipif(not is_long(), reason="in the long form: ./test --faults")


async def at_work(working: list[Adding]) -> bool:
    return len(stored(working)) > 20


# C1: the power is cut


async def lost_by_a_power_cut(folder: Path, disk: Ext4, round_: int, *module: str) -> int:
    """How many acknowledged tasks are gone after the power was cut amidst adds."""
    database = disk.path / f"{round_}.db"
    async with up(folder, database, module=module) as on:
        disk.settle()
        async with adders(on.api, "n") as working:
            await until(lambda: at_work(working))
            await asyncio.sleep(random.uniform(0, 0.5))
            acknowledged = stored(working)  # what is answered later is answered without power
            disk.cut_the_power()
            await asyncio.sleep(0.1)
        await on.process.kill()
    disk.unmount()
    disk.mount()
    async with up(folder, database) as again:
        kept = await names(again.api)
        assert await again.process.stop() == 0
    assert is_sound(database)
    assert kept <= asked(working), "nothing is there that nobody asked for"
    for file in disk.path.glob(f"{database.name}*"):
        file.unlink()
    return len(acknowledged - kept)


@pytest.mark.needs("root", "ext4")
async def test_after_a_power_cut_everything_acknowledged_is_there(tmp_path: Path) -> None:
    count, lost = rounds(1, 20), 0
    with ext4(tmp_path) as disk:
        for round_ in range(count):
            lost += await lost_by_a_power_cut(tmp_path, disk, round_)
    assert lost == 0
    note(Line(fault="C1", what="power cut amidst adds", rounds=count, lost=lost))


@pytest.mark.needs("root", "ext4")
async def test_a_server_that_syncs_less_loses_adds_in_a_power_cut(tmp_path: Path) -> None:
    module, lost = ("tests.faults.diskmutants", "syncs_less"), 0
    with ext4(tmp_path) as disk:
        for round_ in range(3):  # a log that has just got into the file is durable for once
            lost = lost or await lost_by_a_power_cut(tmp_path, disk, round_, *module)
    assert lost > 0, "or the power cut is none"


# C2: the disk is full


async def refusals(on: Server, url: str) -> float:
    """Asks for changes at every door while nothing can be stored; answers the longest time until a refusal."""
    slowest, form = 0.0, {"jobName": "often", "groupName": "tests"}
    for path, body, status in (
        ("/dispatchserver/pause.do", form, 200),
        ("/dispatchserver/trigger.do", form, 200),
        ("/api/v1/tasks/tests/often/pause", {}, 507),
    ):
        for language, words in (("en", "takes no writes"), ("zh", "写不进去")):
            began = time.monotonic()
            headers = {"Accept-Language": language}
            async with on.api.session.post(path, data=body, headers=headers) as reply:
                said = await reply.text()
            slowest = max(slowest, time.monotonic() - began)
            assert (reply.status, words in said) == (status, True), said
    adding = Adding(on.api, "late", recall=http(url))
    reply = await adding.add()
    assert (reply["success"], "disk" in str(reply)) == (False, True), reply
    return max(slowest, adding.slowest_s)


async def reads(on: Server) -> None:
    """Lists, the health page and pages are there, whatever the disk takes."""
    assert (await on.api.get("/tasks/tests/often"))["name"] == "often"
    for path in ("/healthz", "/login", "/metrics"):
        async with on.api.session.get(path) as reply:
            assert reply.status == 200, path


async def until_refused(api: Api, url: str, longest: int = 2000) -> Adding:
    """Adds until one is refused."""
    adding = Adding(api, "n", in_s=0.5, recall=http(url, "x" * 2000))
    while (await adding.add())["success"]:
        assert len(adding.stored) < longest, "the disk takes everything"
    return adding


async def quiet(receiver: Sink, seconds: float) -> bool:
    """Whether nobody is called, but for what was on record before."""
    await asyncio.sleep(0.3)
    seen = len(receiver.arrivals)
    await asyncio.sleep(seconds)
    return len(receiver.arrivals) == seen


async def well_again(on: Server, receiver: Sink) -> float:
    """Seconds until tasks are taken and called back."""
    began, before = time.monotonic(), len(receiver.of("often"))
    adding = Adding(on.api, f"after{before}-", recall=http(receiver.url), in_s=0)

    async def takes() -> bool:
        return bool((await adding.add())["success"])

    await until(takes)
    await receiver.received("often", before + 1)
    took = time.monotonic() - began
    await receiver.received(adding.stored[-1])
    assert not await names(on.api) & set(adding.refused), "what was refused is not there"
    assert await metric(on.api, "dispatch_store_degraded") == 0
    assert (await ready(on.api))[0] == 200
    return took


async def outage(on: Server, receiver: Sink, database: Path) -> float:
    """While the disk takes no writes: the longest time until a refusal."""
    slowest = await refusals(on, receiver.url)
    assert await metric(on.api, "dispatch_store_degraded") == 1
    status, said = await ready(on.api)
    assert (status, "store" in said) == (503, True), said
    assert await quiet(receiver, random.uniform(1.2, 2.4)), "one call would have been due"
    await reads(on)
    assert slowest < ANSWERED_S
    return slowest


def none_doubled(receiver: Sink) -> None:
    fires = [(arrival.fire, arrival.attempt) for arrival in receiver.arrivals]
    assert len(fires) == len(set(fires))


@pytest.mark.needs("root")
async def test_a_full_disk_is_told_and_left_again(tmp_path: Path) -> None:
    recovered, slowest, count = 0.0, 0.0, rounds(1, 5)
    with small_disk(tmp_path / "disk") as disk:
        database = disk / "dispatch.db"
        ballast = disk / "dispatch.db.ballast"
        async with sink() as receiver, up(tmp_path, database) as on:
            assert (await on.api.add(each_second("often"), http(receiver.url)))["success"]
            await receiver.received("often")
            assert 0 < ballast.stat().st_size < 2**20 / 2
            for _ in range(count):
                fill(disk)
                adding = await until_refused(on.api, receiver.url)
                await until(lambda: gone(ballast))
                slowest = max(slowest, await outage(on, receiver, database))
                free(disk)
                recovered = max(recovered, await well_again(on, receiver))
                assert ballast.exists(), "there is room for it again"
                for name in adding.stored:
                    await receiver.received(name)
            assert await on.process.stop() == 0
        none_doubled(receiver)
        assert is_sound(database)
    assert recovered <= WELL_S
    note(
        Line(
            fault="C2",
            what="disk full",
            rounds=count,
            recovered_s=recovered,
            seen=f"refused in {slowest * 1000:.0f} ms",
        )
    )


async def there(path: Path) -> bool:
    return await asyncio.to_thread(path.exists)


async def gone(path: Path) -> bool:
    return not await there(path)


def largest(folder: Path) -> int:
    """Bytes of the largest file of the database."""
    return max((folder / f"dispatch.db{end}").stat().st_size for end in ("", "-wal"))


@pytest.mark.needs("root")
async def test_what_is_in_flight_when_the_disk_gets_full_is_booked_by_the_ballast(
    tmp_path: Path,
) -> None:
    with small_disk(tmp_path / "disk") as disk:
        async with sink(hold=2) as receiver, up(tmp_path, disk / "dispatch.db") as on:
            await on.api.add(one_shot("flying"), http(receiver.url))
            await receiver.received("flying")
            fill(disk)
            await until_refused(on.api, receiver.url)
            (fire,) = await on.api.fires("flying", "succeeded")
            assert await metric(on.api, "dispatch_store_degraded") == 1
            assert (await on.api.get(f"/fires/{fire['id']}"))["attempts"]


@pytest.mark.needs("root")
async def test_on_a_disk_that_got_full_meanwhile_a_server_starts_all_the_same(
    tmp_path: Path,
) -> None:
    with small_disk(tmp_path / "disk") as disk:
        async with up(tmp_path, disk / "dispatch.db") as on:
            assert (await Adding(on.api, "n").add())["success"]
            await until(lambda: there(disk / "dispatch.db.ballast"))
            await on.process.kill()
        fill(disk)
        async with up(tmp_path, disk / "dispatch.db") as again:
            assert await names(again.api) == {"n0"}
            assert await again.process.stop() == 0


# C3: no file may grow any further


async def test_a_limit_on_the_size_of_files_is_told_and_left_again(tmp_path: Path) -> None:
    database = tmp_path / "dispatch.db"
    async with sink() as receiver, up(tmp_path, database) as on:
        assert (await on.api.add(each_second("often"), http(receiver.url)))["success"]
        await receiver.received("often")
        pid = on.process.child.pid
        before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (largest(tmp_path), before[1]))
        adding = await until_refused(on.api, receiver.url)
        slowest = await outage(on, receiver, database)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
        recovered = await well_again(on, receiver)
        for name in adding.stored:
            await receiver.received(name)
        assert await on.process.stop() == 0
    none_doubled(receiver)
    assert is_sound(database)
    assert recovered <= WELL_S
    note(
        Line(
            fault="C3",
            what="no file may grow (prlimit --fsize)",
            rounds=1,
            recovered_s=recovered,
            seen=f"refused in {slowest * 1000:.0f} ms",
        )
    )


# C4: a sync fails


async def ended_by_a_failed_sync(on: Server) -> list[Adding]:
    """Lets applications add until the server has ended."""
    async with adders(on.api, f"n{time.monotonic_ns()}") as working:
        code = await on.process.ended()
    assert code == 70, on.process.said()
    assert "nobody knows whether it was" in on.process.said()
    assert refused(working), "whoever waits is told"
    return working


@pytest.fixture
def bad(tmp_path: Path) -> BadDisk:
    return BadDisk.made(tmp_path / "bad")


@pytest.mark.needs("cc")
async def test_a_failed_sync_ends_the_server_and_nothing_acknowledged_is_lost(
    tmp_path: Path, bad: BadDisk
) -> None:
    database, everyone, count = tmp_path / "dispatch.db", [], rounds(1, 5)
    for _ in range(count):
        async with up(tmp_path, database, **bad.environment) as on:
            async with adders(on.api, f"a{time.monotonic_ns()}") as working:
                await asyncio.sleep(0.3)
            everyone += working
            bad.begin("fail-sync", "dispatch.db-wal")
            everyone += await ended_by_a_failed_sync(on)
        bad.end("fail-sync")
    await all_there(tmp_path, database, everyone)
    note(Line(fault="C4", what="a sync of the log fails", rounds=count, seen="exit 70"))


@only_long
@pytest.mark.needs("cc", "root", "ext4")
async def test_while_the_file_cannot_be_synced_its_log_keeps_everything(
    tmp_path: Path, bad: BadDisk
) -> None:
    with ext4(tmp_path) as disk:
        database = disk.path / "dispatch.db"
        async with up(tmp_path, database, **bad.environment) as on:
            disk.settle()
            bad.begin("fail-sync", "dispatch.db")
            async with adders(on.api, "n") as working:
                await asyncio.sleep(2)
            assert len(stored(working)) > 200, "so many that the log was to go into the file"
            disk.cut_the_power()
            await on.process.kill()
        disk.unmount()
        disk.mount()
        bad.end("fail-sync")
        await all_there(tmp_path, database, working)
    note(Line(fault="C4", what="syncs of the file fail, then a power cut", rounds=1))


@only_long
@pytest.mark.needs("fiu")
async def test_syncs_that_fail_now_and_then_lose_nothing_acknowledged(tmp_path: Path) -> None:
    database, everyone, count = tmp_path / "dispatch.db", [], rounds(1, 10)
    failing = "enable_random name=posix/io/sync/*,probability=0.02"
    async with up(tmp_path, database) as on:
        assert await on.process.stop() == 0
    while count > 0:
        try:
            async with up(tmp_path, database, LD_PRELOAD=FIU, FIU_ENABLE=failing) as on:
                everyone += await ended_by_a_failed_sync(on)
        except NotUp as refused_start:  # it could not even write that it is in use
            assert refused_start.code == 70
        else:
            count -= 1
    await all_there(tmp_path, database, everyone)
    note(
        Line(
            fault="C4",
            what="syncs fail at random (libfiu, 2 %)",
            rounds=rounds(1, 10),
            seen="exit 70",
        )
    )


async def all_there(folder: Path, database: Path, working: list[Adding]) -> None:
    """What was acknowledged is in the database, and nothing that nobody asked for."""
    assert len(stored(working)) > 20
    async with up(folder, database) as on:
        kept = await names(on.api)
        assert await on.process.stop() == 0
    assert stored(working) <= kept <= asked(working)
    assert is_sound(database)


# C5: the disk is slow


@pytest.mark.needs("cc")
async def test_a_slow_disk_makes_adds_slow_and_nothing_else(tmp_path: Path, bad: BadDisk) -> None:
    database = tmp_path / "dispatch.db"
    async with sink() as receiver, up(tmp_path, database, **bad.environment) as on:
        bad.begin("slow-sync", "200")
        async with adders(on.api, "n", 16, 0.2, in_s=0.5, recall=http(receiver.url)) as working:
            await asyncio.sleep(rounds(3, 30))
        for name in stored(working):
            await receiver.received(name)
        assert not refused(working)
        slowest = max(one.slowest_s for one in working)
        beats = await metric(on.api, "dispatch_event_loop_lag_seconds_count")
        prompt = await metric(on.api, 'dispatch_event_loop_lag_seconds_bucket{le="0.05"}')
        assert slowest > 0.2, "or the disk is not slow"
        assert prompt >= 0.8 * beats, "the loop does not wait for the disk"
        bad.end("slow-sync")
        assert await on.process.stop() == 0
    none_doubled(receiver)
    note(
        Line(
            fault="C5",
            what="every sync takes 200 ms",
            rounds=1,
            seen=f"slowest add {slowest:.1f} s; loop lag <= 50 ms in {prompt:.0f} of {beats:.0f} beats",
        )
    )


# C6: another process holds the lock

HOLD = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=20)
connection.execute("BEGIN " + sys.argv[2])
print("held", flush=True)
time.sleep(float(sys.argv[3]))
connection.execute("COMMIT")
"""


async def held_for(database: Path, kind: str, seconds: float) -> None:
    """Another process takes the lock, and gives it back."""
    command = (sys.executable, "-c", HOLD, database, kind, str(seconds))
    holding = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert holding.stdout is not None
    assert await holding.stdout.readline() == b"held\n"
    assert await holding.wait() == 0


@pytest.mark.parametrize("kind", ["EXCLUSIVE", pytest.param("IMMEDIATE", marks=only_long)])
async def test_a_lock_of_another_process_is_waited_for(tmp_path: Path, kind: str) -> None:
    database, seconds = tmp_path / "dispatch.db", rounds(3, 7)
    async with sink() as receiver, up(tmp_path, database) as on:
        await on.api.add(each_second("often"), http(receiver.url))
        async with adders(
            on.api, "n", in_s=0.5, pause_s=0.05, recall=http(receiver.url)
        ) as working:
            await held_for(database, kind, seconds)
            before = len(receiver.of("often"))
            await receiver.received("often", before + 1)
        slowest = max(one.slowest_s for one in working)
        assert slowest > seconds / 2, "or nobody had to wait"
        assert not refused(working)
        for name in stored(working):
            await receiver.received(name)
        assert await on.process.stop() == 0
    none_doubled(receiver)
    note(
        Line(
            fault="C6",
            what=f"another process holds BEGIN {kind} for {seconds} s",
            rounds=1,
            seen=f"slowest add {slowest:.1f} s, none refused",
        )
    )


@only_long
async def test_a_lock_that_is_held_too_long_is_told_and_forgotten(tmp_path: Path) -> None:
    database, seconds = tmp_path / "dispatch.db", 14
    async with up(tmp_path, database) as on:
        async with adders(on.api, "n", pause_s=0.05) as working:
            await held_for(database, "IMMEDIATE", seconds)
            assert refused(working)
            before = len(stored(working))
            await until(lambda: more_than(working, before))
        assert await metric(on.api, "dispatch_store_degraded") == 0
        kept = await names(on.api)
        assert stored(working) <= kept
        assert not kept & refused(working)
        assert await on.process.stop() == 0
    note(
        Line(
            fault="C6", what=f"the same for {seconds} s", rounds=1, seen="refused, then well again"
        )
    )


async def more_than(working: list[Adding], before: int) -> bool:
    return len(stored(working)) > before


# C7: the file is damaged


@pytest.mark.parametrize("place", ["header", pytest.param("page", marks=only_long)])
async def test_a_damaged_file_is_refused_with_a_hint_and_left_as_it_is(
    tmp_path: Path, place: str
) -> None:
    database = tmp_path / "dispatch.db"
    await crashed(tmp_path, database)
    at, size = (0, 100) if place == "header" else (4096 * 3, 4096)
    overwrite(database, at, size)
    before = database.read_bytes()
    for _ in range(rounds(1, 2)):
        assert await run(tmp_path, database, "serve", "--port", "0") == 74
    assert "put the latest backup in its place" in (tmp_path / "stderr").read_text("utf-8")
    assert database.read_bytes() == before
    note(Line(fault="C7", what=f"{place} overwritten", rounds=1, seen="exit 74, nothing changed"))


async def crashed(folder: Path, database: Path) -> None:
    """Leaves a database as a crash does, with its pages in the file."""
    async with up(folder, database) as on:
        async with adders(on.api, "n") as working:
            await until(lambda: at_work(working))
        await on.process.kill()
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def overwrite(database: Path, at: int, size: int) -> None:
    """Damages it in one place."""
    with database.open("r+b") as file:
        file.seek(at)
        file.write(random.randbytes(size))


async def test_a_check_that_takes_long_goes_on_beside_the_server_and_ends_it_when_it_finds_damage(
    tmp_path: Path,
) -> None:
    database, module = tmp_path / "dispatch.db", ("tests.faults.diskmutants", "checks_late")
    await crashed(tmp_path, database)
    async with up(tmp_path, database, module=module) as on:
        status, said = await ready(on.api)
        assert (status, "check: " in said) == (200, True), said
        await until(lambda: says_ready(on.api))
        await on.process.kill()
    overwrite(database, root_of(database, "audit"), 4096)
    async with up(tmp_path, database, module=module) as on:
        assert await on.process.ended() == 74
    assert "put the latest backup in its place" in on.process.said()


@pytest.mark.parametrize(
    "table", ["attempts", pytest.param("audit", marks=only_long)], ids=["reading", "writing"]
)
async def test_damage_that_is_met_at_work_ends_the_server(tmp_path: Path, table: str) -> None:
    database = tmp_path / "dispatch.db"
    async with sink() as receiver, up(tmp_path, database) as on:
        await on.api.add(one_shot("done"), http(receiver.url))
        (fire,) = await on.api.fires("done", "succeeded")
        assert await on.process.stop() == 0
    overwrite(database, root_of(database, table), 4096)
    async with up(tmp_path, database) as on:
        if table == "attempts":
            await on.api.get(f"/fires/{fire['id']}")
        else:
            assert not (await Adding(on.api, "n").add())["success"]
        assert await on.process.ended() == 74
    assert "put the latest backup in its place" in on.process.said()
    note(Line(fault="C7", what="damage met at work", rounds=1, seen="exit 74"))


async def says_ready(api: Api) -> bool:
    return '"ready"' in (await ready(api))[1]


def root_of(database: Path, table: str) -> int:
    """Where the first page of a table begins."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)
        ).fetchone()
    return (page - 1) * 4096


# C8: the end of the log is torn


async def test_a_torn_end_of_the_log_costs_its_last_commit_at_most(tmp_path: Path) -> None:
    count = rounds(1, 10)
    for round_ in range(count):
        database = tmp_path / f"{round_}.db"
        async with up(tmp_path, database) as on:
            adding = Adding(on.api, "n")
            for _ in range(30):
                await adding.add()
            await on.process.kill()
        log = database.with_name(database.name + "-wal")
        os.truncate(log, log.stat().st_size - random.randint(1, 4000))
        async with up(tmp_path, database) as again:
            kept = await names(again.api)
            assert set(adding.stored[:-1]) <= kept <= set(adding.asked)
            assert await again.process.stop() == 0
        assert is_sound(database)
    note(Line(fault="C8", what="torn end of the log", rounds=count, seen="29 of 30 at least"))


# C9: the disk takes no writes


@pytest.mark.needs("cc")
async def test_a_disk_that_is_read_only_for_a_while_is_told_and_left_again(
    tmp_path: Path, bad: BadDisk
) -> None:
    database, count, recovered, slowest = tmp_path / "dispatch.db", rounds(1, 5), 0.0, 0.0
    async with sink() as receiver, up(tmp_path, database, **bad.environment) as on:
        assert (await on.api.add(each_second("often"), http(receiver.url)))["success"]
        await receiver.received("often")
        for _ in range(count):
            bad.begin("read-only")
            adding = await until_refused(on.api, receiver.url)
            slowest = max(slowest, await outage(on, receiver, database))
            bad.end("read-only")
            recovered = max(recovered, await well_again(on, receiver))
            for name in adding.stored:
                await receiver.received(name)
        assert await on.process.stop() == 0
    none_doubled(receiver)
    assert is_sound(database)
    assert recovered <= WELL_S
    note(
        Line(
            fault="C9",
            what="disk read-only, and again not",
            rounds=count,
            recovered_s=recovered,
            seen=f"refused in {slowest * 1000:.0f} ms",
        )
    )


@only_long
@pytest.mark.needs("root", "ext4")
async def test_on_a_file_system_that_turned_read_only_reads_go_on_and_a_restart_goes_on(
    tmp_path: Path,
) -> None:
    with ext4(tmp_path) as disk:
        database = disk.path / "dispatch.db"
        async with sink() as receiver:
            async with up(tmp_path, database) as on:
                assert (await on.api.add(each_second("often"), http(receiver.url)))["success"]
                await receiver.received("often")
                await on.api.settled()  # amidst a sync it would be a disk that failed: see C4
                disk.turn_read_only()
                adding = await until_refused(on.api, receiver.url)
                await outage(on, receiver, database)
                await on.process.kill()
            disk.unmount()
            disk.mount()
            async with up(tmp_path, database) as again:
                await receiver.received("often", len(receiver.of("often")) + 1)
                kept = await names(again.api)
                assert set(adding.stored) <= kept
                assert not kept & set(adding.refused)
                assert await again.process.stop() == 0
        assert is_sound(database)
    note(Line(fault="C9", what="ext4 turned read-only, then mounted anew", rounds=1))


# C10: a backup is taken amidst work


async def test_a_backup_amidst_adds_is_right_up_to_its_moment(tmp_path: Path) -> None:
    count, source = rounds(1, 5), tmp_path / "dispatch.db"
    async with up(tmp_path, source) as on, adders(on.api, "n", 8, 0.02) as working:
        await asyncio.sleep(0.5)
        for round_ in range(count):
            copy = tmp_path / f"copy{round_}.db"
            before = stored(working)
            assert await run(tmp_path, source, "backup", str(copy)) == 0
            after = asked(working)
            assert is_sound(copy)
            async with up(tmp_path, copy) as restored:
                assert before <= await names(restored.api) <= after
                assert (await restored.api.add(one_shot("new", 600), NOWHERE))["success"]
                assert await restored.process.stop() == 0
            assert len(after) > len(before), "adds went on"
            assert await run(tmp_path, source, "doctor") in (0, 1), "1: the disk has little room"
        assert not refused(working)
    note(Line(fault="C10", what="backup and doctor amidst adds, restored", rounds=count))


async def run(folder: Path, database: Path, *command: str) -> int:
    """What a command ends with."""
    url = ("--database-url", f"sqlite:///{database}")
    return await (await Process.start(folder, *command, *url)).ended()
