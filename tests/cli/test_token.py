"""`token`: made, listed and ended right in the database."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from dispatchserver.cli.main import cli
from dispatchserver.domain.errors import Invalid


@pytest.fixture
def token(tmp_path, monkeypatch):
    """Runs `token …` on a database of its own."""
    monkeypatch.setenv("DISPATCH_LANG", "en")

    def run(*args):
        url = f"sqlite:///{tmp_path}/new/dispatch.db"
        return CliRunner().invoke(cli, ["token", *args, "--database-url", url])

    return run


def listed(token):
    return [json.loads(line) for line in token("list", "--json").output.splitlines()]


def test_a_token_is_printed_once_by_itself(token):
    result = token("create", "ci")
    assert (result.exit_code, result.stdout.count("\n")) == (0, 1)
    assert result.stdout.startswith("dsp_")
    assert "shown only now" in result.stderr
    secret = result.stdout.strip().split("_", 2)[2]
    assert secret not in token("list").output + token("list", "--json").output


def test_programs_get_json(token):
    made = json.loads(token("create", "ci", "--json").stdout)
    assert set(made) == {"id", "name", "token"}
    assert made["token"].startswith(f"dsp_{made['id']}_")


def test_a_token_ends_after_its_days(token):
    token("create", "ci", "--days", "7")
    (known,) = listed(token)
    lifetime = datetime.fromisoformat(known["expires_at"]) - datetime.now(UTC)
    assert (known["live"], timedelta(days=6) < lifetime < timedelta(days=7)) == (True, True)


@pytest.mark.parametrize("days", ["0", "3651", "x"])
def test_days_that_cannot_be_are_refused(token, days):
    assert token("create", "ci", "--days", days).exit_code == 2


def test_the_newest_token_is_listed_first(token):
    for name in ("first", "second"):
        token("create", name)
    assert {known["name"] for known in listed(token)} == {"first", "second"}
    assert "second" in token("list").output


@pytest.mark.parametrize("by", ["id", "name"])
def test_a_token_is_ended_by_id_or_name(token, by):
    made = json.loads(token("create", "ci", "--json").stdout)
    assert token("revoke", made[by]).exit_code == 0
    assert [known["live"] for known in listed(token)] == [False]


def test_ending_what_is_not_there_is_told(token):
    result = token("revoke", "nobody")
    assert result.exit_code == 1
    assert "nobody" in result.output and "token list" in result.output


def test_the_name_of_a_live_token_is_taken_and_free_again_after_its_end(token):
    token("create", "ci")
    assert isinstance(token("create", "ci").exception, Invalid)
    token("revoke", "ci")
    assert token("create", "ci").exit_code == 0


@pytest.mark.parametrize("name", ["", "n" * 101, "a\nb"])
def test_a_name_that_cannot_be_shown_is_refused(token, name):
    assert isinstance(token("create", name).exception, Invalid)
    assert listed(token) == []


def test_a_refused_name_ends_the_process_with_words(command):
    done = command("token", "create", "", "--database-url", "sqlite:///x.db")
    assert done.returncode == 1
    assert done.stderr == "A token's name must have 1 to 100 characters, all of them printable\n"
