"""`task`: looks at the tasks of a running server and acts on them, in another process than the server."""

import http.client
import json
from urllib.parse import urlencode

import pytest
from click.testing import CliRunner
from yarl import URL

from dispatchserver.cli.main import cli

TASK = {"triggerType": "CronTrigger", "groupCode": "夜 间", "cronExpress": "0 0 12 * * ?"}
RECALL = '{"recallType":"HTTP","option":{"url":"http://127.0.0.1:9/x"}}'


@pytest.fixture
def task(url, monkeypatch):
    """Runs `task …` against the server, which has the tasks 夜 间/a, b/c and d."""
    monkeypatch.setenv("DISPATCH_LANG", "en")
    for name in ("a", "b/c", "d"):
        form = {"taskConfig": json.dumps(TASK | {"jobCode": name}), "recallConfig": RECALL}
        connection = http.client.HTTPConnection(URL(url).host, URL(url).port)
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", "/add.do", urlencode(form | {"replace": 1}), headers)
        assert json.loads(connection.getresponse().read())["success"]
        connection.close()
    return lambda *args: CliRunner().invoke(cli, ["task", *args, "--url", url])


def test_tasks_are_listed_one_a_line(task):
    lines = task("list").output.splitlines()
    assert [line.split("next")[0].strip() for line in lines] == [
        "active   夜 间/a",
        "active   夜 间/b/c",
        "active   夜 间/d",
    ]


def test_programs_get_one_json_object_a_line(task):
    lines = task("list", "--json", "--search", "b/", "--group", "夜 间", "--state", "active")
    assert [json.loads(line)["name"] for line in lines.output.splitlines()] == ["b/c"]


@pytest.mark.parametrize("name", ["a", "b/c"])
def test_a_task_is_shown_paused_resumed_and_fired(task, name):
    assert json.loads(task("show", "夜 间", name).output)["name"] == name
    assert json.loads(task("pause", "夜 间", name).output)["state"] == "paused"
    assert json.loads(task("resume", "夜 间", name).output)["state"] == "active"
    assert json.loads(task("trigger", "夜 间", name).output)["kind"] == "manual"


def test_a_deleted_task_is_gone(task):
    assert (task("delete", "夜 间", "d").output, task("show", "夜 间", "d").exit_code) == ("", 1)


def test_what_the_server_refuses_is_told_in_its_words(task):
    result = task("pause", "夜 间", "nobody")
    assert result.exit_code == 1
    assert "there is no task 夜 间/nobody" in result.output


def test_a_wrong_token_is_told(task):
    result = task("list", "--token", "dsp_x_y")
    assert result.exit_code == 1
    assert "token create" in result.output


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:1", "http://127.0.0.1:x", "nonsense", "http://a b/", "ftp://x:1"]
)
def test_a_server_that_is_not_there_is_told_with_a_way_out(monkeypatch, address):
    monkeypatch.setenv("DISPATCH_LANG", "en")
    result = CliRunner().invoke(cli, ["task", "list", "--url", address])
    assert result.exit_code == 1
    assert result.output.startswith(f"Error: Cannot reach {address}")
    assert "DISPATCH_URL" in result.output


def test_address_and_token_come_from_the_environment(url, monkeypatch):
    monkeypatch.setenv("DISPATCH_URL", url + "/")
    assert CliRunner().invoke(cli, ["task", "list"]).exit_code == 0
    monkeypatch.setenv("DISPATCH_TOKEN", "dsp_x_y")
    assert CliRunner().invoke(cli, ["task", "list"]).exit_code == 1
