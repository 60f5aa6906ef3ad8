"""`cron next` tells when an expression fires; `--batch` answers one JSON line for each JSON line."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice, takewhile
from typing import TextIO
from zoneinfo import ZoneInfo

import click

from dispatchserver.cli.shell import terminal_language
from dispatchserver.clock import SystemClock
from dispatchserver.domain import jsontext
from dispatchserver.domain.cron import CronExpression, DstRule
from dispatchserver.domain.errors import Fault, Invalid, Refused
from dispatchserver.domain.faults import Faults
from dispatchserver.domain.fields import (
    FieldReader,
    as_boolean,
    as_integer,
    as_member,
    as_moment,
    as_object,
    as_text,
)
from dispatchserver.domain.jsontext import JsonValue
from dispatchserver.domain.moments import iso
from dispatchserver.domain.trigger import find_zone
from dispatchserver.messages import say_error
from dispatchserver.settings import machine_zone

MOST_FIRES = 10_000
DEFAULT_COUNT = 20
KNOWN = ("expr", "tz", "start", "end", "n", "dst", "inclusive")


@click.group()
def cron() -> None:
    """Ask what a Quartz cron expression means. 查询 Quartz 表达式。"""


@cron.command("next")
@click.argument("expr", required=False)
@click.option("--tz", default=None, help="IANA zone; this machine's when left out")
@click.option("--start", "--after", default=None, help="ISO 8601 moment; now when left out")
@click.option(
    "--n", default=10, show_default=True, type=click.IntRange(1, MOST_FIRES), help="how many fires"
)
@click.option(
    "--dst",
    default=DstRule.EXACTLY_ONCE.value,
    show_default=True,
    type=click.Choice([rule.value for rule in DstRule]),
)
@click.option("--json", "as_json", is_flag=True, help="one JSON object")
@click.option("--batch", is_flag=True, help="read JSON lines from standard input")
def next_fires(
    expr: str | None,
    tz: str | None,
    start: str | None,
    n: int,
    dst: str,
    as_json: bool,
    batch: bool,
) -> None:
    """Print the next fires of EXPR. 显示表达式接下来的触发时间。"""
    if batch:
        answer_lines(sys.stdin.buffer, sys.stdout)
        return
    if expr is None:
        raise click.UsageError("EXPR is missing (or use --batch)")
    asked = {"expr": expr, "tz": tz, "start": start, "n": n, "dst": dst}
    zone, fires = read_question({key: value for key, value in asked.items() if value is not None})
    if as_json:
        click.echo(jsontext.dumps({"fires": [iso(fire) for fire in fires]}))
        return
    for fire in fires:
        click.echo(f"{fire.astimezone(zone).isoformat(sep=' ')}  {iso(fire)}")


def answer_lines(lines: Iterable[bytes], out: TextIO) -> None:
    """Answers each line by itself and at once: a bad one is told its fault and stops nothing."""
    for line in lines:
        if line.strip():
            out.write(jsontext.dumps(_answer(line.strip())) + "\n")
            out.flush()


def _answer(line: bytes) -> Mapping[str, JsonValue]:
    try:
        _, fires = read_question(_read_line(line))
    except Refused as error:
        return {"error": say_error(terminal_language(), error)}
    return {"fires": [iso(fire) for fire in fires]}


def _read_line(line: bytes) -> Mapping[str, JsonValue]:
    try:
        return as_object(line.decode("utf-8-sig", "replace"))
    except Invalid as invalid:
        raise Refused([Fault(field="line", code=invalid.code, params=invalid.params)]) from invalid


def read_question(asked: Mapping[str, JsonValue]) -> tuple[ZoneInfo, list[datetime]]:
    """The zone and the fires that a question asks for; raises Refused with all that is wrong with it."""
    faults = Faults()
    for name in asked:
        if name not in KNOWN:
            faults.add(name, "field.unknown", asked[name], allowed=", ".join(KNOWN))
    reader = FieldReader(asked, faults)
    zone = reader.take("tz", lambda value: find_zone(as_text(value)), ZoneInfo(machine_zone()))
    expression = reader.need(("expr",), lambda value: CronExpression.parse(as_text(value).strip()))
    start = reader.take("start", lambda value: as_moment(value, zone), None) or SystemClock().now()
    end = reader.take("end", lambda value: as_moment(value, zone), None)
    count = reader.take("n", lambda value: check_count(as_integer(value)), DEFAULT_COUNT)
    rule = reader.take("dst", lambda value: as_member(value, DstRule), DstRule.EXACTLY_ONCE)
    inclusive = reader.take("inclusive", as_boolean, False)
    faults.raise_if_any()
    if expression is None:  # unreachable: what is missing was booked
        return zone, []
    fires = _walk(expression, start, zone, rule, inclusive)
    return zone, list(islice(takewhile(lambda fire: end is None or fire <= end, fires), count))


def _walk(
    expression: CronExpression, start: datetime, zone: ZoneInfo, rule: DstRule, inclusive: bool
) -> Iterator[datetime]:
    first = expression.first_from if inclusive else expression.next_after
    fire = first(start, zone, rule)
    while fire is not None:
        yield fire
        fire = expression.next_after(fire, zone, rule)


def check_count(count: int) -> int:
    """How many fires to list; raises Invalid beyond what anybody reads."""
    if not 1 <= count <= MOST_FIRES:
        raise Invalid("field.count", most=MOST_FIRES)
    return count
