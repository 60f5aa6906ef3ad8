"""`destination` shows how receivers stand and sets their limits, over the REST door of a running server."""

import json
from typing import Any
from urllib.parse import quote

import click

from dispatchserver.cli.shell import terminal_language
from dispatchserver.cli.task import AS_JSON, TOKEN, URL, call
from dispatchserver.messages import say


@click.group()
def destination() -> None:
    """Receivers: limits, load, circuits. 接收方：限制、负载与熔断。"""


@destination.command("list")
@URL
@TOKEN
@AS_JSON
def list_destinations(url: str, token: str | None, as_json: bool) -> None:
    """List receivers with limits of their own, calls, or an open circuit. 列出接收方。"""
    for item in call(url, token, "GET", "/destinations")["items"]:
        click.echo(json.dumps(item, ensure_ascii=False) if as_json else _line(item))


def _line(item: dict[str, Any]) -> str:
    lang = terminal_language()
    parts = [
        item["name"],
        _state(lang, item),
        say(lang, "destination.line.calls", now=item["in_flight"], most=item["slots"]),
    ]
    if item["rate"]:
        parts.append(say(lang, "destination.line.rate", rate=item["rate"], burst=item["burst"]))
    return "  ".join([*parts, say(lang, "destination.line.waiting", count=item["waiting"])])


def _state(lang: str, item: dict[str, Any]) -> str:
    state = "paused" if item["paused"] else item["breaker"]["state"]
    return say(lang, f"destination.line.{state}", until=item["breaker"]["until"])


@destination.command("set")
@click.argument("name", metavar="HOST:PORT")
@click.option("--slots", help="calls in flight at once; '' for the server's")
@click.option("--rate", help="such as 20/s, 600/m, 5000/h; '' for the server's")
@click.option("--burst", help="calls that may go at once within the rate")
@click.option("--pause/--resume", default=None, help="send nobody there / send again")
@URL
@TOKEN
def set_destination(
    name: str, pause: bool | None, url: str, token: str | None, **said: str | None
) -> None:
    """Set limits of one receiver; what is not named stays. 设置接收方的限制；未写明的保持不变。"""
    named = {key: value for key, value in said.items() if value is not None}
    if not named and pause is None:
        raise click.UsageError(say(terminal_language(), "destination.nothing_to_set"))
    items = call(url, token, "GET", "/destinations")["items"]
    known: dict[str, dict[str, Any]] = {item["name"]: item["settings"] for item in items}
    standing = known.get(name.lower(), {})
    if named.get("rate") == "":
        standing.pop("burst", None)
    asked = standing | named | ({} if pause is None else {"paused": pause})
    _print(call(url, token, "PUT", _path(name), json.dumps(asked).encode()))


@destination.command()
@click.argument("name", metavar="HOST:PORT")
@URL
@TOKEN
def reset(name: str, url: str, token: str | None) -> None:
    """Close a receiver's circuit at once. 立即关闭接收方的熔断。"""
    _print(call(url, token, "POST", f"{_path(name)}/reset"))


@destination.command()
@click.argument("name", metavar="HOST:PORT")
@URL
@TOKEN
def delete(name: str, url: str, token: str | None) -> None:
    """Take a receiver's limits back: the server's hold. 删除接收方的限制，改用服务器的。"""
    call(url, token, "DELETE", _path(name))


def _path(name: str) -> str:
    return f"/destinations/{quote(name, safe='')}"


def _print(doc: Any) -> None:
    click.echo(json.dumps(doc, ensure_ascii=False, indent=2))
