"""On a disk that is really full a server tells that nothing was stored, calls nobody, and goes on by itself."""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.processes import Api, each_second, http, one_shot, server, sink


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MiB."""
    path = tmp_path / "disk"
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(path)]
    if os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("no disk can be mounted here")
    yield path
    subprocess.run(["umount", "-l", str(path)], check=True)


def fill(disk: Path) -> None:
    """Writes until there is no room left."""
    with (disk / "filler").open("wb", buffering=0) as filler:
        try:
            while filler.write(bytes(4096)) == 4096:
                pass
        except OSError:
            return


def free(disk: Path) -> None:
    (disk / "filler").unlink()


async def add(api: Api, name: str, url: str) -> dict[str, Any]:
    return await api.add(one_shot(name, 0.5, note="x" * 1500), http(url))


async def readiness(api: Api) -> tuple[int, str]:
    async with api.session.get("/readyz") as reply:
        return reply.status, await reply.text()


async def adds_until_refused(api: Api, url: str) -> list[str]:
    """The names that were acknowledged before one was not."""
    stored: list[str] = []
    while (await add(api, f"n{len(stored)}", url))["success"]:
        stored.append(f"n{len(stored)}")
    return stored


async def test_a_full_disk_stores_and_calls_nothing_and_all_goes_on_when_there_is_room(
    disk: Path, tmp_path: Path
) -> None:
    async with (
        sink() as receiver,
        server(tmp_path, "--database-url", f"sqlite:///{disk}/dispatch.db") as on,
    ):
        assert (await on.api.add(each_second("often"), http(receiver.url)))["success"]
        await receiver.received("often")
        fill(disk)
        stored = await adds_until_refused(on.api, receiver.url)
        status, said = await readiness(on.api)
        assert (status, "full" in said) == (503, True), said
        seen = len(receiver.arrivals)
        await asyncio.sleep(2.5)  # in which two more would be due
        assert len(receiver.arrivals) == seen
        assert (await on.api.get("/tasks/tests/often"))["name"] == "often", "reads go on"
        free(disk)
        await receiver.received("often", len(receiver.of("often")) + 2)
        assert (await add(on.api, "after", receiver.url))["success"]
        assert (await readiness(on.api))[0] == 200
        for name in (*stored, "after"):
            await receiver.received(name)
        assert await on.process.stop() == 0
    fires = [arrival.fire for arrival in receiver.arrivals]
    assert len(fires) == len(set(fires)), "none was called twice"
