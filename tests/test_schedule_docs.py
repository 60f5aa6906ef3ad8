"""What the page on schedules says, in both languages, is what the server does."""

import json
import re
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner

from dispatchserver.cli.main import cli
from dispatchserver.dialects.rest.schedule import explanation_doc, read_question
from dispatchserver.documents.reading import Basis
from dispatchserver.domain.triggers import Trigger, upcoming
from dispatchserver.wording import describe

DOCS = Path(__file__).parent.parent / "docs"
PAGES = {"en": "schedules.md", "zh": "schedules.zh.md"}
COLUMNS = {
    "Expression": "expr",
    "Rule": "dst",
    "Zone": "tz",
    "From": "from",
    "In words": "words",
    "Next fires": "fires",
    "Trigger": "trigger",
    "表达式": "expr",
    "规则": "dst",
    "时区": "tz",
    "从何时起": "from",
    "含义": "words",
    "接下来的触发": "fires",
    "触发器": "trigger",
}
NOW = datetime(2026, 11, 22, tzinfo=UTC)
UTC_ZONE, SHANGHAI = ZoneInfo("UTC"), ZoneInfo("Asia/Shanghai")


def page(lang: str) -> str:
    return (DOCS / PAGES[lang]).read_text("utf-8")


def rows(lang: str) -> Iterator[dict[str, str]]:
    """Every row of the tables with examples, by our names of their columns."""
    for table in re.findall(r"(?:^\|.*\n)+", page(lang), re.M):
        head, _, *lines = (
            [cell.strip(" `") for cell in line.split("|")[1:-1]] for line in table.splitlines()
        )
        if "fires" in (names := [COLUMNS.get(name, name) for name in head]):
            yield from (dict(zip(names, line, strict=True)) for line in lines)


def blocks(lang: str, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", page(lang), re.M | re.S)


def fires_of(trigger: Trigger, after: datetime, told: str) -> str:
    """As many next fires as are told, written as the page writes them."""
    fires = upcoming(trigger, after, told.count("<br>") + 1)
    return "<br>".join(fire.astimezone(trigger.zone).isoformat(sep=" ") for fire in fires)


CRON = [pytest.param(lang, row, id=f"{lang} {' '.join(row.values())[:40]}")
        for lang in PAGES for row in rows(lang) if "expr" in row]  # fmt: skip
TRIGGERS = [(lang, row) for lang in PAGES for row in rows(lang) if "trigger" in row]


@pytest.mark.parametrize(("lang", "row"), CRON)
def test_an_expression_means_and_fires_as_the_page_says(lang: str, row: dict[str, str]) -> None:
    asked = {name: row[name] for name in ("expr", "tz", "dst") if name in row}
    trigger = read_question(asked, Basis(zone=UTC_ZONE, now=NOW)).trigger
    after = datetime.fromisoformat(row["from"]).replace(tzinfo=trigger.zone)
    assert fires_of(trigger, after, row["fires"]) == row["fires"]
    if "words" in row:
        assert describe(trigger, lang) == row["words"]


@pytest.mark.parametrize(("lang", "row"), TRIGGERS)
def test_a_trigger_means_and_fires_as_the_page_says(lang: str, row: dict[str, str]) -> None:
    basis = Basis(zone=SHANGHAI, now=NOW)
    question = read_question({"trigger": json.loads(row["trigger"])}, basis)
    assert describe(question.trigger, lang) == row["words"]
    assert fires_of(question.trigger, question.after, row["fires"]) == row["fires"]


@pytest.mark.parametrize("lang", PAGES)
def test_the_command_prints_what_the_page_shows(lang: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPATCH_LANG", lang)
    command, (shown,) = blocks(lang, "sh")[-1], blocks(lang, "text")
    assert CliRunner().invoke(cli, shlex.split(command)[1:]).output == shown


@pytest.mark.parametrize("lang", PAGES)
def test_rest_answers_what_the_page_shows(lang: str) -> None:
    asked, shown = map(json.loads, blocks(lang, "json"))
    assert explanation_doc(read_question(asked, Basis(zone=UTC_ZONE, now=NOW)), lang) == shown


def test_both_pages_show_the_same_examples() -> None:
    kept = [
        [{k: v for k, v in row.items() if k != "words"} for row in rows(lang)] for lang in PAGES
    ]
    assert kept[0] == kept[1]
    assert len(kept[0]) > 25
