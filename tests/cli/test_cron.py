"""`cron next`: what an expression means, for people, for programs, and line by line."""

import gzip
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from dispatchserver.cli.cron import answer_lines
from dispatchserver.cli.main import cli
from dispatchserver.domain.errors import Refused

VECTORS = Path(__file__).parent.parent / "data" / "quartz_vectors.jsonl.gz"
NOON = "0 0 12 * * ?"
START = "2027-01-01T00:00:00Z"


@pytest.fixture(autouse=True)
def _english(monkeypatch):
    monkeypatch.setenv("DISPATCH_LANG", "en")


def run(*args, **options):
    return CliRunner().invoke(cli, ["cron", "next", *args], **options)


def answers(*questions):
    lines = [q if isinstance(q, bytes) else json.dumps(q).encode() for q in questions]
    out = io.StringIO()
    answer_lines([line + b"\n" for line in lines], out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def ask(**asked):
    (answer,) = answers({"expr": NOON, "tz": "UTC", "start": START} | asked)
    return answer


def test_people_see_local_time_beside_utc():
    result = run(NOON, "--tz", "Asia/Shanghai", "--start", START, "--n", "2")
    assert result.output.splitlines() == [
        "2027-01-01 12:00:00+08:00  2027-01-01T04:00:00Z",
        "2027-01-02 12:00:00+08:00  2027-01-02T04:00:00Z",
    ]


def test_programs_get_one_json_object():
    result = run(NOON, "--tz", "UTC", "--after", START, "--n", "1", "--json")
    assert result.output == '{"fires":["2027-01-01T12:00:00Z"]}\n'


def test_ten_fires_from_now_on_without_being_asked_for_more():
    assert len(json.loads(run(NOON, "--json").output)["fires"]) == 10


def test_a_faulty_question_is_refused_with_all_its_faults():
    result = run("0 0 12 * *", "--tz", "Shanghai", "--start", "soon")
    assert isinstance(result.exception, Refused)
    assert [fault.field for fault in result.exception.faults] == ["tz", "expr", "start"]


@pytest.mark.parametrize("args", [[], [NOON, "--n", "0"], [NOON, "--dst", "x"], [NOON, "--colour"]])
def test_a_faulty_call_shows_how_it_is_meant(args):
    result = run(*args)
    assert result.exit_code == 2
    assert "Usage:" in result.output


@pytest.mark.parametrize(
    ("asked", "fires"),
    [
        ({"n": 1}, ["2027-01-01T12:00:00Z"]),
        ({"start": "2027-01-01T12:00:00Z", "n": 1}, ["2027-01-02T12:00:00Z"]),
        ({"start": "2027-01-01T12:00:00Z", "n": 1, "inclusive": True}, ["2027-01-01T12:00:00Z"]),
        ({"start": "2027-01-01T12:00:00Z", "n": 1, "inclusive": "false"}, ["2027-01-02T12:00:00Z"]),
        ({"start": "2027-01-01 20:00", "tz": "Asia/Shanghai", "n": 1}, ["2027-01-02T04:00:00Z"]),
        ({"start": 1798761600000, "n": "1"}, ["2027-01-01T12:00:00Z"]),
        ({"end": "2027-01-02T12:00:00Z"}, ["2027-01-01T12:00:00Z", "2027-01-02T12:00:00Z"]),
        ({"end": "2027-01-01T11:59:59Z"}, []),
        ({"expr": "0 0 0 1 1 ? 2020"}, []),
        ({"expr": f" {NOON} ", "n": 1}, ["2027-01-01T12:00:00Z"]),
    ],
)
def test_a_question_is_answered_by_its_fires(asked, fires):
    assert ask(**asked) == {"fires": fires}


def test_twenty_fires_where_a_line_does_not_say():
    assert len(ask()["fires"]) == 20


@pytest.mark.parametrize(
    ("dst", "fire"),
    [("exactly_once", "2027-03-14T07:00:00Z"), ("quartz", "2027-03-15T06:30:00Z")],
)
def test_the_clock_change_is_met_by_the_rule_that_is_asked_for(dst, fire):
    asked = {"expr": "0 30 2 * * ?", "tz": "America/New_York", "start": "2027-03-14T05:00:00Z"}
    assert ask(**asked, dst=dst, n=1) == {"fires": [fire]}


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"expr": "*/5 * * * *"}, "`0 */5 * * * ?`"),
        ({"expr": None}, "expr: is required"),
        ({"tz": "Mars/Olympus"}, "tz: is not a time zone"),
        ({"start": "soon"}, "start: must be a moment"),
        ({"n": 10_001}, "n: must be a whole number from 1 to 10000 (sent: 10001)"),
        ({"n": 0}, "n: must be"),
        ({"dst": "x"}, "dst: must be one of"),
        ({"inclusive": "yes"}, "inclusive: must be true or false"),
        ({"after": START}, "after: is not a known parameter; there are: expr, tz, start"),
    ],
)
def test_a_faulty_line_is_told_its_fault(asked, words):
    assert words in ask(**asked)["error"]


def test_bad_lines_stop_nothing_and_the_answers_keep_their_order():
    good = {"expr": NOON, "tz": "UTC", "start": START, "n": 1}
    bad = [b"{", b"[]", b"\xff\xfe", b'{"expr":NaN}', b"5", b'{"a":1,"a":2}', b'"x"']
    lines = [
        good,
        *bad,
        b"",
        b"  ",
        good,
        {"expr": "x"},
        b"\xef\xbb\xbf" + json.dumps(good).encode(),
    ]
    kinds = [next(iter(answer)) for answer in answers(*lines)]
    assert kinds == ["fires", *["error"] * len(bad), "fires", "error", "fires"]


def test_a_line_that_is_no_json_says_so_and_where():
    assert answers(b'{"expr":') == [{"error": "line: is not valid JSON: look at character 9"}]


def test_the_batch_agrees_with_quartz():
    lines = gzip.decompress(VECTORS.read_bytes()).splitlines()[::23]
    vectors = [v for v in map(json.loads, lines) if not v.get("loose")]  # what it takes by accident
    asked = [
        {"expr": v["expr"], "tz": v.get("tz"), "start": v.get("start"), "end": v.get("end")}
        | {"n": max(len(v.get("fires", [])), 1), "dst": "quartz", "inclusive": True}
        for v in vectors
    ]
    found = answers(*asked)
    assert len(found) > 200
    assert [answer.get("fires") for answer in found] == [v.get("fires") for v in vectors]


def test_the_batch_answers_line_by_line_as_a_process():
    command = [sys.executable, "-m", "dispatchserver", "cron", "next", "--batch"]
    environ = os.environ | {"DISPATCH_LANG": "zh"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, env=environ, **pipes) as process:
        for question, key in ((b'{"expr":"0 0 12 * * ?"}\n', "fires"), (b"\xff\n", "error")):
            process.stdin.write(question)
            process.stdin.flush()
            assert key in json.loads(process.stdout.readline())
        process.stdin.close()
        assert process.wait() == 0


def test_a_faulty_expression_ends_the_command_with_its_own_code(command):
    done = command("cron", "next", "0 0 12 * * *")
    assert (done.returncode, done.stdout) == (65, "")
    assert done.stderr.startswith("expr: day-of-week (field 6)")
