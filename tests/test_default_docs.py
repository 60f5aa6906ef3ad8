"""What the page on policies tells of defaults and of dead letters, in both languages, is what a real server does."""

import asyncio
import json
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from dispatchserver.cli.main import cli
from tests.processes import Api, server
from tests.test_policy_docs import PAGES, RECALL, TRIGGER, holds, page

HEADS = {
    "en": ("## Defaults of a group and of the server", "## Dead letters"),
    "zh": ("## 分组与服务器的默认策略", "## 死信"),
}


def section(lang: str, number: int) -> str:
    return page(lang).split(HEADS[lang][number])[1].split("\n## ")[0]


def blocks(text: str, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", text, re.M | re.S)


async def put(api: Api, path: str, doc: dict[str, Any]) -> None:
    async with api.session.put(f"/api/v1{path}", json=doc) as reply:
        assert reply.status in (200, 201), await reply.text()


@pytest.mark.parametrize("lang", PAGES)
async def test_the_task_has_what_the_page_says_of_group_and_server(
    lang: str, tmp_path: Path
) -> None:
    told = section(lang, 0)
    (file,) = blocks(told, "toml")
    of_group, of_task = map(json.loads, blocks(told, "json"))
    (tmp_path / "dispatchserver.toml").write_text(file)
    async with server(tmp_path) as running:
        api, task = running.api, {"trigger": TRIGGER, "recall": RECALL}
        await put(api, "/groups/docs", {"policies": of_group})
        await put(api, "/tasks/docs/1", task | {"policies": of_task})
        await put(api, "/tasks/other/1", task)
        shown = (await api.get("/tasks/docs/1"))["policies"]
        other = (await api.get("/tasks/other/1"))["policies"]
    assert holds(shown, of_task)
    assert (shown["timeout"], shown["misfireGrace"]) == ("90s", "10m")
    assert "90s" in told and "10m" in told
    assert holds(other, tomllib.loads(file)["policies"])


async def failed(api: Api, url: str) -> str:
    """A fire in the group `reports` that nobody takes, and that is not repeated."""
    task = {"trigger": TRIGGER, "recall": {"kind": "HTTP", "url": url}}
    await put(api, "/tasks/reports/1", task | {"policies": {"retry": {"max": 0}}})
    async with api.session.post("/api/v1/tasks/reports/1/trigger") as reply:
        fire: str = (await reply.json())["id"]
    assert (await api.ended(fire))["state"] == "failed"
    return fire


@pytest.mark.parametrize("lang", PAGES)
async def test_every_call_of_the_section_on_dead_letters_is_one(lang: str, tmp_path: Path) -> None:
    lines = [
        shlex.split(line) for block in blocks(section(lang, 1), "sh") for line in block.splitlines()
    ]
    calls = [line for line in lines if line[0] == "curl"]
    (command,) = (line for line in lines if line[0] == "dispatchserver")
    async with server(tmp_path) as running:
        old = await failed(running.api, "http://127.0.0.1:9/billing.example.com")
        answers = []
        for call in calls:
            path = call[3].partition("8080")[2]
            async with running.api.session.post(path, data=call[5]) as reply:
                assert reply.status == 200, await reply.text()
                answers.append(await reply.json())
        look, sent = answers
        assert (look["count"], [fire["id"] for fire in look["items"]]) == (1, [old])
        assert sent == {"items": [], "more": False}
        done = await asyncio.to_thread(
            CliRunner().invoke, cli, [*command[1:], "--yes", "--url", running.url]
        )
        assert f"<- {old}" in done.output, done.output
        (query,) = re.findall(r"`GET /api/v1(/fires[^`]*)`", section(lang, 1))
        assert {fire["replay_of"] for fire in (await running.api.get(query))["items"]} <= {old}


def test_both_pages_show_the_same_calls_and_the_same_file() -> None:
    for number in (0, 1):
        for kind in ("json", "toml", "sh"):
            assert blocks(section("en", number), kind) == blocks(section("zh", number), kind)
