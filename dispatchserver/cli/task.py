"""`task` looks at tasks and acts on them, over the REST door of a running server."""

import json
import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any, BinaryIO
from urllib.parse import quote, urlencode

import click

from dispatchserver.cli.shell import terminal_language
from dispatchserver.messages import say

TIMEOUT_S = 30
URL = click.option(
    "--url",
    default=lambda: os.environ.get("DISPATCH_URL", "http://127.0.0.1:8080"),
    help="the server [DISPATCH_URL]",
)
TOKEN = click.option(
    "--token", default=lambda: os.environ.get("DISPATCH_TOKEN"), help="API token [DISPATCH_TOKEN]"
)
AS_JSON_LINE = click.option("--json", "as_json", is_flag=True, help="print JSON on one line")
AS_JSON = click.option("--json", "as_json", is_flag=True, help="print JSON")


@click.group()
def task() -> None:
    """Tasks of a running server. 运行中服务的任务。"""


@task.command("list")
@click.option("--group", help="only this group")
@click.option("--search", "q", help="only names that contain this")
@click.option("--state", type=click.Choice(["active", "paused", "finished"]))
@URL
@TOKEN
@AS_JSON
def list_tasks(url: str, token: str | None, as_json: bool, **wanted: str | None) -> None:
    """List tasks. 列出任务。"""
    query = {key: value for key, value in wanted.items() if value is not None}
    cursor: str | None = ""
    while cursor is not None:
        page = call(
            url, token, "GET", f"/tasks?{urlencode(query | ({'cursor': cursor} if cursor else {}))}"
        )
        for item in page["items"]:
            click.echo(json.dumps(item, ensure_ascii=False) if as_json else _line(item))
        cursor = page["next_cursor"]


def _line(item: dict[str, Any]) -> str:
    counts = item["counts"]
    state = say(terminal_language(), f"task_state.{item['state']}")
    return (
        f"{state:<8} {item['group']}/{item['name']}  next {item['next_fire_at'] or '-'}"
        f"  ok {counts['succeeded']}  failed {counts['failed']}"
    )


@task.command()
@click.argument("group")
@click.argument("name")
@URL
@TOKEN
@AS_JSON_LINE
def show(group: str, name: str, url: str, token: str | None, as_json: bool) -> None:
    """Show one task as JSON, which `task put` takes. 显示一个任务，输出可供 `task put` 使用。"""
    doc = call(url, token, "GET", _path(group, name))
    if as_json:
        click.echo(json.dumps(doc, ensure_ascii=False))
    else:
        _print(doc)


@task.command()
@click.argument("group")
@click.argument("name")
@click.argument("at", required=False)
@URL
@TOKEN
@AS_JSON
def why(group: str, name: str, at: str | None, url: str, token: str | None, as_json: bool) -> None:
    """Tell why a task ran AT a moment, or did not; now when left out. 说明任务在某一时刻为何触发或没有触发。

    AT is local time of the task ("2026-11-22 03:00"), ISO 8601, or epoch milliseconds.
    """
    query = "" if at is None else f"?{urlencode({'at': at})}"
    doc = call(url, token, "GET", f"{_path(group, name)}/why{query}")
    if as_json:
        click.echo(json.dumps(doc, ensure_ascii=False))
        return
    click.echo(doc["sentence"])
    if doc["evidence"]["fire"] is not None:
        fire_id = doc["evidence"]["fire"]["id"]
        click.echo(say(terminal_language(), "why.evidence_fire", id=fire_id))


@task.command("put")
@click.argument("group")
@click.argument("name")
@click.argument("file", type=click.File("rb"))
@click.option("--new", is_flag=True, help="only add; refused when the task is there")
@URL
@TOKEN
def put_task(group: str, name: str, file: BinaryIO, new: bool, url: str, token: str | None) -> None:
    """Add or replace a task by the JSON in FILE (- for standard input). 按 JSON 文件新增或替换任务。"""
    condition = {"If-None-Match": "*"} if new else {}
    _print(call(url, token, "PUT", _path(group, name), file.read(), condition))


def _action(verb: str, help_text: str) -> click.Command:
    @task.command(verb, help=help_text)
    @click.argument("group")
    @click.argument("name")
    @URL
    @TOKEN
    def act(group: str, name: str, url: str, token: str | None) -> None:
        _print(call(url, token, "POST", f"{_path(group, name)}/{verb}"))

    return act


pause = _action("pause", "Hold a task back. 暂停任务。")
resume = _action("resume", "Let a paused task fire again. 恢复任务。")
trigger = _action("trigger", "Fire a task once, now. 立即执行一次。")


@task.command()
@click.argument("group")
@click.argument("name")
@URL
@TOKEN
def delete(group: str, name: str, url: str, token: str | None) -> None:
    """Delete a task; its log stays. 删除任务，日志保留。"""
    call(url, token, "DELETE", _path(group, name))


def _path(group: str, name: str) -> str:
    return f"/tasks/{quote(group, safe='')}/{quote(name, safe='')}"


def _print(doc: Any) -> None:
    click.echo(json.dumps(doc, ensure_ascii=False, indent=2))


def call(
    url: str,
    token: str | None,
    method: str,
    path: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Any:
    """What the server answers; its refusal, or that it cannot be reached, ends the command with a message."""
    try:
        address = f"{url.rstrip('/')}/api/v1{path}"
        sent = headers_of(token) | {"Content-Type": "application/json"} | dict(headers or {})
        request = urllib.request.Request(address, body, sent, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=TIMEOUT_S) as reply:
            return json.loads(reply.read() or b"null")
    except urllib.error.HTTPError as error:
        raise click.ClickException(_refusal(error)) from error
    except (OSError, ValueError, HTTPException) as error:
        raise unreachable(url, error) from error


def headers_of(token: str | None) -> dict[str, str]:
    """Who asks, and in which language."""
    who = {"Authorization": f"Bearer {token}"} if token else {}
    return {"Accept-Language": terminal_language()} | who


def unreachable(url: str, error: Exception) -> click.ClickException:
    """That the server did not answer, or not as one of ours."""
    why = getattr(error, "reason", error)
    return click.ClickException(say(terminal_language(), "cli.unreachable", url=url, why=why))


def _refusal(error: urllib.error.HTTPError) -> str:
    text = error.read().decode("utf-8", "replace")
    try:
        return str(json.loads(text)["detail"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {error.code}: {text[:200]}"
