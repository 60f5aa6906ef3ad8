"""Starts and ends the processes that a measurement needs, and reads what the kernel knows of them."""

import asyncio
import os
import re
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
TICKS = os.sysconf("SC_CLK_TCK")
START_LIMIT_S = 60
STOP_LIMIT_S = 40


@dataclass
class Child:
    """A running process, and the numbers that its first line told."""

    process: asyncio.subprocess.Process
    line: str

    @property
    def port(self) -> int:
        """The port in its first line."""
        found = re.search(r"127\.0\.0\.1:(\d+)", self.line)
        if found is None:
            raise RuntimeError(f"no port in {self.line!r}")
        return int(found[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cpu_seconds(self) -> float:
        """Time on a processor so far, user and system: of all its threads, and of processes of its own that have ended."""
        text = Path(f"/proc/{self.process.pid}/stat").read_text("ascii")
        fields = text.rpartition(") ")[2].split()
        return sum(map(int, fields[11:15])) / TICKS

    def cpu_ms(self) -> float:
        """The same by the scheduler's own account, fine enough for one request; of the threads that there are now."""
        tasks = Path(f"/proc/{self.process.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text("ascii").split()[0]) for task in tasks) / 1e6

    def rss_mib(self) -> float:
        """Memory that is really there."""
        text = Path(f"/proc/{self.process.pid}/status").read_text("ascii")
        found = re.search(r"VmRSS:\s+(\d+) kB", text)
        return round(int(found[1]) / 1024, 1) if found else 0.0


@asynccontextmanager
async def child(*arguments: str) -> AsyncIterator[Child]:
    """Runs `python -m …` until the block ends; its first line says that it is ready."""
    with tempfile.TemporaryFile() as said:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            *arguments,
            cwd=ROOT,
            env=_environment(),
            stdout=asyncio.subprocess.PIPE,
            stderr=said,
        )
        try:
            assert process.stdout is not None
            async with asyncio.timeout(START_LIMIT_S):
                line = (await process.stdout.readline()).decode()
            if not line:
                raise SystemExit(f"{' '.join(arguments)} did not start")
            yield Child(process, line)
        finally:
            await _end(process)
            if process.returncode:
                said.seek(0)
                sys.stderr.write(said.read().decode())


def _environment() -> Mapping[str, str]:
    """This one's, without settings of a server that may run here."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("DISPATCH_")}
    return kept | {"DISPATCH_LANG": "en"}


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
    try:
        async with asyncio.timeout(STOP_LIMIT_S):
            await process.communicate()
    except TimeoutError:
        process.kill()
        await process.communicate()


async def run(*arguments: str) -> str:
    """Runs `python -m …` to its end; returns what it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        *arguments,
        cwd=ROOT,
        env=_environment(),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{arguments[0]} ended with {process.returncode}")
    return out.decode()


def server(database: Path, *flags: str) -> AbstractAsyncContextManager[Child]:
    """A dispatchserver on a free loopback port."""
    where = ("--port", "0", "--database-url", f"sqlite:///{database}", "--log-level", "warning")
    return child("dispatchserver", "serve", *where, *flags)


def folder() -> "tempfile.TemporaryDirectory[str]":
    """A folder for one measurement's database."""
    return tempfile.TemporaryDirectory(prefix="dispatchserver-bench-")
