"""Servers that are wrong about their disk: `python -m tests.faults.diskmutants NAME serve …`."""

import sys

from dispatchserver.__main__ import main
from dispatchserver.stores import sqlite


def syncs_less() -> None:
    """Answers before what it stored would outlive a power cut."""
    sqlite.PRAGMAS["synchronous"] = "1"


MUTANTS = {mutant.__name__: mutant for mutant in (syncs_less,)}

if __name__ == "__main__":
    MUTANTS[sys.argv.pop(1)]()
    main()
