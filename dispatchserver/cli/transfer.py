"""`task export` and `task import`: tasks as lines of JSON, out of one server and into another."""

import json
import select
import sys
import time
from collections.abc import Iterable, Iterator
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, BinaryIO
from urllib.parse import urlencode, urlsplit

import click

from dispatchserver.cli.shell import terminal_language
from dispatchserver.cli.task import TOKEN, URL, call, headers_of, unreachable
from dispatchserver.messages import say

BLOCK = 64 * 1024
PAGE = 500
PATIENCE_S = 600
TELL_EVERY_S = 1.0
SAID = ("group", "name", "paused", "priority", "note", "labels", "trigger", "recall", "policies")


@click.command("export")
@click.option("--group", help="only this group")
@click.option("--search", "q", help="only names that contain this")
@click.option("--all", "everything", is_flag=True, help="also tasks that have no fire left")
@URL
@TOKEN
def export_tasks(url: str, token: str | None, everything: bool, **wanted: str | None) -> None:
    """Print tasks as lines of JSON, which `task import` takes. 导出任务（每行一个 JSON），供 `task import` 使用。"""
    query = {key: value for key, value in wanted.items() if value is not None}
    left_out = 0
    cursor: str | None = ""
    while cursor is not None:
        asked = query | {"limit": str(PAGE)} | ({"cursor": cursor} if cursor else {})
        page = call(url, token, "GET", f"/tasks?{urlencode(asked)}")
        for item in page["items"]:
            if item["state"] == "finished" and not everything:
                left_out += 1
                continue
            click.echo(json.dumps({name: item[name] for name in SAID}, ensure_ascii=False))
        cursor = page["next_cursor"]
    if left_out:
        click.echo(say(terminal_language(), "cli.export.finished", count=left_out), err=True)


@click.command("import")
@click.argument("file", type=click.File("rb"))
@click.option("--skip", is_flag=True, help="leave faulty lines out; else the first one ends it")
@click.option("--new", is_flag=True, help="only add; a task that is there is a fault")
@URL
@TOKEN
@click.option("--json", "as_json", is_flag=True, help="print the server's answer as JSON")
def import_tasks(
    file: BinaryIO, skip: bool, new: bool, url: str, token: str | None, as_json: bool
) -> None:
    """Add or replace tasks by the lines of JSON in FILE (- for standard input). 按文件批量新增或替换任务。

    Lines that say what is there already change nothing, so that an import can be repeated.
    """
    path = f"/api/v1/tasks:import?onError={'skip' if skip else 'stop'}"
    condition = {"If-None-Match": "*"} if new else {}
    try:
        doc = _post(url, path, headers_of(token) | condition, file)
    except (OSError, ValueError, HTTPException) as error:
        raise unreachable(url, error) from error
    if as_json:
        click.echo(json.dumps(doc, ensure_ascii=False))
    else:
        _tell(doc)
    if "status" in doc or doc["refused"]:
        sys.exit(1)


def _post(url: str, path: str, headers: dict[str, str], file: BinaryIO) -> Any:
    """What the server answers, which it may do before it has read everything."""
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.netloc, timeout=PATIENCE_S)
    headers |= {"Content-Type": "application/x-ndjson", "Transfer-Encoding": "chunked"}
    try:
        connection.connect()
        lines = _counted(_until_answered(connection, file))
        try:
            path = parts.path.rstrip("/") + path
            connection.request("POST", path, lines, headers, encode_chunked=True)
        except ConnectionError:
            click.echo(err=True)  # it has hung up, and perhaps said why before
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


def _until_answered(connection: HTTPConnection, file: BinaryIO) -> Iterator[bytes]:
    """The blocks of a file, up to where the server has said all that it has to say."""
    while block := file.read(BLOCK):
        if select.select([connection.sock], [], [], 0)[0]:
            return
        yield block


def _counted(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Tells a person at a terminal how many lines have been sent; the server takes them hardly any later."""
    lines, told_at = 0, time.monotonic()
    for block in blocks:
        yield block
        lines += block.count(b"\n")
        if sys.stderr.isatty() and time.monotonic() - told_at >= TELL_EVERY_S:
            told_at = time.monotonic()
            sent = say(terminal_language(), "cli.import.sent", lines=f"{lines:,}")
            click.echo(f"\r{sent}", nl=False, err=True)
    if sys.stderr.isatty():
        click.echo("\r", nl=False, err=True)


def _tell(doc: dict[str, Any]) -> None:
    """The figures, and every fault with its line."""
    lang = terminal_language()
    if "lines" not in doc:  # refused before any line was read
        raise click.ClickException(str(doc.get("detail", doc)))
    counts = ("lines", "added", "replaced", "unchanged", "refused")
    click.echo(say(lang, "cli.import.done", **{name: f"{doc[name]:,}" for name in counts}))
    if "status" in doc:
        click.echo(doc["detail"], err=True)
        return
    for bad in doc["errors"]:
        place = {name: bad[name] for name in ("line", "group", "name", "detail")}
        click.echo(say(lang, "cli.import.bad", **place), err=True)
    if more := doc["refused"] - len(doc["errors"]):
        click.echo(say(lang, "cli.import.more", count=more), err=True)
