"""The golden vectors, printed by the real Quartz 2.3.2: every instant and every refusal must agree."""

import gzip
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from dispatchserver.domain.cron import CronExpression, DstRule
from dispatchserver.domain.errors import Invalid

DATA = Path(__file__).parent.parent / "data"
Vector = Mapping[str, Any]


def vectors() -> list[Vector]:
    lines = gzip.decompress((DATA / "quartz_vectors.jsonl.gz").read_bytes()).splitlines()
    return [json.loads(line) for line in lines]


def examples() -> list[Vector]:
    lines = (DATA / "quartz_dst_examples.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def fires(expression: CronExpression, vector: Vector) -> Iterator[datetime]:
    zone = ZoneInfo(vector["tz"])
    end = instant(vector["end"]) if vector.get("end") else datetime.max.replace(tzinfo=UTC)
    fire = expression.first_from(instant(vector["start"]), zone, DstRule.QUARTZ)
    while fire and fire <= end:
        yield fire
        fire = expression.next_after(fire, zone, DstRule.QUARTZ)


def difference(vector: Vector) -> str | None:
    """What is not as Quartz has it; None when nothing is."""
    try:
        expression = CronExpression.parse(vector["expr"])
    except Invalid as invalid:
        return None if "error" in vector else f"refused: {invalid.code}"
    if "error" in vector:
        return "accepted"
    ours = fires(expression, vector)
    for expected in vector["fires"]:
        got = next(ours, None)
        if got != instant(expected):
            return f"{got} instead of {expected}"
    return difference_at_stop(vector["stop"], next(ours, None))


def difference_at_stop(stop: str, further: datetime | None) -> str | None:
    agrees = {
        "more": further is not None,
        "null": further is None,
        "cut2100": further is not None and further.year >= 2100,
        "hang": True,  # coming back at all is right
    }
    return None if agrees[stop] else f"stop {stop}, but then {further}"


def describe(vector: Vector, found: str) -> str:
    return f"{vector['id']} {vector['expr']!r} {vector.get('tz')} {vector.get('start')}: {found}"


def compare(chosen: list[Vector]) -> None:
    differences = [describe(v, found) for v in chosen if (found := difference(v)) is not None]
    print(f"\n{len(chosen) - len(differences)} of {len(chosen)} vectors agree with Quartz")
    assert not differences, "\n".join(differences[:5])


def test_every_vector_agrees_with_quartz() -> None:
    compare([vector for vector in vectors() if not vector.get("loose")])


def test_every_explained_example_agrees_with_quartz() -> None:
    refused_on_purpose = {"d025"}  # 15W,20: Quartz silently drops the 20
    compare([vector for vector in examples() if vector["id"] not in refused_on_purpose])


def test_what_the_sloppy_parser_takes_is_refused_or_means_the_same() -> None:
    loose = [vector for vector in vectors() if vector.get("loose")]
    found = [difference(vector) for vector in loose]
    print(f"\n{sum(f is not None for f in found)} of {len(loose)} loose vectors are refused")
    assert all(f is None or f.startswith("refused") for f in found)


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
