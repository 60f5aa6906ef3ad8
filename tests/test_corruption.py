"""A server refuses a damaged database with an exit code of its own, and goes on from a backup."""

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.processes import Process, http, one_shot, process, serve, server

PAGE = 4096


def damage(path: Path) -> bytes:
    """Overwrites all pages of a database but the first, and its log; answers what is in it then."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as file:
        file.seek(PAGE)
        file.write(b"\xff" * (path.stat().st_size - PAGE))
    return path.read_bytes()


def restore(folder: Path) -> None:
    """As the manual says: the damaged files aside, the backup in their place."""
    aside = folder / "damaged"
    aside.mkdir()
    for path in list(folder.glob("dispatch.db*")):
        path.rename(aside / path.name)
    (folder / "backup.db").rename(folder / "dispatch.db")


def there(folder: Path) -> bytes:
    return (folder / "dispatch.db").read_bytes()


async def test_a_damaged_database_is_refused_kept_and_a_backup_takes_its_place(
    tmp_path: Path,
) -> None:
    async with server(tmp_path) as first:
        recall = http("http://127.0.0.1:9")
        assert (await first.api.add(one_shot("kept", 600), recall))["success"]
        source = ("--database-url", "sqlite:///dispatch.db")
        saving = await Process.start(tmp_path, "backup", "backup.db", *source)
        assert await saving.ended() == 0
        await first.process.kill()
    broken = damage(tmp_path / "dispatch.db")
    async with process(tmp_path, *serve()) as refused:
        assert await refused.ended() == 74
        assert "put the latest backup in its place" in refused.said()
    assert there(tmp_path) == broken
    restore(tmp_path)
    async with server(tmp_path) as again:
        assert [task["name"] for task in await again.api.all("/tasks")] == ["kept"]
        assert await again.process.stop() == 0
