"""Real servers under faults, and servers that are wrong on purpose; the long form is `./test --faults`."""

import asyncio
import random
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest

from tests.faults import checker, mutants
from tests.faults.card import Line, is_long, note, rounds
from tests.faults.checker import History
from tests.faults.city import SLOTS, City, city, ordeal
from tests.faults.receiver import HOLD_S, MOODS
from tests.faults.writers import HASTY, USUAL, Pace

BUSY_S = (0.05, 0.5)  # between two kills
LONG_ENOUGH_S = 240  # a slow machine sees fewer kills, and the card says how many
FEW = 3  # slots, so that what is due must wait for others
AMPLE = 60
HASTY_S = (4.0, 4.0)


@dataclass(frozen=True, kw_only=True)
class Wrong:
    """By which rule a wrong server is found, under which faults, with which receiver, and in what time.

    What goes wrong only where two moments coincide may need several of these times.
    """

    rule: str
    faults: tuple[str, ...] = ()
    moods: Mapping[str, int] = field(default_factory=lambda: dict(MOODS))
    hold_s: tuple[float, float] = HOLD_S
    slots: int = SLOTS
    pace: Pace = USUAL
    quiet_s: tuple[float, float] = (0.3, 1.0)
    tries: int = 1


FAULTS = [("kill_at_once", "stop"), ("freeze", "freeze_long")]
if is_long():
    FAULTS = [
        ("kill", "freeze"),
        ("kill_at_once", "stop"),
        ("freeze", "stop", "kill"),
        ("freeze_long", "freeze_long", "kill"),
    ]
HASTE = [(), ("freeze",), ("kill", "stop")]
NOTES = {
    "kill_at_once": ("A4", "killed amidst writes and callbacks, and again while it starts"),
    "stop": ("A5", "told to stop amidst writes and callbacks"),
    "freeze": ("A9", "SIGSTOP for up to 1.5 s, then SIGCONT"),
    "freeze_long": ("B4", "SIGSTOP for longer than an attempt may take, then SIGCONT"),
}
STERN = {"ok": 1, "refused": 1}
SEEDED = {
    "claims_early": Wrong(rule="I3"),
    "any_answer_is_success": Wrong(rule="I10", moods=STERN),
    "sends_again_what_succeeded": Wrong(rule="I5"),
    "one_number_for_all_attempts": Wrong(rule="I5", moods=STERN),
    "a_new_id_for_a_repeat": Wrong(rule="I4", moods=STERN),
    "gives_up_at_once": Wrong(rule="I12", moods=STERN),
    "repeats_at_once": Wrong(rule="I12", moods=STERN),
    "pause_forgets_pending": Wrong(rule="I3", quiet_s=(2, 2)),
    "delete_leaves_pending": Wrong(rule="I8", quiet_s=(2, 2)),
    "a_replacement_forgets_its_own_moment": Wrong(
        rule="I2", pace=HASTY, slots=AMPLE, quiet_s=(10, 10), tries=12
    ),
    "data_of_the_first_version": Wrong(rule="I8"),
    "smallest_priority_first": Wrong(rule="I9", hold_s=(0.1, 0.1), slots=1, quiet_s=(3, 3)),
    "nobody_waits_for_the_one_before": Wrong(
        rule="I6", hold_s=(0.5, 0.5), slots=60, quiet_s=(3, 3)
    ),
    "nobody_tells_the_next": Wrong(rule="I13", hold_s=(0.5, 0.5), slots=60, quiet_s=(3, 3)),
    "late_is_forgotten": Wrong(rule="I2", faults=("freeze_long",), quiet_s=(1, 2)),
    "no_recovery": Wrong(rule="I13", faults=("kill", "kill")),
    "claim_not_kept": Wrong(rule="I5", faults=("kill", "kill")),
    "one_fire_more_after_a_start": Wrong(rule="I14", faults=("stop",), quiet_s=(2, 2)),
    "answers_before_commit": Wrong(rule="I1", faults=("kill", "kill", "kill")),
}
CHEAPEST = [*SEEDED][:3]


def fresh(folder: Path, number: int) -> Path:
    inside = folder / str(number)
    inside.mkdir()
    return inside


async def endure(
    folder: Path,
    faults: Sequence[str],
    *quiet_s: tuple[float, float],
    slots: Sequence[int] = (SLOTS, FEW),
    pace: Pace = USUAL,
) -> City:
    """An ordeal that breaks no promise and leaves a sound database."""
    chance = random.SystemRandom()
    seed, some = chance.randrange(2**32), chance.choice(slots)
    async with city(folder, seed, slots=some, pace=pace) as here:
        found = await ordeal(here, faults, *quiet_s)
        await here.down("stop")
    assert (seed, some, found) == (seed, some, [])
    with closing(sqlite3.connect(folder / "dispatch.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    return here


async def test_killed_again_and_again_it_loses_nothing(tmp_path: Path) -> None:
    ordeals, kills = rounds(1, 10), rounds(3, 10)
    began = asyncio.get_running_loop().time()
    told: list[City] = []
    while len(told) < ordeals and asyncio.get_running_loop().time() - began < LONG_ENOUGH_S:
        here = await endure(fresh(tmp_path, len(told)), ("kill",) * kills, BUSY_S)
        assert len(here.seen.callbacks) > 2 * kills
        told.append(here)
    histories = [here.seen for here in told]
    asked = [each for history in histories for each in history.operations]
    sent = sum(len(history.callbacks) for history in histories)
    again, most = sum(map(repeated, histories)), sum(h.slots * kills for h in histories)
    recovered_s = max(here.recovered_s["kill"] for here in told)
    figures = [
        f"{len(asked)} writes, {sum(each.ok is None for each in asked)} without an answer",
        f"{sent} callbacks, {again} successes repeated, {most} allowed",
    ]
    for fault, what, seen in zip(("A1", "A2"), ("adding", "firing"), figures, strict=True):
        note(
            Line(
                fault=fault,
                what=f"kill -9 while {what}",
                rounds=len(told) * kills,
                recovered_s=recovered_s,
                seen=seen,
            )
        )


def repeated(history: History) -> int:
    """How often something was sent again that had been received with success."""
    pairs = (pair for calls in history.by_fire.values() for pair in pairwise(calls))
    return sum(before.outcome == "ok" for before, _ in pairs)


@pytest.mark.parametrize("faults", FAULTS, ids="-".join)
async def test_every_promise_is_kept_under_faults(tmp_path: Path, faults: tuple[str, ...]) -> None:
    for number in range(rounds(1, 2)):
        here = await endure(fresh(tmp_path, number), faults)
        assert len(here.seen.callbacks) > 20
        for kind in NOTES.keys() & set(faults):
            fault, what = NOTES[kind]
            recovered_s, struck = here.recovered_s.get(kind), faults.count(kind)
            note(Line(fault=fault, what=what, rounds=struck, recovered_s=recovered_s))


@pytest.mark.skipif(not is_long(), reason="in the long form: ./test --faults")
@pytest.mark.parametrize("faults", HASTE, ids=lambda faults: "-".join(faults) or "none")
async def test_what_is_changed_in_the_very_millisecond_it_is_due_is_accounted_for(
    tmp_path: Path, faults: tuple[str, ...]
) -> None:
    for number in range(rounds(1, 3)):
        place = fresh(tmp_path, number)
        here = await endure(place, faults, HASTY_S, slots=(SLOTS, AMPLE), pace=HASTY)
        replaced = sum(each.kind == "replace" for each in here.seen.operations)
        assert replaced > 100
        what = "tasks that fire every 20 ms are replaced and paused at every moment"
        note(Line(fault="A12", what=what, rounds=replaced))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("mutant", SEEDED if is_long() else CHEAPEST)
async def test_a_server_that_breaks_a_promise_is_found_out(tmp_path: Path, mutant: str) -> None:
    wrong = SEEDED[mutant]
    module, slots, pace = "tests.faults.mutants", wrong.slots, wrong.pace
    told: list[str] = []
    for number in range(wrong.tries):
        place = fresh(tmp_path, number)
        async with city(place, 7 + number, module, mutant, slots=slots, pace=pace) as here:
            here.receiver.moods, here.receiver.hold_s = wrong.moods, wrong.hold_s
            told += await ordeal(here, wrong.faults, wrong.quiet_s)
        if any(one.startswith(f"{wrong.rule} ") for one in told):
            return
    pytest.fail(f"{wrong.rule} was not broken: {told}")


def test_every_rule_and_every_wrong_server_is_put_to_the_test() -> None:
    assert SEEDED.keys() == mutants.MUTANTS.keys()
    assert {wrong.rule for wrong in SEEDED.values()} == {name.split()[0] for name in checker.RULES}
