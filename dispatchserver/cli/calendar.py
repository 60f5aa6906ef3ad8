"""`calendar` makes, shows and changes calendars, over the REST door of a running server."""

import json
from collections.abc import Mapping
from typing import IO, Any
from urllib.parse import quote, urlencode

import click

from dispatchserver.cli.shell import terminal_language
from dispatchserver.cli.task import AS_JSON, TOKEN, URL, call
from dispatchserver.domain import jsontext
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.faults import naming
from dispatchserver.domain.nationaldays import read_years
from dispatchserver.messages import LANGUAGES, say

# What `show` prints beside what `put` takes, so that one can be edited and put back.
SAID_BY_SERVER = ("namespace", "name", "version", "updated_at", "updated_by", "used_by")
TASKS_AT_ONCE = 500
FILE = click.File("rb")


@click.group()
def calendar() -> None:
    """Calendars: days on which tasks do not fire. 日历：不执行任务的日子。"""


@calendar.command("list")
@URL
@TOKEN
@AS_JSON
def list_calendars(url: str, token: str | None, as_json: bool) -> None:
    """List calendars. 列出日历。"""
    for item in call(url, token, "GET", "/calendars")["items"]:
        click.echo(json.dumps(item, ensure_ascii=False) if as_json else _line(item))


def _line(item: Mapping[str, Any]) -> str:
    used, ranges = _say("tasks", count=item["tasks"]), _say("ranges", count=len(item["excluded"]))
    return "  ".join(filter(None, (item["name"], ranges, used, item["note"])))


@calendar.command()
@click.argument("name")
@URL
@TOKEN
def show(name: str, url: str, token: str | None) -> None:
    """Show a calendar as JSON, with the tasks that use it. 显示日历及使用它的任务。"""
    doc = call(url, token, "GET", _path(name))
    click.echo(
        json.dumps(doc | {"used_by": _users(name, url, token)}, ensure_ascii=False, indent=2)
    )


def _users(name: str, url: str, token: str | None) -> list[str]:
    found: list[str] = []
    query = {"calendar": name, "limit": str(TASKS_AT_ONCE)}
    while True:
        page = call(url, token, "GET", f"/tasks?{urlencode(query)}")
        found += [f"{item['group']}/{item['name']}" for item in page["items"]]
        if page["next_cursor"] is None:
            return found
        query["cursor"] = page["next_cursor"]


@calendar.command()
@click.argument("file", type=FILE)
@click.option("--name", help="the calendar; the name in the file when left out")
@URL
@TOKEN
def put(file: IO[bytes], name: str | None, url: str, token: str | None) -> None:
    """Make a calendar from a JSON file, or change it to that. 由 JSON 文件新建或替换日历。

    FILE is as `show` prints it; - reads from standard input.
    """
    doc = _read(file)
    with naming("--name"):
        named = name or _name_in(doc)
    said = {key: value for key, value in doc.items() if key not in SAID_BY_SERVER}
    _tell_saved(call(url, token, "PUT", _path(named), _body(said)))


def _read(file: IO[bytes]) -> Mapping[str, Any]:
    with naming("FILE"):
        doc = jsontext.loads(file.read().decode("utf-8-sig", "replace"))
        if not isinstance(doc, Mapping):
            raise Invalid("field.object")
    return doc


def _name_in(doc: Mapping[str, Any]) -> str:
    name = doc.get("name")
    if not isinstance(name, str) or not name:
        raise Invalid("fault.required")
    return name


@calendar.command("import-ical")
@click.argument("file", type=FILE)
@click.option("--name", required=True, help="the calendar; made when there is none")
@click.option("--title", default="", help="what the dates are called")
@URL
@TOKEN
def import_ical(file: IO[bytes], name: str, title: str, url: str, token: str | None) -> None:
    """Add the dates of an iCalendar file. 加入 iCalendar 文件里的日期。"""
    query = urlencode({"title": title} if title else {})
    _tell_saved(call(url, token, "POST", f"{_path(name)}/import?{query}", file.read()))


@calendar.command()
@click.argument("country")
@click.option("--years", required=True, help="such as 2026-2027")
@click.option("--name", help="the calendar, made when there is none; the COUNTRY when left out")
@click.option("--subdivision", help="a state or region, such as CA")
@click.option("--weekend/--no-weekend", default=True, show_default=True, help="exclude it too")
@click.option("--language", type=click.Choice(LANGUAGES), help="of the titles")
@URL
@TOKEN
@AS_JSON
def holidays(
    country: str,
    years: str,
    name: str | None,
    url: str,
    token: str | None,
    as_json: bool,
    **more: str | bool | None,
) -> None:
    """Add a country's holidays, such as CN. 加入一个国家或地区的节假日。"""
    with naming("--years", years):
        asked = {"country": country, "years": list(read_years(years))} | more
    path = f"{_path(name or country.upper())}/holidays"
    done = call(url, token, "POST", path, _body(asked))
    if as_json:
        click.echo(json.dumps(done, ensure_ascii=False))
        return
    _tell_added(done)


@calendar.command()
@click.argument("name")
@click.option("--from", "first", required=True, help="the first date, such as 2026-10-01")
@click.option("--to", "last", required=True, help="the last date")
@URL
@TOKEN
def preview(name: str, first: str, last: str, url: str, token: str | None) -> None:
    """Show which days are excluded, or worked all the same. 显示停用的日子和调休上班日。"""
    query = urlencode({"from": first, "to": last})
    found = call(url, token, "GET", f"{_path(name)}/preview?{query}")
    lines = [f"{day['date']}  {_say('excluded')}  {day['title']}" for day in found["excluded"]]
    lines += [f"{day}  {_say('worked')}" for day in found["working"]]
    for line in sorted(lines):
        click.echo(line.rstrip())


@calendar.command()
@click.argument("name")
@URL
@TOKEN
def delete(name: str, url: str, token: str | None) -> None:
    """Delete a calendar that no task uses. 删除没有任务使用的日历。"""
    call(url, token, "DELETE", _path(name))


def _tell_saved(doc: Mapping[str, Any]) -> None:
    click.echo(_say("saved", name=doc["name"], version=doc["version"]))


def _tell_added(doc: Mapping[str, Any]) -> None:
    counts = {kind: len(doc["named"][kind]) for kind in ("excluded", "working")}
    click.echo(_say("added", name=doc["name"], version=doc["version"], **counts))
    for notice in doc["notices"]:
        click.echo(notice, err=True)


def _say(key: str, **params: object) -> str:
    return say(terminal_language(), f"cli.calendar.{key}", **params)


def _path(name: str) -> str:
    return f"/calendars/{quote(name, safe='')}"


def _body(doc: Mapping[str, Any]) -> bytes:
    return json.dumps(doc).encode()
