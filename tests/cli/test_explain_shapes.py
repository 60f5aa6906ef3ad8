"""`cron explain` of triggers of every shape, and of unix lines; without a server."""

import io
import json
import sys

import pytest

from dispatchserver.documents.triggers import trigger_doc
from tests.shapes import SHAPES

WINDOW = {"kind": "window", "opens": "08:00", "closes": "10:00", "every_s": "1h", "zone": "UTC"}
WINDOW |= {"start": "2027-01-01 00:00"}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_is_explained_as_a_task_shows_it(command, shape):
    done = command("cron", "explain", "--trigger", json.dumps(trigger_doc(SHAPES[shape])))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip()


def test_a_trigger_may_be_text_or_a_file_or_standard_input(command, tmp_path, monkeypatch):
    text = json.dumps(WINDOW)
    (tmp_path / "trigger.json").write_text(text, "utf-8")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    told = {
        command("cron", "explain", "--n", "2", "--trigger", source).stdout
        for source in (text, "trigger.json", "-")
    }
    (lines,) = (each.splitlines() for each in told)
    assert lines[0].startswith("every hour from 08:00 to 10:00 every day")
    assert lines[3:5] == [
        "  2027-01-01 08:00:00+00:00  2027-01-01T08:00:00Z",
        "  2027-01-01 09:00:00+00:00  2027-01-01T09:00:00Z",
    ]


def test_a_unix_line_is_explained_where_that_is_said(command):
    done = command("cron", "explain", "30 9 * * 1-5", "--dialect", "unix", "--tz", "UTC")
    assert done.stdout.splitlines()[0] == "every weekday at 09:30"
    assert command("cron", "explain", "30 9 * * 1-5").returncode == 65


@pytest.mark.parametrize(
    ("lang", "words"), [("en", "lines[0].opens: must be a time of day"), ("zh", "opens：必须是")]
)
def test_what_is_wrong_with_a_trigger_is_named(command, lang, words):
    doc = {"kind": "union", "lines": [WINDOW | {"opens": "8", "every": 5}]}
    done = command("cron", "explain", "--trigger", json.dumps(doc), DISPATCH_LANG=lang)
    assert (done.returncode, done.stdout) == (65, "")
    assert words in done.stderr and "trigger.lines[0].every" in done.stderr


def test_a_trigger_beside_an_expression_is_refused(command):
    trigger = json.dumps(WINDOW)
    done = command("cron", "explain", "0 0 12 * * ?", "--dst", "skip", "--trigger", trigger)
    assert done.returncode == 65
    assert "expr:" in done.stderr and "dst:" in done.stderr


def test_a_file_that_cannot_be_read_is_told(command):
    done = command("cron", "explain", "--trigger", "nowhere.json")
    assert done.returncode == 65
    assert "--trigger: cannot be read: No such file" in done.stderr
    assert "nowhere.json" in done.stderr


def test_without_expression_and_trigger_the_call_shows_how_it_is_meant(command):
    done = command("cron", "explain")
    assert done.returncode == 2
    assert "--trigger" in done.stderr
