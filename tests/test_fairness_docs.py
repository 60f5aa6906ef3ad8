"""What the pages on policies say of fairness is what a real server takes and does."""

import json
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from dispatchserver.cli.main import cli
from dispatchserver.domain.breaker import REST, TROUBLE_LIMIT
from dispatchserver.domain.destination import Hindrance
from dispatchserver.domain.fire import AGEING_MS
from dispatchserver.settings import Settings
from tests.cli.conftest import url as url
from tests.processes import server

DOCS = Path(__file__).parent.parent / "docs"
PAGES = {"policies.md": "## Fairness", "policies.zh.md": "## 公平"}


def section(page: str) -> str:
    text = (DOCS / page).read_text("utf-8")
    (found,) = re.findall(rf"^{PAGES[page]}.*?(?=^## )", text, re.M | re.S)
    return found


def blocks(page: str, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", section(page), re.M | re.S)


def test_both_pages_show_the_same_examples() -> None:
    english, chinese = PAGES
    for kind in ("http", "sh"):
        assert blocks(english, kind) == blocks(chinese, kind) != []


@pytest.mark.parametrize("page", PAGES)
async def test_a_server_takes_every_request_and_shows_what_it_set(
    page: str, tmp_path: Path
) -> None:
    async with server(tmp_path) as running:
        for block in blocks(page, "http"):
            head, _, body = block.partition("\n\n")
            method, path = head.split()
            async with running.api.session.request(method, path, data=body) as reply:
                assert reply.status == 200, await reply.text()
                assert (await reply.json())["settings"] == json.loads(body)
        listed = (await running.api.get("/destinations"))["items"]
        assert listed and set(listed[0]) >= {"in_flight", "waiting", "breaker", "hindrance"}


@pytest.mark.parametrize("page", PAGES)
def test_every_command_on_the_page_works(page: str, url: str) -> None:
    (block,) = blocks(page, "sh")
    for line in block.splitlines():
        program, *arguments = shlex.split(line)
        done = CliRunner().invoke(cli, [*arguments, "--url", url])
        assert (program, done.exit_code) == ("dispatchserver", 0), done.output


@pytest.mark.parametrize("page", PAGES)
def test_the_figures_on_the_page_are_those_of_the_server(page: str) -> None:
    text, usual = section(page), Settings()
    for figure in (usual.destination_slots, f"{usual.slots:,}", TROUBLE_LIMIT, REST.seconds):
        assert str(figure) in text
    assert AGEING_MS == 5 * 60 * 1000
    assert {str(why) for why in Hindrance} <= set(re.findall(r"`(\w+)`", text))
