"""`fire replay`: failed fires of a running server are sent again, after a look at how many there are."""

import json
import time

import pytest
from click.testing import CliRunner

from dispatchserver.cli.main import cli
from dispatchserver.cli.task import call

TASK = {
    "trigger": {"kind": "cron", "expression": "0 0 12 * * ?", "zone": "UTC"},
    "recall": {"kind": "HTTP", "url": "http://127.0.0.1:9/receive"},
    "policies": {"retry": {"max": 0}},
}


@pytest.fixture
def replay(url, monkeypatch):
    monkeypatch.setenv("DISPATCH_LANG", "en")
    return lambda *args, **more: CliRunner().invoke(
        cli, ["fire", "replay", *args, "--url", url], **more
    )


def failed(url, group, count=1):
    """So many fires of a task in this group that have failed for good, oldest first."""
    call(url, None, "PUT", f"/tasks/{group}/t", json.dumps(TASK).encode())
    for _ in range(count):
        call(url, None, "POST", f"/tasks/{group}/t/trigger")
    return settled(url, group, count)


def settled(url, group, count):
    while True:
        found = call(url, None, "GET", f"/fires?group={group}&state=failed")["items"]
        if len(found) == count:
            return [item["id"] for item in reversed(found)]
        time.sleep(0.02)  # the server is a process of its own


def test_one_fire_is_sent_again_by_its_id(url, replay):
    (old,) = failed(url, "one")
    done = replay(old)
    assert done.exit_code == 0
    assert done.output.endswith(f"  one/t  <- {old}\n")


def test_all_of_a_filter_are_shown_asked_for_and_sent_once(url, replay):
    old = failed(url, "many", 3)
    done = replay("--group", "many", "--since", "2020-01-01", input="y\n")
    assert done.exit_code == 0, done.output
    assert "Failed fires that would be sent again: 3. Send them?" in done.stderr
    sent = [line.rpartition("<- ")[2] for line in done.stdout.splitlines() if "<- " in line]
    assert sorted(sent) == sorted(old)
    settled(url, "many", 6)
    again = replay("--group", "many", "--yes", "--json")
    assert {json.loads(line)["group"] for line in again.stdout.splitlines()} == {"many"}
    assert not {json.loads(line)["replay_of"] for line in again.stdout.splitlines()} & set(old)


def test_who_says_no_sends_nothing(url, replay):
    (old,) = failed(url, "kept")
    assert replay("--group", "kept", input="n\n").exit_code == 1
    assert settled(url, "kept", 1) == [old]


def test_without_an_id_and_without_a_filter_it_is_told_what_to_name(replay):
    for args in ([], ["f" * 32, "--group", "a"]):
        done = replay(*args)
        assert (done.exit_code, "name the ID of one fire, or filter" in done.output) == (2, True)
    done = replay("--until", "2099-01-01")
    assert (done.exit_code, "since when" in done.output) == (1, True)


def test_where_nothing_is_found_nothing_is_asked(replay):
    done = replay("--group", "nobody")
    assert (done.exit_code, done.output) == (0, "")
