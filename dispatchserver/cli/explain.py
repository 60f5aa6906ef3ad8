"""`cron explain` tells what a schedule means: in words, by its next fires, and what may surprise."""

import sys
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from dispatchserver.cli.shell import terminal_language
from dispatchserver.clock import SystemClock
from dispatchserver.dialects.rest.schedule import (
    USUAL_FIRES,
    Question,
    explanation_doc,
    read_question,
)
from dispatchserver.documents.reading import Basis
from dispatchserver.domain import jsontext
from dispatchserver.domain.cron import DstRule
from dispatchserver.domain.errors import Fault, Refused
from dispatchserver.domain.explaining import MOST_FIRES, explain
from dispatchserver.domain.moments import iso
from dispatchserver.domain.trigger import CronDialect
from dispatchserver.messages import say
from dispatchserver.settings import machine_zone
from dispatchserver.wording import say_description, say_notice, say_rate


@click.command("explain")
@click.argument("expr", required=False)
@click.option(
    "--trigger",
    help="instead of EXPR, a trigger of any kind as tasks show it: JSON, FILE, or - for standard input",
)
@click.option(
    "--dialect",
    help="grammar of EXPR; quartz when left out",
    type=click.Choice([dialect.value for dialect in CronDialect]),
)
@click.option("--tz", default=None, help="IANA zone; this machine's when left out")
@click.option("--start", default=None, help="ISO 8601 moment; now when left out")
@click.option("--end", default=None, help="ISO 8601 moment")
@click.option(
    "--n",
    "count",
    default=USUAL_FIRES,
    show_default=True,
    type=click.IntRange(1, MOST_FIRES),
    help="how many fires",
)
@click.option(
    "--dst",
    help=f"rule for clock changes; {DstRule.EXACTLY_ONCE} when left out",
    type=click.Choice([rule.value for rule in DstRule]),
)
@click.option("--json", "as_json", is_flag=True, help="one JSON object, as REST answers it")
def explain_expression(as_json: bool, trigger: str | None, **asked: str | int | None) -> None:
    """Explain EXPR, or a trigger, in words. 用文字解释表达式或触发规则。"""
    if trigger is None and asked["expr"] is None:
        raise click.UsageError("EXPR is missing (or use --trigger)")
    given = {name: value for name, value in asked.items() if value is not None}
    if trigger is not None:
        given["trigger"] = _text_of(trigger)
    basis = Basis(now=SystemClock().now(), zone=ZoneInfo(machine_zone()))
    question, lang = read_question(given, basis), terminal_language()
    if as_json:
        click.echo(jsontext.dumps(explanation_doc(question, lang)))
        return
    for line in _lines(question, lang):
        click.echo(line)


def _text_of(source: str) -> str:
    """The JSON itself, or what the file or standard input holds; raises Refused."""
    if source.lstrip().startswith("{"):
        return source
    try:
        raw = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
        return raw.decode("utf-8-sig")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        fault = Fault(field="--trigger", code="settings.file", params={"why": why}, sent=source)
        raise Refused([fault]) from error


def _lines(question: Question, lang: str) -> Iterator[str]:
    zone = question.trigger.zone
    explanation = explain(question.trigger, question.after, question.count)
    yield say_description(explanation.description, lang)
    yield ""
    if explanation.fires:
        yield say(lang, "explain.fires", zone=zone.key)
        for fire in explanation.fires:
            yield f"  {fire.astimezone(zone).isoformat(sep=' ')}  {iso(fire)}"
        yield ""
        yield say_rate(explanation, lang)
    for notice in explanation.notices:
        yield say(lang, "explain.notice", text=say_notice(notice, zone, lang))
