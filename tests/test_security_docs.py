"""What the page on security says, in both languages, is what the server does."""

import json
import re
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from dispatchserver.app import running
from dispatchserver.auth import connections, intake
from dispatchserver.domain.egress import read_address
from dispatchserver.domain.jsontext import DEPTH_LIMIT
from dispatchserver.reach import egress_policy
from dispatchserver.settings import Settings
from dispatchserver.settingsources import load
from dispatchserver.stores.groupcommit import QUEUE_LIMIT

DOCS = Path(__file__).parent.parent / "docs"
PAGES = {"en": "security.md", "zh": "security.zh.md"}
EACH_LANGUAGE = pytest.mark.parametrize("lang", PAGES)
ROW = re.compile(r"^\| `(\w+)` \| (.+?) \| .+ \|$", re.M)
NONE = {"none", "无"}


def page(lang: str) -> str:
    return (DOCS / PAGES[lang]).read_text("utf-8")


def blocks(kind: str, lang: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", page(lang), re.M | re.S)


@EACH_LANGUAGE
def test_every_setting_of_the_table_is_one_with_its_default(lang: str) -> None:
    told = dict(ROW.findall(page(lang)))
    assert len(told) == 12
    for name, default in told.items():
        known = Settings.model_fields[name].default
        shown = "" if default in NONE else default.strip("`")
        assert shown == ("" if known in ((), None) else str(known)), name


@EACH_LANGUAGE
def test_every_example_of_settings_is_taken(lang: str, tmp_path: Path) -> None:
    for number, block in enumerate(blocks("toml", lang)):
        file = tmp_path / f"{number}.toml"
        file.write_text(block, "utf-8")
        settings, _ = load({}, {}, file)
        assert settings.model_dump(mode="json").items() >= as_stored(tomllib.loads(block)).items()
    assert len(blocks("toml", lang)) == 3


def as_stored(values: dict[str, Any]) -> dict[str, Any]:
    """As the settings keep them: an address of a proxy is a network of one."""
    proxies = [f"{proxy}/32" for proxy in values.get("trusted_proxies", [])]
    return values | ({"trusted_proxies": proxies} if proxies else {})


@EACH_LANGUAGE
def test_the_example_of_a_list_allows_what_it_names_and_nothing_else(
    lang: str, tmp_path: Path
) -> None:
    file = tmp_path / "allow.toml"
    file.write_text(blocks("toml", lang)[0], "utf-8")
    policy = egress_policy(load({}, {}, file)[0])
    asked = {
        ("h.test", "10.1.2.3", 80): None,
        ("h.test", "10.0.0.7", 6379): None,
        ("h.test", "10.0.0.7", 80): "egress.not_listed",
        ("hooks.example.com", "8.8.8.8", 443): None,
        ("hooks.example.com", "8.8.8.8", 80): "egress.not_listed",
        ("a.inner.example", "10.9.9.9", 8080): None,
    }
    for (host, address, port), rule in asked.items():
        judged = policy.refusal(host, read_address(address), port, raw=True)  # type: ignore[arg-type]
        assert judged == rule


@EACH_LANGUAGE
def test_the_figures_are_those_of_the_server(lang: str) -> None:
    text = page(lang)
    unit = {"en": " s", "zh": " 秒"}[lang]
    limits = (connections.HEAD_TIMEOUT_S, connections.TAKEN_WITHIN_S, connections.KEEP_ALIVE_S)
    for seconds in (*limits, intake.BODY_TIMEOUT_S):
        assert f"{seconds:.0f}{unit}" in text
    assert f"{connections.TAKEN_AT_LEAST // 1024} KiB" in text
    assert "1 MiB" in text and intake.BODY_LIMIT == 1024 * 1024
    assert f"{QUEUE_LIMIT:,}" in text and str(DEPTH_LIMIT) in text


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    settings = Settings.model_validate(
        {"port": 0, "database_url": f"sqlite:///{tmp_path}/dispatch.db", "drain_timeout": 0}
    )
    async with running(settings) as server:
        yield server.url


@EACH_LANGUAGE
async def test_the_example_of_a_refusal_is_what_the_server_answers(url: str, lang: str) -> None:
    (block,) = blocks("json", lang)
    task = {
        "trigger": {"kind": "cron", "expression": "0 0 12 * * ?"},
        "recall": {"kind": "HTTP", "url": "http://169.254.169.254/latest"},
    }
    headers = {"Accept-Language": lang}
    async with (
        aiohttp.ClientSession(url, headers=headers) as session,
        session.put("/api/v1/tasks/g/t", json=task) as reply,
    ):
        assert json.loads(block) == await reply.json(content_type=None)
