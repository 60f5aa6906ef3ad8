"""What fault tests need of the machine. `./test --faults` installs it where it may; where it may not, the tests say so."""

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.certificates import make_chain
from tests.faults.names import Names
from tests.faults.rows import a_street
from tests.faults.street import Street

FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
NEEDS = {
    "root": lambda: os.geteuid() == 0,
    "faketime": FAKETIME.exists,
    "fiu": lambda: shutil.which("fiu-run") is not None,
    "ext4": lambda: shutil.which("mkfs.ext4") is not None and Path("/dev/loop-control").exists(),
    "cc": lambda: shutil.which("cc") is not None,
    "prlimit": lambda: shutil.which("prlimit") is not None,
    "proc": Path("/proc/self/fd").exists,
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


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an authority that the servers of `place` trust, and what it signed."""
    return make_chain(tmp_path_factory.mktemp("tls"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(
    tmp_path_factory: pytest.TempPathFactory, certificates: Path
) -> AsyncIterator[tuple[Street, Names]]:
    """One server for all tests of a module, and who tells it addresses of names."""
    folder = tmp_path_factory.mktemp("street")
    async with a_street(folder, certificates / "authority.pem") as found:
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here(place: tuple[Street, Names]) -> Street:
    return place[0]
