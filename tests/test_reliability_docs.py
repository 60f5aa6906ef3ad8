"""docs/reliability.md says what is tested, in both languages, and what it advises works."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.faults import checker

DOCS = Path(__file__).parent.parent / "docs"
PAGES = [DOCS / "reliability.md", DOCS / "reliability.zh.md"]


def faults(page: Path) -> list[str]:
    """The names of the faults that a page lists, in its order."""
    return re.findall(r"^- \*\*([A-I]\d.*?)\*\*", page.read_text("utf-8"), re.MULTILINE)


def test_both_languages_list_the_same_faults() -> None:
    english, chinese = (" ".join(faults(page)).replace("、", ", ") for page in PAGES)
    assert english == chinese
    assert {name[0] for name in english.split()} == set("ABCEFGI")


@pytest.mark.parametrize("page", PAGES, ids=["en", "zh"])
def test_the_rules_are_those_of_the_checker(page: Path) -> None:
    before_the_card, _, _ = page.read_text("utf-8").partition("<!-- card -->")
    told = re.findall(r"^\| (I\d+) ", before_the_card, re.MULTILINE)
    assert told == [name.split()[0] for name in checker.RULES]


@pytest.mark.parametrize("page", PAGES, ids=["en", "zh"])
def test_the_card_has_its_place(page: Path) -> None:
    text = page.read_text("utf-8")
    assert 0 < text.index("<!-- card -->") < text.index("<!-- /card -->")


@pytest.mark.parametrize("page", PAGES, ids=["en", "zh"])
def test_a_receiver_that_keeps_ids_as_advised_knows_what_it_has_done(page: Path) -> None:
    (statement,) = re.findall(r"```sql\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute("CREATE TABLE done (tasklogid TEXT PRIMARY KEY)")
        written = [database.execute(statement, ["a"]).rowcount for _ in range(2)]
    assert written == [1, 0]
