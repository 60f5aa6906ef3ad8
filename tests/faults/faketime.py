"""A wall clock for one process that a test sets while it runs, or that runs fast, by libfaketime."""

from dataclasses import dataclass
from pathlib import Path

from tests.faults.conftest import FAKETIME

STEADY = {
    "LD_PRELOAD": str(FAKETIME),
    "FAKETIME_NO_CACHE": "1",
    "FAKETIME_DONT_FAKE_MONOTONIC": "1",
}


@dataclass(frozen=True)
class WallClock:
    """Says what the wall clock shows beside the real one; what measures spans of time goes on undisturbed."""

    file: Path

    @property
    def environment(self) -> dict[str, str]:
        """What a process must be started with."""
        return {**STEADY, "FAKETIME_TIMESTAMP_FILE": str(self.file)}

    def set(self, ahead_s: float) -> None:
        """From now on the wall clock is so many seconds ahead of the real one, or behind."""
        beside = self.file.with_suffix(".new")
        beside.write_text(f"{ahead_s:+g}s\n")
        beside.replace(self.file)


def wall_clock(folder: Path) -> WallClock:
    """One that is right."""
    clock = WallClock(folder / "wall-clock")
    clock.set(0)
    return clock


def fast(start: str, times: int, zone: str) -> dict[str, str]:
    """The environment of a process that begins at a moment of a zone, as "2026-03-08 01:00:00", and lives so fast."""
    return {"LD_PRELOAD": str(FAKETIME), "FAKETIME": f"@{start} x{times}", "TZ": zone}
