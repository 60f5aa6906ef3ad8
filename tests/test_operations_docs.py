"""The commands on the page on operations are the same in both languages, and do what they say."""

import re
import shlex
from pathlib import Path

from click.testing import CliRunner

from dispatchserver.cli.main import cli
from tests.houses import sqlite_house

DOCS = Path(__file__).parent.parent / "docs"


def commands(page: str) -> list[list[str]]:
    (block,) = re.findall(r"^```sh\n(.*?)^```", (DOCS / page).read_text("utf-8"), re.M | re.S)
    return [shlex.split(line, comments=True) for line in block.splitlines()]


def test_both_pages_show_the_same_commands() -> None:
    assert commands("operations.md") == commands("operations.zh.md")


async def test_the_commands_do_what_they_say(tmp_path: Path) -> None:
    async with sqlite_house(tmp_path):
        source = ["--database-url", f"sqlite:///{tmp_path}/house.db"]
        for _, *shown in commands("operations.md"):
            words = [word.replace("/backups", str(tmp_path)) for word in shown]
            done = CliRunner().invoke(cli, [*words, *source])
            assert done.exit_code == 0, done.output
    assert (tmp_path / "dispatch-1.db").stat().st_size
