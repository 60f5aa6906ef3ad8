"""`group`: shows the groups of a running server and sets their zones."""

import json

import pytest
from click.testing import CliRunner

from dispatchserver.cli.main import cli


@pytest.fixture
def group(url, monkeypatch):
    monkeypatch.setenv("DISPATCH_LANG", "en")
    return lambda *args: CliRunner().invoke(cli, ["group", *args, "--url", url])


def test_a_group_is_set_shown_and_listed(group):
    done = group("set", "夜 间/a", "--zone", "Europe/Berlin", "--note", "ask Anna")
    shown = json.loads(group("show", "夜 间/a").output)
    assert json.loads(done.output) == shown
    assert (shown["zone"], shown["note"], shown["tasks"]) == ("Europe/Berlin", "ask Anna", 0)
    assert group("list").output == "夜 间/a  tasks 0  zone Europe/Berlin\n"
    assert json.loads(group("list", "--json").output) == shown


def test_what_is_not_named_stays_and_an_empty_zone_is_the_servers(group):
    group("set", "a", "--zone", "Asia/Tokyo", "--note", "kept")
    group("set", "a", "--zone", "")
    shown = json.loads(group("show", "a").output)
    assert (shown["zone"], shown["note"]) == (None, "kept")
    assert "a  tasks 0  the server's zone\n" in group("list").output


def test_a_zone_that_is_none_is_refused_in_the_servers_words(group):
    done = group("set", "b", "--zone", "Europe/Berln")
    assert done.exit_code == 1
    assert "zone" in done.output and "Europe/Berlin" in done.output
    assert group("show", "b").exit_code == 1


def test_setting_nothing_is_no_command(group):
    done = group("set", "b")
    assert done.exit_code == 2
    assert "--zone" in done.output
