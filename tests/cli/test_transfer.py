"""`task export` and `task import`: what comes out of one server goes into another, and every fault is told by its line."""

import json

import pytest
from click.testing import CliRunner

from dispatchserver.cli.main import cli
from tests.cli.conftest import serving

FAR = "2998-03-02T08:00:00Z"
CRON = {"kind": "cron", "expression": "0 0 12 * * ?"}
RECALL = {"kind": "HTTP", "url": "http://127.0.0.1:9/x"}
TASKS = [
    {"trigger": CRON, "recall": RECALL, "note": "夜间", "labels": {"team": "结算"}},
    {"trigger": {"kind": "simple", "start": FAR, "interval_s": 60, "count": 3}, "recall": RECALL},
    {"trigger": CRON, "recall": RECALL, "policies": {"timeout": "3s", "retry": {"max": 2}}},
    {"trigger": CRON, "recall": RECALL | {"data": {"a": [1, 1.5, None, "ä"]}}, "paused": True},
    {"trigger": CRON, "recall": {"kind": "SOCKET", "host": "127.0.0.1", "port": 9999}},
    {"trigger": {"kind": "delay", "delay_s": "10m", "start": FAR}, "recall": RECALL},
]


def lines(tasks, group="g"):
    named = ({"group": group, "name": f"task {n}"} | task for n, task in enumerate(tasks))
    return "\n".join(json.dumps(task) for task in named)


@pytest.fixture
def task(url, monkeypatch):
    monkeypatch.setenv("DISPATCH_LANG", "en")
    return lambda *args, at=url, **more: CliRunner().invoke(
        cli, ["task", *args, "--url", at], **more
    )


def test_what_one_server_exports_another_one_imports_and_exports_alike(task, tmp_path):
    done = task("import", "-", input=lines(TASKS, "moved"))
    assert (done.exit_code, done.output) == (
        0,
        "6 lines: 6 added, 0 replaced, 0 unchanged, 0 refused\n",
    )
    exported = task("export", "--group", "moved").stdout
    assert len(exported.splitlines()) == len(TASKS)
    file = tmp_path / "tasks.ndjson"
    file.write_text(exported, "utf-8")
    with serving(tmp_path) as other:
        assert task("import", str(file), at=other).exit_code == 0
        assert task("export", at=other).stdout == exported
        again = task("import", str(file), at=other)
        assert "0 added, 0 replaced, 6 unchanged" in again.output
    assert "6 unchanged" in task("import", str(file)).output


def test_a_task_without_a_fire_left_is_exported_only_where_all_are(task):
    past = {"kind": "simple", "start": "2001-01-01T00:00:00Z"}
    task("import", "-", input=lines([{"trigger": past, "recall": RECALL}], "past"))
    for _ in range(100):
        if task("list", "--group", "past", "--state", "finished").stdout:
            break
    done = task("export", "--group", "past")
    assert done.stdout == ""
    assert "1 tasks without a fire left" in done.stderr
    (line,) = task("export", "--group", "past", "--all").stdout.splitlines()
    assert json.loads(line)["name"] == "task 0"


BAD = {"trigger": {"kind": "cron", "expression": "0 61 * * * ?"}, "recall": RECALL}


def test_the_first_faulty_line_ends_an_import_with_what_is_wrong(task):
    done = task("import", "-", input=lines([TASKS[0], BAD, TASKS[1]], "ends"))
    assert done.exit_code == 1
    assert "2 lines: 1 added, 0 replaced, 0 unchanged, 1 refused" in done.stdout
    assert "line 2" in done.stderr and "trigger.expression" in done.stderr and "61" in done.stderr
    assert len(task("export", "--group", "ends").stdout.splitlines()) == 1


def test_skipping_tells_every_faulty_line_and_takes_the_others(task):
    done = task("import", "-", "--skip", input=lines([BAD, TASKS[0], BAD], "skips"))
    assert done.exit_code == 1
    assert "1 added" in done.stdout and "2 refused" in done.stdout
    told = done.stderr.splitlines()
    assert [line.partition(":")[0] for line in told] == [
        "line 1 (skips/task 0)",
        "line 3 (skips/task 2)",
    ]


def test_an_answer_that_comes_before_the_end_of_a_large_file_is_heard(task, tmp_path):
    file = tmp_path / "large.ndjson"
    with file.open("w") as out:
        out.write("{}\n")
        for _ in range(300):
            out.write(json.dumps({"x": "y" * 100_000}) + "\n")
    done = task("import", str(file), "--json")
    assert done.exit_code == 1
    answer = json.loads(done.stdout)
    assert (answer["line"], answer["refused"], answer["status"]) == (1, 1, 400)


def test_only_new_tasks_are_added_where_that_is_asked(task):
    task("import", "-", input=lines(TASKS[:1], "new"))
    done = task("import", "-", "--new", "--json", input=lines(TASKS[:2], "new"))
    assert done.exit_code == 1
    assert json.loads(done.stdout)["code"] == "task.exists"


def test_a_server_that_is_not_there_is_named(task):
    done = task("import", "-", at="http://127.0.0.1:1", input=lines(TASKS))
    assert done.exit_code == 1
    assert "http://127.0.0.1:1" in done.stderr
