"""`secret set`, `list` and `delete` against a running server: values come from files or standard input only."""

import json

import pytest
from click.testing import CliRunner

from dispatchserver.cli.main import cli

CANARY = "canary-4711"


@pytest.fixture
def secret(url, monkeypatch):
    monkeypatch.setenv("DISPATCH_LANG", "en")

    def run(*args, **more):
        return CliRunner().invoke(cli, ["secret", *args, "--url", url], **more)

    yield run
    for item in listed(run):
        run("delete", item["name"])


def listed(secret):
    return [json.loads(line) for line in secret("list", "--json").output.splitlines()]


def test_a_value_comes_from_standard_input(secret):
    done = secret("set", "shop-api", input=f"{CANARY}\n")
    assert (done.exit_code, done.output) == (0, "saved the secret shop-api, version 1\n")
    secret("set", "shop-api", input=CANARY)
    (shown,) = listed(secret)
    assert (shown["name"], shown["version"], shown["tasks"]) == ("shop-api", 2, 0)
    line = secret("list").output
    assert line.startswith("shop-api  version 2  ") and line.endswith("tasks 0\n")
    assert CANARY not in line


def test_a_value_comes_from_a_file_with_all_its_lines(secret, tmp_path):
    file = tmp_path / "client.pem"
    file.write_text("-----BEGIN\nabc\n-----END\n")
    assert secret("set", "client", "--file", str(file)).exit_code == 0
    assert [item["name"] for item in listed(secret)] == ["client"]


def test_a_value_is_no_argument(secret):
    done = secret("set", "shop-api", CANARY)
    assert done.exit_code == 2
    assert listed(secret) == []


def test_a_secret_is_deleted(secret):
    secret("set", "shop-api", input=CANARY)
    assert secret("delete", "shop-api").exit_code == 0
    assert listed(secret) == []


@pytest.mark.parametrize(
    ("args", "given", "told"),
    [
        (["set", "a b"], CANARY, "name"),
        (["set", "a"], "", "value"),
        (["set", "a"], CANARY + "x" * 17_000, "16384"),
        (["delete", "shop"], "", "did you mean shop-api?"),
    ],
)
def test_what_cannot_be_done_is_refused_in_words_and_without_the_value(secret, args, given, told):
    secret("set", "shop-api", input=CANARY)
    done = secret(*args, input=given)
    assert (done.exit_code, told in done.output) == (1, True)
    assert CANARY not in done.output
    assert [item["version"] for item in listed(secret)] == [1]


def test_bytes_that_are_no_text_are_refused(secret):
    done = secret("set", "a", input=b"\xff\xfe")
    assert done.exit_code != 0
    assert listed(secret) == []
