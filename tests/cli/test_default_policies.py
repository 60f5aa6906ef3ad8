"""Default policies at the terminal: in the server's settings, and of a group."""

import json

import pytest
from click.testing import CliRunner

from dispatchserver.cli.main import cli

FILE = """
[policies]
timeout = "90s"
[policies.retry]
delays = ["1s", "5s"]
"""


@pytest.fixture
def group(url, monkeypatch):
    monkeypatch.setenv("DISPATCH_LANG", "en")
    return lambda *args: CliRunner().invoke(cli, ["group", *args, "--url", url])


def shown(done):
    return json.loads(done.stdout)["policies"]


def test_the_file_has_a_table_of_the_same_shape(command, tmp_path):
    (tmp_path / "dispatchserver.toml").write_text(FILE)
    told = shown(command("config", "show", "--json"))
    assert told["source"] == "file dispatchserver.toml"
    assert (told["value"]["timeout"], told["value"]["retry"]["delays"]) == ("90s", ["1s", "5s"])
    lines = command("config", "show").stdout.splitlines()
    (line,) = (line for line in lines if line.startswith("policies"))
    assert '{"timeout":"90s",' in line


def test_a_variable_and_a_flag_say_the_same_as_json(command, tmp_path):
    (tmp_path / "dispatchserver.toml").write_text(FILE)
    told = shown(command("config", "show", "--json", DISPATCH_POLICIES='{"overlap":"skip"}'))
    assert told == {"value": {"overlap": {"policy": "skip"}}, "source": "environment"}
    told = shown(command("config", "show", "--json", "--policies", '{"spread":null}'))
    assert told == {"value": {"spread": None}, "source": "flag"}


@pytest.mark.parametrize("verb", [["serve", "--port", "0"], ["config", "show"]])
def test_every_bad_value_in_the_file_stops_the_start_by_its_key(command, tmp_path, verb):
    bad = FILE.replace('"90s"', '"2h"') + 'factr = 2\n[policies.overlap]\npolicy = "queue"\n'
    (tmp_path / "dispatchserver.toml").write_text("slots = 0\n" + bad)
    done = command(*verb)
    assert (done.returncode, done.stdout) == (78, "")
    for field in ("slots", "policies.timeout", "policies.retry.factr", "policies.overlap.policy"):
        assert f"{field} (file dispatchserver.toml): " in done.stderr
    assert "allow, skip, queue_one, queue_all, cancel_previous (sent: queue)" in done.stderr


def test_a_group_is_given_policies_and_keeps_them_when_its_zone_is_set(group):
    assert group("set", "a", "--policies", '{"timeout": "90s"}').exit_code == 0
    group("set", "a", "--zone", "Asia/Tokyo")
    assert json.loads(group("show", "a").output)["policies"] == {"timeout": "90s"}
    assert "a  tasks 0  zone Asia/Tokyo  policies timeout\n" in group("list").output
    group("set", "a", "--policies", "")
    assert json.loads(group("show", "a").output)["policies"] == {}


def test_faults_of_a_groups_policies_are_told_by_their_keys(group):
    done = group("set", "a", "--policies", '{"timeout": "2h"}')
    assert (done.exit_code, "policies.timeout: must be" in done.output) == (1, True)
