"""The golden vectors of simple triggers and misfires, printed by the real Quartz 2.3.2."""

import gzip
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from dispatchserver.domain.cron import CronExpression, DstRule
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.misfire import (
    CRON_CODES,
    SIMPLE_CODES,
    Aftermath,
    find_instruction,
    quartz_final,
    quartz_simple,
    settle_cron,
    settle_simple,
)
from dispatchserver.domain.moments import MILLISECOND, iso
from dispatchserver.domain.trigger import CronTrigger, SimpleTrigger

DATA = Path(__file__).parent.parent / "data" / "quartz_triggers.jsonl.gz"
UTC_ZONE = ZoneInfo("UTC")
LISTED_AFTER_MISFIRE = 8
Vector = Mapping[str, Any]


@cache
def vectors() -> list[Vector]:
    return [json.loads(line) for line in gzip.decompress(DATA.read_bytes()).splitlines()]


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def shown(moment: datetime | None) -> str | None:
    return None if moment is None else iso(moment)


def simple(vector: Vector) -> SimpleTrigger:
    end = instant(vector["end"]) if vector["end"] else None
    numbers = vector["interval_ms"], vector["repeat_count"]
    return quartz_simple(instant(vector["start"]), end, *numbers, UTC_ZONE)


def cron(vector: Vector) -> CronTrigger:
    return CronTrigger(
        expression=CronExpression.parse(vector["expr"]),
        zone=ZoneInfo(vector["tz"]),
        dst=DstRule.QUARTZ,
        start=instant(vector["start"]).replace(microsecond=0),
        end=instant(vector["end"]) if vector["end"] else None,
    )


def fires(trigger: SimpleTrigger | CronTrigger, fire: datetime | None) -> Iterator[str]:
    while fire:
        yield iso(fire)
        fire = trigger.next_after(fire)


def difference(ours: Iterator[str], vector: Vector) -> str | None:
    for expected in vector["fires"]:
        if (got := next(ours, None)) != expected:
            return f"{got} instead of {expected}"
    further = next(ours, None)
    return None if (further is None) == (vector["stop"] == "null") else f"then {further}"


def simple_difference(vector: Vector) -> str | None:
    try:
        trigger = simple(vector)
    except Invalid as invalid:
        return None if "error" in vector else f"refused: {invalid.code}"
    if "error" in vector:
        return "accepted"
    if (final := shown(quartz_final(trigger))) != vector["final"]:
        return f"final {final} instead of {vector['final']}"
    return difference(fires(trigger, trigger.next_after(trigger.start - MILLISECOND)), vector)


def misfire_difference(vector: Vector) -> str | None:
    due, now = instant(vector["next_before"]), instant(vector["now"])
    if vector["trigger"] == "cron":
        instruction = find_instruction(vector["instruction"], CRON_CODES)
        settled = settle_cron(cron(vector), instruction, due, now)
        return difference(fires(settled.trigger, settled.next_due), vector["after"])
    instruction = find_instruction(vector["instruction"], SIMPLE_CODES)
    aftermath = settle_simple(simple(vector), instruction, due, now, vector["fired_before"])
    found = numbers_after(aftermath)
    expected = {key: vector["after"][key] for key in found}
    if found != expected:
        return f"{found} instead of {expected}"
    return difference(fires(aftermath.trigger, aftermath.next_due), vector["after"])


def numbers_after(aftermath: Aftermath[SimpleTrigger]) -> dict[str, object]:
    count = aftermath.trigger.count
    return {
        "next": shown(aftermath.next_due),
        "start": iso(aftermath.trigger.start),
        "repeat_count": -1 if count is None else count - 1,
        "times_triggered": aftermath.fired,
    }


def compare(differences: list[tuple[Vector, str | None]], what: str) -> None:
    wrong = [f"{vector['id']}: {found}" for vector, found in differences if found is not None]
    print(
        f"\n{len(differences) - len(wrong)} of {len(differences)} {what} vectors agree with Quartz"
    )
    assert differences
    assert not wrong, "\n".join(wrong[:5])


def test_every_simple_trigger_agrees_with_quartz() -> None:
    chosen = [v for v in vectors() if v["kind"] == "simple"]
    compare([(v, simple_difference(v)) for v in chosen], "simple")


def test_every_misfire_is_settled_as_quartz_settles_it() -> None:
    chosen = [v for v in vectors() if v["kind"] == "misfire"]
    compare([(v, misfire_difference(v)) for v in chosen], "misfire")


def test_the_codes_of_quartz_mean_the_same_as_its_names() -> None:
    for vector in (v for v in vectors() if v["kind"] == "misfire"):
        codes = SIMPLE_CODES if vector["trigger"] == "simple" else CRON_CODES
        by_code = find_instruction(str(vector["instruction_code"]), codes)
        assert by_code is find_instruction(vector["instruction"], codes)
