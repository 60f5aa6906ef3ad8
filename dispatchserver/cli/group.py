"""`group` shows what groups say for their tasks and changes it, over the REST door of a running server."""

import json
from typing import Any
from urllib.parse import quote

import click

from dispatchserver.cli.shell import terminal_language
from dispatchserver.cli.task import AS_JSON, TOKEN, URL, call
from dispatchserver.messages import say


@click.group()
def group() -> None:
    """Groups and their default time zones. 任务分组及其默认时区。"""


@group.command("list")
@URL
@TOKEN
@AS_JSON
def list_groups(url: str, token: str | None, as_json: bool) -> None:
    """List groups. 列出分组。"""
    for item in call(url, token, "GET", "/groups")["items"]:
        click.echo(json.dumps(item, ensure_ascii=False) if as_json else _line(item))


def _line(item: dict[str, Any]) -> str:
    lang, zone = terminal_language(), item["zone"]
    count = say(lang, "group.line.tasks", count=item["tasks"])
    where = say(lang, "group.line.zone", zone=zone) if zone else say(lang, "group.line.usual")
    return f"{item['group']}  {count}  {where}"


@group.command()
@click.argument("group")
@URL
@TOKEN
def show(group: str, url: str, token: str | None) -> None:
    """Show one group as JSON. 显示一个分组。"""
    _print(call(url, token, "GET", _path(group)))


@group.command("set")
@click.argument("group")
@click.option("--zone", help="IANA zone of tasks that name none; '' for the server's")
@click.option("--note", help="description")
@URL
@TOKEN
def set_group(group: str, zone: str | None, note: str | None, url: str, token: str | None) -> None:
    """Set what a group says; tasks that exist keep their zone. 设置分组；已有任务的时区不变。"""
    if zone is None and note is None:
        raise click.UsageError(say(terminal_language(), "group.nothing_to_set"))
    groups = call(url, token, "GET", "/groups")["items"]
    said = next((item for item in groups if item["group"] == group), {"zone": None, "note": ""})
    asked = {
        "zone": said["zone"] if zone is None else zone,
        "note": said["note"] if note is None else note,
    }
    _print(call(url, token, "PUT", _path(group), json.dumps(asked).encode()))


def _path(group: str) -> str:
    return f"/groups/{quote(group, safe='')}"


def _print(doc: Any) -> None:
    click.echo(json.dumps(doc, ensure_ascii=False, indent=2))
