"""Real servers under faults, and servers that are wrong on purpose; the long form is `./test --faults`."""

import random
import sqlite3
from pathlib import Path

import pytest

from tests.faults.city import city, ordeal

FAULTS = [("kill", "kill"), ("kill_at_once", "stop")]
MUTANTS = {
    "no_recovery": ("I13", ("kill", "kill")),
    "claims_early": ("I3", ()),
    "answers_before_commit": ("I1", ("kill", "kill", "kill")),
    "one_number_for_all_attempts": ("I5", ()),
    "pause_forgets_pending": ("I3", ()),
}


@pytest.mark.parametrize("faults", FAULTS, ids="-".join)
async def test_every_promise_is_kept_under_faults(tmp_path: Path, faults: tuple[str, ...]) -> None:
    seed = random.SystemRandom().randrange(2**32)
    async with city(tmp_path, seed) as here:
        history, found = await ordeal(here, faults)
        await here.down("stop")
    assert (seed, found) == (seed, [])
    assert len(history.callbacks) > 50
    with sqlite3.connect(tmp_path / "dispatch.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    database.close()


@pytest.mark.parametrize("mutant", MUTANTS)
async def test_a_server_that_breaks_a_promise_is_found_out(tmp_path: Path, mutant: str) -> None:
    rule, faults = MUTANTS[mutant]
    async with city(tmp_path, 7, "tests.faults.mutants", mutant) as here:
        _, found = await ordeal(here, faults)
    assert any(told.startswith(f"{rule} ") for told in found), found
