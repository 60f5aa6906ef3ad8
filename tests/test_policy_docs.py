"""What the page on policies shows, in both languages, is what a real server keeps and does."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dispatchserver.documents.policies import read_policies
from dispatchserver.domain.concurrency import OverlapRule
from dispatchserver.domain.faults import Faults
from dispatchserver.domain.fields import FieldReader
from dispatchserver.domain.retrypolicy import Backoff, Failure
from dispatchserver.domain.route import RouteRule
from tests.processes import server

DOCS = Path(__file__).parent.parent / "docs"
PAGES = {"en": "policies.md", "zh": "policies.zh.md"}
TRIGGER = {"kind": "cron", "expression": "0 0 12 * * ?", "zone": "UTC"}
RECALL = {"kind": "HTTP", "url": "http://127.0.0.1:9/receive"}


def page(lang: str) -> str:
    return (DOCS / PAGES[lang]).read_text("utf-8")


def blocks(lang: str) -> list[dict[str, Any]]:
    return [
        json.loads(block) for block in re.findall(r"^```json\n(.*?)^```", page(lang), re.M | re.S)
    ]


def examples(lang: str) -> list[dict[str, Any]]:
    """The policies among them."""
    return [block for block in blocks(lang) if "kind" not in block]


def recalls(lang: str) -> list[dict[str, Any]]:
    """And whom to call back."""
    return [block for block in blocks(lang) if "kind" in block]


def named_in(lang: str, table: str) -> set[str]:
    """The words in the first column of the table under this head."""
    rows = page(lang).split(f"| `{table}` |")[1].split("\n\n")[0]
    return {
        word
        for row in re.findall(r"^\| ([^|]*) \|", rows, re.M)
        for word in re.findall(r"`(\w+)`", row)
    }


def holds(shown: Any, told: Any) -> bool:
    """Whether all that is told is among what is shown."""
    if not isinstance(told, dict):
        return shown == told
    return all(holds(shown[name], value) for name, value in told.items())


@pytest.mark.parametrize("lang", PAGES)
async def test_a_server_takes_every_example_and_shows_what_it_says(
    lang: str, tmp_path: Path
) -> None:
    async with server(tmp_path) as running:
        for number, policies in enumerate(examples(lang)):
            path = f"/api/v1/tasks/docs/{number}"
            task = {"trigger": TRIGGER, "recall": RECALL, "policies": policies}
            async with running.api.session.put(path, json=task) as reply:
                assert reply.status == 201, await reply.text()
            shown = (await running.api.get(f"/tasks/docs/{number}"))["policies"]
            assert holds(shown, policies), shown
            async with running.api.session.put(path, json=task | {"policies": shown}) as reply:
                assert (reply.status, (await reply.json())["policies"]) == (200, shown)


@pytest.mark.parametrize("lang", PAGES)
async def test_a_server_takes_every_recall_and_shows_what_it_says(
    lang: str, tmp_path: Path
) -> None:
    async with server(tmp_path) as running:
        for number, recall in enumerate(recalls(lang)):
            path = f"/api/v1/tasks/docs/{number}"
            task = {"trigger": TRIGGER, "recall": recall}
            async with running.api.session.put(path, json=task) as reply:
                assert reply.status == 201, await reply.text()
            shown = (await running.api.get(f"/tasks/docs/{number}"))["recall"]
            assert holds(shown, recall), shown


def test_both_pages_show_the_same_examples_of_every_policy() -> None:
    assert blocks("en") == blocks("zh")
    told = {name for policies in examples("en") for name in policies}
    assert told >= {"timeout", "retry", "overlap", "concurrencyKey", "misfire", "spread", "jitter"}


@pytest.mark.parametrize("lang", PAGES)
def test_the_tables_name_every_failure_and_every_rule(lang: str) -> None:
    assert named_in(lang, "retryOn") == set(Failure)
    assert named_in(lang, "overlap") - {"overlap", "max"} == set(OverlapRule)
    assert named_in(lang, "route") == set(RouteRule)


@pytest.mark.parametrize("lang", PAGES)
def test_the_growing_pauses_are_as_the_page_counts_them(lang: str) -> None:
    (growing,) = (each for each in examples(lang) if "base" in (each.get("retry") or {}))
    pauses = read_policies(FieldReader({"policies": growing}, Faults()), None).retry.pauses
    assert isinstance(pauses, Backoff)
    waits = [pauses.wait(n, share=0) / timedelta(seconds=1) for n in range(1, pauses.most + 1)]
    assert ", ".join(f"{wait:g} s" for wait in waits) in page(lang)


@pytest.mark.parametrize("lang", PAGES)
def test_the_links_lead_to_headings_that_are_there(lang: str) -> None:
    for file, heading in re.findall(r"\]\((schedules[\w.]*\.md)#([^)]*)\)", page(lang)):
        heads = re.findall(r"^#+ (.*)$", (DOCS / file).read_text("utf-8"), re.M)
        slugs = [re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads]
        assert heading in slugs
