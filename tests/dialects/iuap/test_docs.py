"""Every example in docs/do-triggers.md is taken as it stands; both languages show the same."""

import json
import re
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from dispatchserver.dialects.iuap.reading import read_add
from dispatchserver.dialects.iuap.saving import read_save
from dispatchserver.dialects.iuap.setting import Habits
from tests.builders import NOON
from tests.dialects.building import a_recall

DOCS = Path(__file__).parents[3] / "docs"
HABITS = Habits(zone=ZoneInfo("Asia/Shanghai"))


def examples(name):
    text = (DOCS / name).read_text("utf-8")
    return [json.loads(block) for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL)]


@pytest.mark.parametrize("number", range(8))
def test_an_example_is_taken(number):
    doc = examples("do-triggers.md")[number]
    if "task" in doc:
        assert read_save(doc, NOON, HABITS).key.name == "j"
    else:
        fields = {"taskConfig": doc, "recallConfig": a_recall()}
        assert read_add(fields, NOON, HABITS).key.name == "j"


def test_both_languages_show_the_same_examples():
    assert len(examples("do-triggers.md")) == 8
    assert examples("do-triggers.zh.md") == examples("do-triggers.md")
