"""What the page on imports shows, in both languages, is what a real server takes and answers."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from dispatchserver.cli.main import cli
from tests.cli.conftest import serving

DOCS = Path(__file__).parent.parent / "docs"


@pytest.mark.parametrize("page", ["import.md", "import.zh.md"])
def test_the_lines_of_the_page_are_taken_and_answered_as_it_says(tmp_path, page):
    text = (DOCS / page).read_text("utf-8")
    lines, answer = re.findall(r"^```json\n(.*?)^```", text, re.M | re.S)
    with serving(tmp_path) as url:
        done = CliRunner().invoke(cli, ["task", "import", "-", "--json", "--url", url], input=lines)
    assert (done.exit_code, json.loads(done.stdout)) == (0, json.loads(answer))
