"""Cron expressions as Quartz has them: every instant and every refusal must agree."""

from collections.abc import Iterator
from datetime import UTC, datetime
from time import perf_counter
from zoneinfo import ZoneInfo

import pytest

from dispatchserver.domain.cron import CronExpression, DstRule
from dispatchserver.domain.errors import Invalid
from tests.golden import vectors as given
from tests.golden.conftest import Agree
from tests.golden.vectors import Vector, explained_examples, instant, vectors

REFUSED_BY_CHOICE = {"d025"}  # 15W,20: Quartz silently drops the 20


def fires(expression: CronExpression, vector: Vector) -> Iterator[datetime]:
    zone = ZoneInfo(vector["tz"])
    end = instant(vector["end"]) if vector.get("end") else datetime.max.replace(tzinfo=UTC)
    fire = expression.first_from(instant(vector["start"]), zone, DstRule.QUARTZ)
    while fire and fire <= end:
        yield fire
        fire = expression.next_after(fire, zone, DstRule.QUARTZ)


def difference(vector: Vector) -> str | None:
    """What is not as Quartz has it; None when nothing is."""
    refused = "error" in vector or vector["id"] in REFUSED_BY_CHOICE
    try:
        expression = CronExpression.parse(vector["expr"])
    except Invalid as invalid:
        return None if refused else f"{vector['expr']!r} refused: {invalid.code}"
    if refused:
        return f"{vector['expr']!r} accepted"
    return given.difference(fires(expression, vector), vector)


def loose_difference(vector: Vector) -> str | None:
    found = difference(vector)
    return None if found is None or "refused" in found else found


def test_every_vector_agrees_with_quartz(agree: Agree) -> None:
    chosen = [vector for vector in vectors("cron") if not vector.get("loose")]
    agree("cron expressions fire, or are refused, as in Quartz", chosen, difference)


def test_every_explained_example_agrees_with_quartz(agree: Agree) -> None:
    examples = explained_examples()
    agree(
        "explained examples of clock changes and W agree (1 refused by choice)",
        examples,
        difference,
    )


def test_what_the_sloppy_parser_takes_is_refused_or_means_the_same(agree: Agree) -> None:
    loose = [vector for vector in vectors("cron") if vector.get("loose")]
    agree("loose cron expressions are refused, or mean the same", loose, loose_difference)


@pytest.mark.parametrize(
    "text",
    [
        "0 0 1 MONDAY * ?",
        "0 0 1 ? * MONDAY",
        "0 *5 1 * * ?",
        "0 99 1 * * ?",
        "0 0 1 * * ? * * *",
        "0 0 1 ? * MON-FRI/2",
        "0 0 1 ? * 6#10",
        "0 0 1 15W,20 * ?",
        "0 0 1 * * ?x",
        "0 5,,6 1 * * ?",
        "0 0 001 * * ?",
        "0 0 1 5-10W * ?",
        "0 */0 1 * * ?",
        "0 1-5/0 1 * * ?",
        "0 0 1 0W * ?",
    ],
)
def test_sloppy_spellings_are_refused(text: str) -> None:
    with pytest.raises(Invalid):
        CronExpression.parse(text)


@pytest.mark.parametrize(
    ("text", "zone", "start"),
    [
        ("0 0 1 L-30W * ?", "UTC", "2026-01-31T02:00:00Z"),
        ("0 0 1 L-28W 2 ?", "Africa/Cairo", "2026-01-31T02:00:00Z"),
        ("0 15 0 LW * ?", "Africa/Cairo", "2028-04-01T00:00:00Z"),
        ("0 15 0 LW 4 ?", "Africa/Cairo", "2028-04-27T22:00:00Z"),
        ("0 15 0 28 4 ? 2028", "Africa/Cairo", "2028-04-01T00:00:00Z"),
    ],
)
def test_a_search_in_which_quartz_hangs_comes_back_soon(text: str, zone: str, start: str) -> None:
    begun = perf_counter()
    fire = CronExpression.parse(text).next_after(instant(start), ZoneInfo(zone), DstRule.QUARTZ)
    assert perf_counter() - begun < 1
    assert fire is None or fire > instant(start)
