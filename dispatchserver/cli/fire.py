"""`fire replay` sends again what failed, one fire or all that a filter finds, over the REST door of a running server."""

import json
from typing import Any
from urllib.parse import quote

import click

from dispatchserver.cli.shell import terminal_language
from dispatchserver.cli.task import AS_JSON, TOKEN, URL, call
from dispatchserver.messages import say


@click.group()
def fire() -> None:
    """Fires of a running server. 运行中服务的执行。"""


@fire.command()
@click.argument("fire_id", metavar="[ID]", required=False)
@click.option("--group", help="failed fires of this group")
@click.option("--name", help="failed fires of tasks of this name")
@click.option("--reason", help="such as connect, timeout, status, contract")
@click.option("--address", help="a part of the address that they call")
@click.option("--since", help="due at this moment or later")
@click.option("--until", help="due before this moment")
@click.option("--yes", is_flag=True, help="send them without asking")
@URL
@TOKEN
@AS_JSON
def replay(
    fire_id: str | None,
    yes: bool,
    url: str,
    token: str | None,
    as_json: bool,
    **wanted: str | None,
) -> None:
    """Send the fire ID again, or all failed fires of a filter; none twice. 再次发送一次执行，或筛选出的全部失败执行。"""
    asked = {name: text for name, text in wanted.items() if text is not None}
    if (fire_id is None) == (not asked):
        raise click.UsageError(say(terminal_language(), "cli.replay.which"))
    if fire_id is not None:
        _tell(call(url, token, "POST", f"/fires/{quote(fire_id, safe='')}/replay"), as_json)
        return
    found = _post(url, token, asked | {"dryRun": True})
    if found["count"] and not yes:
        _ask(found)
    # what fails again meanwhile is due later than this, so that it comes to an end
    asked["until"] = found["until"]
    more = bool(found["count"])
    while more:
        made = _post(url, token, asked)
        for item in made["items"]:
            _tell(item, as_json)
        more = made["more"]


def _post(url: str, token: str | None, asked: dict[str, Any]) -> Any:
    return call(url, token, "POST", "/fires/replay", json.dumps(asked).encode())


def _ask(found: dict[str, Any]) -> None:
    """Shows how many would be sent, and the first ones; ends the command where that is not wanted."""
    lang = terminal_language()
    for item in found["items"]:
        click.echo(f"  {item['due_at']}  {item['group']}/{item['name']}  {item['id']}", err=True)
    click.confirm(say(lang, "cli.replay.ask", count=found["count"]), abort=True, err=True)


def _tell(item: dict[str, Any], as_json: bool) -> None:
    line = f"{item['id']}  {item['group']}/{item['name']}  <- {item['replay_of']}"
    click.echo(json.dumps(item, ensure_ascii=False) if as_json else line)
