"""What fault tests need of the machine. `./test --faults` installs it where it may; where it may not, the tests say so."""

import os
import shutil
from pathlib import Path

import pytest

FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
NEEDS = {
    "root": lambda: os.geteuid() == 0,
    "faketime": FAKETIME.exists,
    "fiu": lambda: shutil.which("fiu-run") is not None,
    "ext4": lambda: shutil.which("mkfs.ext4") is not None and Path("/dev/loop-control").exists(),
    "cc": lambda: shutil.which("cc") is not None,
    "prlimit": lambda: shutil.which("prlimit") is not None,
    "strace": lambda: shutil.which("strace") is not None,
    "cgroup": lambda: os.access("/sys/fs/cgroup/memory/memory.limit_in_bytes", os.W_OK),
}


def pytest_runtest_setup(item: pytest.Item) -> None:
    """`@pytest.mark.needs("root", "ext4")`: without them the fault cannot be brought about here."""
    for mark in item.iter_markers("needs"):
        missing = [name for name in mark.args if not NEEDS[name]()]
        if missing:
            pytest.skip(
                f"this machine has no {', '.join(missing)}: ./test --faults says how to get it"
            )
