"""`config show`, and how a process ends that cannot be configured."""

import json
import socket

import pytest


def test_every_setting_is_shown_with_its_source(command):
    done = command("config", "show", "--json", "--port", "1", DISPATCH_SLOTS="7", TZ="Asia/Tokyo")
    doc = json.loads(done.stdout)
    assert doc["port"] == {"value": 1, "source": "flag"}
    assert doc["slots"] == {"value": 7, "source": "environment"}
    assert doc["timezone"] == {"value": "Asia/Tokyo", "source": "default"}


def test_people_get_one_line_a_setting(command):
    lines = command(
        "config", "show", "--allowed-hosts", "a", "--allowed-hosts", "b"
    ).stdout.splitlines()
    assert ["port", "8080", "default"] in [line.split() for line in lines]
    assert any(line.startswith("allowed_hosts") and line.endswith("flag") for line in lines)


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_what_a_proxy_wants_to_hear_is_shown_to_nobody(command, form):
    told = {"CALLBACK_PROXY": "http://proxy.test:3128", "CALLBACK_PROXY_AUTH": "ops:canary-word"}
    settings = {f"DISPATCH_{name}": value for name, value in told.items()}
    done = command("config", "show", *form, **settings)
    assert done.returncode == 0 and "callback_proxy_auth" in done.stdout
    assert "canary" not in done.stdout + done.stderr


def test_a_file_is_named_by_a_variable(command, tmp_path):
    (tmp_path / "my.toml").write_text("port = 99\n")
    done = command("config", "show", DISPATCH_CONFIG="my.toml")
    assert ["port", "99", "file", "my.toml"] in [line.split() for line in done.stdout.splitlines()]


@pytest.mark.parametrize("verb", [["serve"], ["demo"], ["config", "show"], ["token", "list"]])
def test_wrong_settings_end_a_command_with_78_and_the_words(command, verb):
    done = command(*verb, DISPATCH_PROT="1", DISPATCH_AUTH="maybe")
    assert (done.returncode, done.stdout) == (78, "")
    assert "prot (environment): is no setting; did you mean port?" in done.stderr
    assert "auth (environment): must be one of: auto, token, off (sent: maybe)" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_words_follow_the_terminal(command):
    done = command("config", "show", DISPATCH_SLOTS="0", DISPATCH_LANG="zh")
    assert done.stderr == "slots (environment)：不能小于 1（收到：0）\n"


@pytest.mark.parametrize("verb", [["version"], ["--version"]])
def test_the_version_is_one_line(command, verb):
    assert command(*verb).stdout.startswith("dispatchserver ")


def test_help_names_every_command(command):
    text = command("--help").stdout
    for verb in ("serve", "demo", "receiver", "task", "token", "cron", "config", "version"):
        assert f"  {verb} " in text


def test_a_database_that_cannot_be_opened_ends_with_70(command, tmp_path):
    (tmp_path / "file").write_text("")
    done = command("token", "list", "--database-url", "sqlite:///file/x.db")
    assert done.returncode == 70
    assert "Traceback" not in done.stderr


def test_a_taken_port_is_told_with_a_way_out(command, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = command("serve", "--port", port)
    assert done.returncode == 1
    assert port in done.stderr and "--port" in done.stderr and "Traceback" not in done.stderr
