"""The log: one line an event, whatever callers send."""

import json
import logging

import pytest
from aiohttp.http_exceptions import InvalidURLError

from dispatchserver.logs import set_up

log = logging.getLogger("dispatchserver.test")


@pytest.fixture
def lines(monkeypatch, capsys):
    """Sets the log up and answers what was written to standard error since."""
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    monkeypatch.setattr(logging.getLogger(), "level", logging.WARNING)

    def begin(log_format, level="info"):
        set_up(log_format, level)
        return written

    def written():
        return capsys.readouterr().err.splitlines()

    return begin


def fail(error):
    try:
        raise error
    except type(error):
        log.exception("it.failed", extra={"fire": "f1"})


def test_machines_read_one_object_a_line(lines):
    written = lines("json")
    log.info("task.added", extra={"task": "夜间\n{}", "count": 2})
    (line,) = map(json.loads, written())
    assert (line["event"], line["level"], line["logger"]) == ("task.added", "info", log.name)
    assert (line["task"], line["count"]) == ("夜间\n{}", 2)


def test_people_read_one_line_an_event_and_nobody_can_forge_one(lines):
    written = lines("text")
    log.warning("task.added", extra={"task": "a\n2026-11-22 ERROR forged"})
    (line,) = written()
    assert "WARNING" in line and r"task='a\n2026-11-22 ERROR forged'" in line


@pytest.mark.parametrize("log_format", ["auto", "json"])
def test_without_a_terminal_the_log_is_for_machines(lines, log_format):
    written = lines(log_format)
    fail(RuntimeError("broken"))
    (line,) = map(json.loads, written())
    assert (line["level"], line["fire"]) == ("error", "f1")
    assert line["exception"].endswith("RuntimeError: broken")


def test_what_is_less_than_the_level_is_not_written(lines):
    written = lines("text", "warning")
    log.info("quiet")
    assert written() == []


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_bytes_that_are_no_http_cost_one_line_and_no_traceback(lines, log_format):
    written = lines(log_format)
    fail(InvalidURLError("Invalid char in url query:\n\n  b'GET /?\\xe8'\n    ^"))
    (line,) = written()
    assert "warning" in line.lower() and "Invalid char in url query" in line
    assert "Traceback" not in line and "exception" not in line


def test_statements_with_their_values_are_not_told_at_any_level(lines):
    written = lines("json", "debug")
    logging.getLogger("aiosqlite").debug("executing INSERT ('whsec_…')")
    log.debug("task.looked_at")
    assert [json.loads(line)["event"] for line in written()] == ["task.looked_at"]
