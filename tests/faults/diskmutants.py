"""Servers that are otherwise about their disk: `python -m tests.faults.diskmutants NAME serve …`."""

import asyncio
import sys
from collections.abc import Sequence

from dispatchserver.__main__ import main
from dispatchserver.stores import soundness, sqlite

CHECK_S = 1.0


def syncs_less() -> None:
    """Answers before what it stored would outlive a power cut."""
    sqlite.PRAGMAS["synchronous"] = "1"


def checks_late() -> None:
    """Not wrong: it starts before its check is through, as with a database that takes more than 30 seconds."""
    by_table = soundness.Check._by_table

    async def later(this: soundness.Check) -> Sequence[str] | None:
        await asyncio.sleep(CHECK_S)
        return await by_table(this)

    soundness.BUDGET_S, soundness.STEPS_BETWEEN_LOOKS = 0.0, 1
    soundness.Check._by_table = later  # type: ignore[method-assign]


MUTANTS = {mutant.__name__: mutant for mutant in (syncs_less, checks_late)}

if __name__ == "__main__":
    MUTANTS[sys.argv.pop(1)]()
    main()
