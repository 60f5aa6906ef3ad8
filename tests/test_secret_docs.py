"""What the page on secrets shows, in both languages, is what a real server takes, keeps and does."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from dispatchserver.cli.main import cli
from tests.certificates import make_pair
from tests.processes import one_shot, process, serve, server

DOCS = Path(__file__).parent.parent / "docs"
PAGES = {"en": "secrets.md", "zh": "secrets.zh.md"}
TRIGGER = {"kind": "cron", "expression": "0 0 12 * * ?", "zone": "UTC"}


def blocks(kind: str, lang: str) -> list[str]:
    text = (DOCS / PAGES[lang]).read_text("utf-8")
    return re.findall(rf"^```{kind}\n(.*?)^```", text, re.M | re.S)


def examples(lang: str, key: str) -> list[dict[str, Any]]:
    """The JSON examples that have this key."""
    return [doc for doc in map(json.loads, blocks("json", lang)) if key in doc]


def test_both_pages_show_the_same_and_every_way() -> None:
    assert [blocks(kind, "en") for kind in ("json", "sh")] == [
        blocks(kind, "zh") for kind in ("json", "sh")
    ]
    ways = {way for doc in examples("en", "kind") for way in doc["auth"]}
    assert ways == {"bearer", "basic", "header", "mtls"}
    assert len(examples("en", "kind")) + 2 == len(blocks("json", "en"))


@pytest.mark.parametrize("lang", PAGES)
async def test_a_server_takes_every_example_and_shows_what_it_says(
    lang: str, tmp_path: Path
) -> None:
    async with server(tmp_path) as on:
        for name in ("shop-api", "shop-client"):
            async with on.api.session.put(f"/api/v1/secrets/{name}", json={"value": "v"}) as reply:
                assert reply.status == 201
        (told,) = examples(lang, "updated_at")
        shown = await on.api.get("/secrets/shop-api")
        assert shown.keys() == told.keys()
        assert {name: shown[name] for name in ("version", "tasks")} == {"version": 1, "tasks": 0}
        assert len(shown["updated_at"]) == len(told["updated_at"])
        for number, recall in enumerate(examples(lang, "kind")):
            path, task = f"/api/v1/tasks/docs/{number}", {"trigger": TRIGGER, "recall": recall}
            async with on.api.session.put(path, json=task) as reply:
                assert reply.status == 201, await reply.text()
                kept = (await reply.json())["recall"]
            assert {name: kept[name] for name in recall} == recall
        (old,) = examples(lang, "recallType")
        assert (await on.api.add(one_shot("old", 600), old))["success"]
        kept = (await on.api.get("/tasks/tests/old"))["recall"]
        assert {name: kept[name] for name in ("auth", "headers", "data")} == {
            name: old[name] for name in ("auth", "headers", "data")
        }


async def test_the_commands_do_what_they_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token.txt").write_text("canary-4711\n")
    (tmp_path / "client.pem").write_text(make_pair(tmp_path, "client").pem)
    monkeypatch.chdir(tmp_path)
    async with process(tmp_path, *serve()) as running:
        url = (await running.line()).strip().rpartition(" ")[2]
        monkeypatch.setenv("DISPATCH_URL", url)
        monkeypatch.setenv("DISPATCH_LANG", "en")
        commands = [shlex.split(line) for line in blocks("sh", "en")[0].splitlines()]
        done = [CliRunner().invoke(cli, words[1:]) for words in commands]
    assert [result.exit_code for result in done] == [0, 0, 0]
    assert re.findall(r"^\S+", done[-1].output, re.M) == ["shop-api", "shop-client"]
    assert "canary" not in "".join(result.output for result in done)
