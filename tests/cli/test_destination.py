"""`destination`: shows the receivers of a running server and sets their limits."""

import json

import pytest
from click.testing import CliRunner

from dispatchserver.cli.main import cli


@pytest.fixture
def destination(url, monkeypatch):
    monkeypatch.setenv("DISPATCH_LANG", "en")
    return lambda *args: CliRunner().invoke(cli, ["destination", *args, "--url", url])


def settings(done):
    return json.loads(done.output)["settings"]


def test_limits_are_set_listed_and_taken_back(destination):
    done = destination("set", "A.test:80", "--slots", "16", "--rate", "20/s", "--burst", "5")
    assert settings(done) == {"slots": 16, "rate": "20/s", "burst": 5}
    line = "a.test:80  ready  calls 0/16  rate 20/s, burst 5  waiting 0\n"
    assert destination("list").output == line
    assert json.loads(destination("list", "--json").output) == json.loads(done.output)
    assert destination("delete", "a.test:80").exit_code == 0
    assert destination("list").output == ""


def test_what_is_not_named_stays_and_an_empty_one_is_the_servers(destination):
    destination("set", "b.test:80", "--slots", "16", "--rate", "20/s", "--burst", "5")
    assert settings(destination("set", "B.test:80", "--pause")) == {
        "slots": 16,
        "rate": "20/s",
        "burst": 5,
        "paused": True,
    }
    assert "b.test:80  paused  " in destination("list").output
    assert settings(destination("set", "b.test:80", "--resume", "--rate", "")) == {"slots": 16}
    destination("delete", "b.test:80")


def test_what_can_be_no_limit_is_refused_in_the_servers_words(destination):
    done = destination("set", "c.test:80", "--rate", "0/s")
    assert done.exit_code == 1
    assert "rate" in done.output and "20/s" in done.output
    done = destination("set", "c.test", "--slots", "1")
    assert done.exit_code == 1 and "host and port" in done.output
    assert destination("list").output == ""


def test_setting_nothing_is_no_command(destination):
    done = destination("set", "c.test:80")
    assert (done.exit_code, "--slots" in done.output) == (2, True)


def test_a_circuit_is_closed_of_a_receiver_that_is_known(destination):
    assert destination("reset", "d.test:80").exit_code == 1
    destination("set", "d.test:80", "--slots", "1")
    shown = json.loads(destination("reset", "d.test:80").output)
    assert shown["breaker"] == {"state": "closed", "until": None, "failures": 0}
    destination("delete", "d.test:80")
