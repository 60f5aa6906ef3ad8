"""`group` shows what groups say for their tasks and changes it, over the REST door of a running server."""

import json
from typing import Any, TextIO
from urllib.parse import quote

import click

from dispatchserver.cli.shell import terminal_language
from dispatchserver.cli.task import AS_JSON, TOKEN, URL, call
from dispatchserver.messages import say


@click.group()
def group() -> None:
    """Groups and the defaults of their tasks. 任务分组及其默认设置。"""


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
    said = f"  policies {', '.join(item['policies'])}" if item["policies"] else ""
    return f"{item['group']}  {count}  {where}{said}"


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
@click.option(
    "--policies", help="JSON object: policies of tasks that say none; '' for the server's"
)
@URL
@TOKEN
def set_group(group: str, url: str, token: str | None, **asked: str | None) -> None:
    """Set what a group says; tasks that exist keep what they have. 设置分组；已有的任务不变。"""
    given = {name: text for name, text in asked.items() if text is not None}
    if not given:
        raise click.UsageError(say(terminal_language(), "group.nothing_to_set"))
    groups = call(url, token, "GET", "/groups")["items"]
    said: dict[str, Any] = next((item for item in groups if item["group"] == group), {})
    body = {name: said.get(name) for name in asked} | given
    _print(call(url, token, "PUT", _path(group), json.dumps(body).encode()))


@group.command()
@click.argument("group")
@URL
@TOKEN
@AS_JSON
def keys(group: str, url: str, token: str | None, as_json: bool) -> None:
    """List a group's signing keys, by how they begin. 列出分组的签名密钥（只显示开头）。"""
    for item in call(url, token, "GET", _keys_path(group))["items"]:
        click.echo(json.dumps(item) if as_json else _key_line(item))


def _key_line(item: dict[str, Any]) -> str:
    lang, until = terminal_language(), item["until"]
    end = say(lang, "group.keys.until", at=until) if until else say(lang, "group.keys.no_end")
    return (
        f"{item['id']}  {item['masked']}  {say(lang, 'group.keys.since', at=item['since'])}  {end}"
    )


@group.command("rotate-key")
@click.argument("group")
@click.option("--keep", help="how long the former key signs as well: 24h [usual], 0s, forever")
@click.option("--key-file", type=click.File("r"), help="a key of your own; - for standard input")
@URL
@TOKEN
def rotate_key(
    group: str, keep: str | None, key_file: TextIO | None, url: str, token: str | None
) -> None:
    """Make a new signing key and print it, this once. 生成新的签名密钥并显示（仅此一次）。"""
    asked = {} if keep is None else {"keep": keep}
    if key_file is not None:
        asked["key"] = key_file.read().strip()
    made = call(url, token, "POST", _keys_path(group), json.dumps(asked).encode())
    click.echo(made["key"])
    lang = terminal_language()
    click.echo(say(lang, "group.keys.made", group=group), err=True)
    if made["former"]:
        click.echo(f"{say(lang, 'group.keys.former')} {_key_line(made['former'])}", err=True)


@group.command("retire-key")
@click.argument("group")
@click.argument("key_id", metavar="[ID]", required=False)
@click.option("--all", "every", is_flag=True, help="all keys: callbacks are not signed any more")
@URL
@TOKEN
def retire_key(group: str, key_id: str | None, every: bool, url: str, token: str | None) -> None:
    """End a signing key at once. 立即停用一个签名密钥。"""
    if every == (key_id is not None):
        raise click.UsageError(say(terminal_language(), "group.keys.which"))
    one = f"/{quote(key_id, safe='')}" if key_id is not None else ""
    call(url, token, "DELETE", _keys_path(group) + one)


def _keys_path(group: str) -> str:
    return f"{_path(group)}/signing-keys"


def _path(group: str) -> str:
    return f"/groups/{quote(group, safe='')}"


def _print(doc: Any) -> None:
    click.echo(json.dumps(doc, ensure_ascii=False, indent=2))
