"""A backup beside a server at work holds all that was acknowledged before it, and a server goes on from it."""

import asyncio
import json
import shutil
import sqlite3
import stat
import sys
from contextlib import closing, suppress
from pathlib import Path

import aiohttp
import pytest

from tests.processes import (
    ROOT,
    Api,
    Process,
    Server,
    each_second,
    http,
    one_shot,
    server,
    sink,
    until,
)

LOADED = 150
RESTORED = "sqlite:///restored.db"


class Stream:
    """Tasks added without an end, and the names of those that were acknowledged."""

    def __init__(self, api: Api, url: str) -> None:
        self.api = api
        self.url = url
        self.acknowledged: list[str] = []

    async def run(self) -> None:
        with suppress(aiohttp.ClientError):
            while True:
                name = f"n{len(self.acknowledged)}"
                reply = await self.api.add(one_shot(name), http(self.url))
                assert reply["success"], reply
                self.acknowledged.append(name)

    async def at_work(self) -> bool:
        return len(self.acknowledged) >= LOADED


async def run(folder: Path, *arguments: str) -> tuple[int, str]:
    """Runs a command to its end; answers its exit code and what it printed."""
    running = await Process.start(folder, *arguments)
    said, _ = await running.child.communicate()
    assert running.child.returncode is not None
    return running.child.returncode, said.decode()


def names(folder: Path, pattern: str) -> list[str]:
    return sorted(path.name for path in folder.glob(pattern))


def rows(path: Path, statement: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(statement).fetchall()
    finally:
        connection.close()


async def backed_up_under_load(on: Server, url: str, folder: Path) -> list[str]:
    """Takes a backup amidst adds and fires; answers the names acknowledged before it began."""
    stream = Stream(on.api, url)
    adding = asyncio.create_task(stream.run())
    await until(stream.at_work)
    before = list(stream.acknowledged)
    code, said = await run(
        folder, "backup", "restored.db", "--database-url", "sqlite:///dispatch.db"
    )
    assert code == 0, on.process.said()
    assert said.startswith("restored.db: ")
    assert not adding.done(), "the server went on meanwhile"
    adding.cancel()
    await asyncio.gather(adding, return_exceptions=True)
    return before


async def test_a_backup_under_load_holds_every_add_acknowledged_before_it_and_a_server_goes_on(
    tmp_path: Path,
) -> None:
    async with sink() as receiver:
        async with server(tmp_path) as on:
            await on.api.add(each_second("often"), http(receiver.url))
            before = await backed_up_under_load(on, receiver.url, tmp_path)
            assert await on.process.stop() == 0
        copy = tmp_path / "restored.db"
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600
        assert not (tmp_path / "restored.db.part").exists()
        known = {name for (name,) in rows(copy, "SELECT name FROM tasks")}
        assert {"often", *before} <= known
        code, said = await run(tmp_path, "doctor", "--json", "--database-url", RESTORED)
        assert json.loads(said)["findings"] == []
        assert code == 0
        seen = len(receiver.of("often"))
        async with server(tmp_path, "--database-url", RESTORED) as again:
            await receiver.received("often", seen + 2)
            assert (await again.api.add(one_shot("after"), http(receiver.url)))["success"]
            await receiver.received("after")
            await again.api.settled()
            assert await again.process.stop() == 0


async def test_a_backup_replaces_no_file(tmp_path: Path) -> None:
    async with server(tmp_path) as on:
        assert await on.process.stop() == 0
    (tmp_path / "mine").write_text("mine")
    code, _ = await run(tmp_path, "backup", "mine", "--database-url", "sqlite:///dispatch.db")
    assert code == 73
    assert (tmp_path / "mine").read_text() == "mine"


async def killed_amidst(folder: Path) -> None:
    """Kills a backup as soon as it writes."""
    saving = await Process.start(folder, "backup", "copy", "--database-url", "sqlite:///large.db")

    async def writes() -> bool:
        assert saving.child.returncode is None, "it was killed in time"
        return names(folder, "copy*") != [] and (folder / "copy.part").stat().st_size > 0

    await until(writes)
    await saving.kill()


def large(path: Path) -> None:
    """A database of ours that takes a while to copy."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE ballast AS SELECT randomblob(1000) AS x")
        for _ in range(16):
            connection.execute("INSERT INTO ballast SELECT randomblob(1000) FROM ballast")
        connection.commit()


async def test_a_backup_that_was_killed_leaves_no_file_of_its_name_and_can_be_taken_again(
    tmp_path: Path,
) -> None:
    large(tmp_path / "large.db")
    await killed_amidst(tmp_path)
    assert names(tmp_path, "copy*") == ["copy.part", "copy.part-journal"]
    code, said = await run(tmp_path, "backup", "copy", "--database-url", "sqlite:///large.db")
    assert code == 0, said
    assert names(tmp_path, "copy*") == ["copy"]
    assert rows(tmp_path / "copy", "SELECT count(*) FROM ballast") == [(2**16,)]


async def test_two_backups_to_one_name_do_not_disturb_each_other(tmp_path: Path) -> None:
    large(tmp_path / "large.db")
    command = ("backup", "copy", "--database-url", "sqlite:///large.db")
    taken = await asyncio.gather(run(tmp_path, *command), run(tmp_path, *command))
    codes = [code for code, _ in taken]
    assert sorted(codes) == [0, 73]
    assert names(tmp_path, "copy*") == ["copy"]
    assert rows(tmp_path / "copy", "PRAGMA integrity_check") == [("ok",)]


async def test_a_backup_of_what_is_no_database_leaves_nothing(tmp_path: Path) -> None:
    code, _ = await run(tmp_path, "backup", "copy", "--database-url", "sqlite:///none.db")
    assert code == 1
    (tmp_path / "none.db").write_bytes(b"not a database " * 999)
    code, _ = await run(tmp_path, "backup", "copy", "--database-url", "sqlite:///none.db")
    assert code == 74
    assert names(tmp_path, "copy*") == []


@pytest.mark.skipif(shutil.which("prlimit") is None, reason="prlimit is not installed")
async def test_a_backup_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    async with server(tmp_path) as on:
        assert await on.process.stop() == 0
        size = (tmp_path / "dispatch.db").stat().st_size
    source = f"sqlite:///{tmp_path}/dispatch.db"
    command = ("backup", f"{tmp_path}/copy", "--database-url", source)
    child = await asyncio.create_subprocess_exec(
        "prlimit",
        f"--fsize={size // 2}",
        sys.executable,
        "-m",
        "dispatchserver",
        *command,
        cwd=ROOT,
    )
    assert await child.wait() == 70
    assert names(tmp_path, "*copy*") == []
