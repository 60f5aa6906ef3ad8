"""`cron explain` tells what an expression means: in words, by its next fires, and what may surprise."""

from collections.abc import Iterator
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
from dispatchserver.domain import jsontext
from dispatchserver.domain.cron import DstRule
from dispatchserver.domain.explaining import MOST_FIRES, explain
from dispatchserver.domain.moments import iso
from dispatchserver.messages import say
from dispatchserver.settings import machine_zone
from dispatchserver.wording import say_description, say_notice, say_rate


@click.command("explain")
@click.argument("expr")
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
    default=DstRule.EXACTLY_ONCE.value,
    show_default=True,
    type=click.Choice([rule.value for rule in DstRule]),
)
@click.option("--json", "as_json", is_flag=True, help="one JSON object, as REST answers it")
def explain_expression(as_json: bool, **asked: str | int | None) -> None:
    """Explain EXPR in words. 用文字解释表达式。"""
    given = {name: value for name, value in asked.items() if value is not None}
    question = read_question(given, ZoneInfo(machine_zone()), SystemClock().now())
    lang = terminal_language()
    if as_json:
        click.echo(jsontext.dumps(explanation_doc(question, lang)))
        return
    for line in _lines(question, lang):
        click.echo(line)


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
