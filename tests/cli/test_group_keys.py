"""`group keys`, `rotate-key` and `retire-key` against a running server."""

import json

import pytest
from click.testing import CliRunner

from dispatchserver.cli.main import cli
from dispatchserver.domain.signing import check_key, key_text

OWN = key_text(b"own key " * 4)


@pytest.fixture
def group(url, monkeypatch):
    monkeypatch.setenv("DISPATCH_LANG", "en")

    def run(*args, **more):
        return CliRunner().invoke(cli, ["group", *args, "--url", url], **more)

    yield run
    for name in ("夜 间/a", "b"):
        run("retire-key", name, "--all")


def listed(group, name):
    return [json.loads(line) for line in group("keys", name, "--json").output.splitlines()]


def test_a_new_key_alone_is_printed_and_is_masked_in_the_list(group):
    done = group("rotate-key", "夜 间/a")
    key = check_key(done.stdout.strip())
    assert "only now" in done.stderr and "夜 间/a" in done.stderr
    (shown,) = listed(group, "夜 间/a")
    line = group("keys", "夜 间/a").output
    assert line == f"{shown['id']}  {key[:10]}…  since {shown['since']}  until it is retired\n"


def test_a_key_of_ones_own_comes_from_standard_input_and_the_former_is_kept_as_asked(group):
    group("rotate-key", "b")
    done = group("rotate-key", "b", "--keep", "forever", "--key-file", "-", input=f"{OWN}\n")
    assert done.stdout.strip() == OWN
    new, former = listed(group, "b")
    assert f"Signs as well: {former['id']}" in done.stderr
    assert (new["masked"], former["until"]) == (OWN[:10] + "…", None)


def test_keys_are_retired_one_by_one_or_all(group):
    for _ in range(2):
        group("rotate-key", "b")
    new, former = listed(group, "b")
    assert group("retire-key", "b", former["id"]).exit_code == 0
    assert listed(group, "b") == [new]
    assert group("retire-key", "b", "--all").exit_code == 0
    assert listed(group, "b") == []


@pytest.mark.parametrize("args", [["b"], ["b", "id", "--all"]])
def test_which_key_to_retire_must_be_said(group, args):
    done = group("retire-key", *args)
    assert (done.exit_code, "--all" in done.output) == (2, True)


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["retire-key", "b", "nope"], "nope"),
        (["retire-key", "b", ""], "404"),
        (["rotate-key", "b", "--keep", "soon"], "keep"),
        (["rotate-key", "b", "--key-file", "-"], "24 to 64"),
    ],
)
def test_what_cannot_be_done_is_refused_in_words_and_nothing_is_changed(group, args, told):
    group("rotate-key", "b")
    before = listed(group, "b")
    done = group(*args, input="whsec_c2hvcnQ=")
    assert (done.exit_code, told in done.output) == (1, True)
    assert "c2hvcnQ" not in done.output
    assert listed(group, "b") == before
