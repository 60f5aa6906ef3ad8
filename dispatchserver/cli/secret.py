"""`secret` sets, lists and deletes secrets, over the REST door of a running server. No value is taken as an argument."""

import json
import sys
from collections.abc import Mapping
from typing import Any, BinaryIO
from urllib.parse import quote

import click

from dispatchserver.cli.shell import terminal_language
from dispatchserver.cli.task import AS_JSON, TOKEN, URL, call
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.faults import naming
from dispatchserver.messages import say


@click.group()
def secret() -> None:
    """Secrets that callbacks authenticate with. 回调认证使用的凭据。"""


@secret.command("set")
@click.argument("name")
@click.option("--file", type=click.File("rb"), help="the value; standard input when left out")
@URL
@TOKEN
def set_secret(name: str, file: BinaryIO | None, url: str, token: str | None) -> None:
    """Make a secret or change its value, from a file or standard input. 从文件或标准输入设置凭据。

    At a terminal it is asked for, and not shown. Whoever sees the list of processes would see an argument.
    """
    body = json.dumps({"value": _value(file)}).encode()
    doc = call(url, token, "PUT", _path(name), body)
    click.echo(_say("saved", name=doc["name"], version=doc["version"]))


def _value(file: BinaryIO | None) -> str:
    if file is None and sys.stdin.isatty():
        return str(click.prompt(_say("ask"), hide_input=True, err=True))
    raw = (file or sys.stdin.buffer).read()
    with naming("--file" if file else "stdin"):
        try:
            return raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise Invalid("wire.utf8") from error


@secret.command("list")
@URL
@TOKEN
@AS_JSON
def list_secrets(url: str, token: str | None, as_json: bool) -> None:
    """List secrets, without their values. 列出凭据（不含内容）。"""
    for item in call(url, token, "GET", "/secrets")["items"]:
        click.echo(json.dumps(item, ensure_ascii=False) if as_json else _line(item))


def _line(item: Mapping[str, Any]) -> str:
    version = _say("version", version=item["version"])
    at, used = item["updated_at"], _say("tasks", count=item["tasks"])
    return f"{item['name']}  {version}  {at}  {item['updated_by']}  {used}"


@secret.command()
@click.argument("name")
@URL
@TOKEN
def delete(name: str, url: str, token: str | None) -> None:
    """Delete a secret that no task uses. 删除没有任务使用的凭据。"""
    call(url, token, "DELETE", _path(name))


def _say(key: str, **params: object) -> str:
    return say(terminal_language(), f"cli.secret.{key}", **params)


def _path(name: str) -> str:
    return f"/secrets/{quote(name, safe='')}"
