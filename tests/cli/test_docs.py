"""The commands that the page on schedules shows run as they stand there."""

import re
import shlex
from pathlib import Path

import pytest

PAGES = [
    Path(__file__).parent.parent.parent / "docs" / name
    for name in ("schedules.md", "schedules.zh.md")
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_the_page_on_schedules_does_what_it_says(command, url, page):
    text = " ".join(page.read_text("utf-8").split("\n"))
    shown = re.findall(r"dispatchserver ((?:calendar|group) [^`]+?)(?= dispatchserver |`)", text)
    assert len(shown) == 3
    told = [command(*shlex.split(words), DISPATCH_URL=url) for words in shown]
    assert [done.returncode for done in told] == [0, 0, 0]
    assert "2026-10-01  excluded" in told[-1].stdout
    assert "2026-10-10  worked" in told[-1].stdout
