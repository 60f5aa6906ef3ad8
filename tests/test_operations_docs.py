"""The commands on the page on operations are the same in both languages, and do what they say."""

import asyncio
import re
import shlex
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from click.testing import CliRunner

from dispatchserver.cli.main import cli
from dispatchserver.cli.serve import EXIT_AT_ONCE, EXIT_PORT_TAKEN
from dispatchserver.cli.shell import EXIT_CODES
from tests.houses import sqlite_house
from tests.processes import ROOT

DOCS = ROOT / "docs"
PAGES = ("operations.md", "operations.zh.md")


def blocks(page: str) -> tuple[str, str]:
    """What backs up and looks over, and what restores."""
    saving, restoring = re.findall(r"^```sh\n(.*?)^```", text(page), re.M | re.S)
    return saving, restoring


def text(page: str) -> str:
    return (DOCS / page).read_text("utf-8")


def test_both_pages_show_the_same_commands() -> None:
    assert blocks(PAGES[0]) == blocks(PAGES[1])


async def test_the_commands_do_what_they_say(tmp_path: Path) -> None:
    async with sqlite_house(tmp_path):
        source = ["--database-url", f"sqlite:///{tmp_path}/house.db"]
        for line in blocks(PAGES[0])[0].splitlines():
            _, *shown = shlex.split(line, comments=True)
            words = [word.replace("/backups", str(tmp_path)) for word in shown]
            done = CliRunner().invoke(cli, [*words, *source])
            assert done.exit_code == 0, done.output
    assert (tmp_path / "dispatch-1.db").stat().st_size


async def test_the_steps_that_restore_put_the_backup_in_place(tmp_path: Path) -> None:
    async with sqlite_house(tmp_path) as house:
        await house.add("kept")
        copy = str(tmp_path / "dispatch-1.db")
        await house.driver.writer.execute("VACUUM INTO $1", copy)
    for end in ("", "-wal", "-shm", ".lock"):
        (tmp_path / f"dispatch.db{end}").write_text("damaged")
    steps = blocks(PAGES[0])[1].replace("/backups", ".")
    steps = re.sub("^dispatchserver", f"{sys.executable} -m dispatchserver", steps, flags=re.M)
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
    command = ["sh", "-e", "-c", steps]
    await asyncio.to_thread(subprocess.run, command, cwd=tmp_path, env=env, check=True)
    assert (tmp_path / "damaged" / "dispatch.db-wal").read_text() == "damaged"
    with closing(sqlite3.connect(tmp_path / "dispatch.db")) as database:
        assert database.execute("SELECT name FROM tasks").fetchall() == [("kept",)]


def test_both_pages_tell_every_exit_code() -> None:
    ours = {0, 2, EXIT_PORT_TAKEN, EXIT_AT_ONCE, *EXIT_CODES.values()}
    for page in PAGES:
        assert {int(code) for code in re.findall(r"^\| (\d+) \|", text(page), re.M)} == ours, page
