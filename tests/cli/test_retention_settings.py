"""How long records are kept is set like all else, and told in words that people read."""

from datetime import timedelta
from pathlib import Path

import pytest

from dispatchserver.domain.retention import Keep
from dispatchserver.messages import LANGUAGES, say_error
from dispatchserver.settings import Settings
from dispatchserver.settingsources import Misconfigured, load

DOCS = Path(__file__).parent.parent.parent / "docs"
NAMES = ("keep_fires", "keep_failed", "keep_per_task", "keep_audit")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_what_nobody_sets_is_what_the_engine_would_keep_anyway():
    assert load({}, {})[0].keep == Keep()


def test_lengths_of_time_have_units_and_nought_is_for_ever():
    flags = {"keep_fires": "36h", "keep_failed": "0", "keep_audit": "90m", "keep_per_task": "0"}
    assert load(flags, {})[0].keep == Keep(
        fires=timedelta(hours=36), failed=None, audit=timedelta(minutes=90), per_task=None
    )


@pytest.mark.parametrize("name", [name for name in NAMES if name != "keep_per_task"])
@pytest.mark.parametrize(
    "text", ["", "7", "-1d", "1.5d", "59s", "36501d", "7 d", "7w", "forever", "７d"]
)
def test_a_length_of_time_that_is_none_is_refused_with_what_would_be_one(name, text):
    with pytest.raises(Misconfigured) as refused:
        load({}, {f"DISPATCH_{name.upper()}": text})
    for lang in LANGUAGES:
        said = say_error(lang, refused.value)
        assert name in said and text in said and "36500d" in said


@pytest.mark.parametrize("page", ["retention.md", "retention.zh.md"])
@pytest.mark.parametrize("name", NAMES)
def test_the_pages_tell_each_setting_with_its_default(page, name):
    default = Settings.model_fields[name].default
    assert f"| `{name}` | `{default}` |" in (DOCS / page).read_text("utf-8")
