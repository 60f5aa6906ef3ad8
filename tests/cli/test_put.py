"""`task put`, and `task show` before it: shown, edited, put back."""

import json

import pytest
from click.testing import CliRunner

from dispatchserver.cli.main import cli

DOC = {
    "trigger": {
        "kind": "union",
        "lines": [
            {"kind": "cron", "expression": "0 0 12 * * ?"},
            {"kind": "window", "opens": "08:00", "closes": "10:00", "every_s": "30m"},
        ],
    },
    "recall": {"kind": "HTTP", "url": "http://127.0.0.1:9/x"},
    "note": "夜间",
}


@pytest.fixture
def task(url, monkeypatch):
    monkeypatch.setenv("DISPATCH_LANG", "en")
    return lambda *args, **more: CliRunner().invoke(cli, ["task", *args, "--url", url], **more)


def put(task, doc, name, *more):
    return task("put", "夜 间", name, "-", *more, input=json.dumps(doc))


def test_a_task_is_put_from_a_file_shown_edited_and_put_back(task, tmp_path):
    file = tmp_path / "task.json"
    file.write_text(json.dumps(DOC), "utf-8")
    added = json.loads(task("put", "夜 间", "a/b", str(file)).output)
    line = task("show", "夜 间", "a/b", "--json").output
    assert line.count("\n") == 1
    shown = json.loads(line)
    assert (shown["note"], len(shown["trigger"]["lines"])) == ("夜间", 2)
    assert json.loads(put(task, shown, "a/b").output)["version"] == added["version"]
    edited = json.loads(put(task, shown | {"priority": 9}, "a/b").output)
    assert (edited["priority"], edited["version"]) == (9, added["version"] + 1)


def test_a_new_task_is_not_put_over_another(task):
    assert put(task, DOC, "new", "--new").exit_code == 0
    done = put(task, DOC, "new", "--new")
    assert done.exit_code == 1
    assert "there is already a task 夜 间/new" in done.output


@pytest.mark.parametrize(
    ("lang", "words"), [("en", "is required and was not given"), ("zh", "必填，但没有给出")]
)
def test_every_faulty_field_is_named_in_the_terminals_language(task, monkeypatch, lang, words):
    monkeypatch.setenv("DISPATCH_LANG", lang)
    doc = {"trigger": {"kind": "window", "days": {"unit": "year"}}, "colour": "red"}
    done = put(task, doc, "never")
    assert done.exit_code == 1
    assert words in done.output
    for field in ("trigger.opens", "trigger.days.unit", "recall", "colour"):
        assert field in done.output
    assert task("show", "夜 间", "never").exit_code == 1


def test_what_is_no_json_is_told_with_its_place(task):
    done = task("put", "夜 间", "never", "-", input='{"trigger":')
    assert done.exit_code == 1
    assert "is not valid JSON: look at character 12" in done.output


def test_a_file_that_is_not_there_is_told(task):
    done = task("put", "夜 间", "never", "nowhere.json")
    assert done.exit_code == 2
    assert "nowhere.json" in done.output


def test_a_forbidden_address_is_told_at_its_field(task):
    recall = {"kind": "HTTP", "url": "http://169.254.169.254/"}
    done = put(task, DOC | {"recall": recall}, "forbidden")
    assert done.exit_code == 1
    assert "recall.url: 169.254.169.254 is a cloud metadata service" in done.output
    assert "--egress-allow" in done.output
