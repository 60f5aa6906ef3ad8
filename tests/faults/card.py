"""The report card: what every fault test saw, as one table.

    python -m tests.faults.card FILE [--into docs/reliability.md ...]

prints the lines that a run left in FILE as a Markdown table, and puts it between the marks of documents. A line says
which fault was brought about, in how many rounds, how many callbacks were lost, doubled against the rules, or stuck,
and the longest time until all was well again.
"""

import argparse
import json
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

FILE = "FAULT_CARD"
LONG = "FAULTS_LONG"
BEGIN, END = "<!-- card -->", "<!-- /card -->"


@dataclass(frozen=True, kw_only=True)
class Line:
    """One fault of the list in docs/reliability.md: its name, and what was seen of it; times in seconds."""

    fault: str
    what: str
    rounds: int
    lost: int = 0
    doubled: int = 0
    stuck: int = 0
    recovered_s: float | None = None
    seen: str = ""


def is_long() -> bool:
    """Whether this is the long form, `./test --faults`."""
    return bool(os.environ.get(LONG))


def rounds(short: int, long: int) -> int:
    """How often to bring a fault about: seldom with every change, often when reliability is what is asked."""
    return long if is_long() else short


def note(line: Line) -> None:
    """Adds a line, where a card is kept; a test calls this after it has held its figures."""
    if path := os.environ.get(FILE):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(line)) + "\n")


def read(lines: Iterable[str]) -> list[Line]:
    """The lines of one fault are added up."""
    found: dict[tuple[str, str], Line] = {}
    for line in (Line(**json.loads(text)) for text in lines):
        before = found.get((line.fault, line.what))
        found[line.fault, line.what] = line if before is None else _both(before, line)
    return [
        found[key] for key in sorted(found, key=lambda key: (key[0][0], int(key[0][1:]), key[1]))
    ]


def _both(one: Line, other: Line) -> Line:
    times = [line.recovered_s for line in (one, other) if line.recovered_s is not None]
    return Line(
        fault=one.fault,
        what=one.what,
        rounds=one.rounds + other.rounds,
        lost=one.lost + other.lost,
        doubled=one.doubled + other.doubled,
        stuck=one.stuck + other.stuck,
        recovered_s=max(times, default=None),
        seen="; ".join(dict.fromkeys(seen for seen in (one.seen, other.seen) if seen)),
    )


def table(lines: Sequence[Line], machine: Mapping[str, str]) -> str:
    """The card, with its date and machine."""
    head = "| Fault | What | Rounds | Lost | Doubled | Stuck | Well again | Seen |\n|---|---|--:|--:|--:|--:|--:|---|"
    return "\n".join([", ".join(machine.values()) + ".", "", head, *map(_row, lines)])


def _row(line: Line) -> str:
    well = "" if line.recovered_s is None else f"{line.recovered_s:.1f} s"
    cells = (
        line.fault,
        line.what,
        line.rounds,
        line.lost,
        line.doubled,
        line.stuck,
        well,
        line.seen,
    )
    return "| " + " | ".join(map(str, cells)) + " |"


def machine() -> dict[str, str]:
    """Where and when this is."""
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "system": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "python": f"Python {platform.python_version()}",
    }


def put_into(document: Path, text: str) -> None:
    """Replaces what stands between the marks."""
    before, _, rest = document.read_text("utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    document.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", "utf-8")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("file", type=Path)
    asked.add_argument("--into", type=Path, nargs="*", default=[])
    told = asked.parse_args()
    text = table(read(told.file.read_text("utf-8").splitlines()), machine())
    print(text)
    for document in told.into:
        put_into(document, text)


if __name__ == "__main__":
    main()
