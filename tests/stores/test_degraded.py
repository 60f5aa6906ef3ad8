"""While the disk takes no writes nothing is tried but a probe; what books an end may use the room of the ballast."""

import asyncio
import sqlite3
import stat

import pytest

from dispatchserver.domain.errors import StoreDegraded, StoreUnavailable
from dispatchserver.stores import standing
from dispatchserver.stores.ballast import Ballast
from dispatchserver.stores.driver import Need
from dispatchserver.stores.standing import Watch
from tests.builders import an_attempt
from tests.clocks import until
from tests.houses import sqlite_house, sqlite_statements

MIB = 2**20


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(standing, "PROBE_S", 0.05)


@pytest.fixture
def heard():
    return []


@pytest.fixture
async def house(tmp_path, heard):
    watch = Watch(ballast=MIB, on_degraded=heard.append, on_end=heard.append)
    async with sqlite_house(tmp_path, watch) as opened:
        await until((tmp_path / "house.db.ballast").exists)
        yield opened


async def set_limit(house, pages):
    await house.driver.writer.execute(f"PRAGMA max_page_count = {pages}")


async def fill(house):
    (row,) = await house.driver.writer.fetch("PRAGMA page_count")
    await set_limit(house, row[0])
    with pytest.raises(StoreDegraded, match="full"):
        for number in range(999):
            await house.add(f"n{number}", note="x" * 2000)


async def free(house):
    await set_limit(house, 1_000_000)


async def test_a_full_disk_is_heard_of_once_and_so_is_its_end(house, heard):
    await fill(house)
    with pytest.raises(StoreDegraded):
        await house.add("refused", note="x" * 2000)
    with pytest.raises(StoreDegraded):
        await house.store.check()
    assert heard == [True]
    await free(house)
    await until(lambda: heard == [True, False])
    await house.add("after")
    await house.store.check()


async def test_while_it_lasts_callers_are_refused_without_being_tried(house, monkeypatch):
    monkeypatch.setattr(standing, "PROBE_S", 3600)
    await fill(house)
    await free(house)
    async with sqlite_statements(house) as seen:
        answers = await asyncio.gather(
            *(house.add(f"m{number}") for number in range(9)), return_exceptions=True
        )
    assert {type(answer) for answer in answers} == {StoreDegraded}
    assert seen == []


async def test_what_is_in_flight_is_booked_while_it_lasts(house, monkeypatch, tmp_path):
    monkeypatch.setattr(standing, "PROBE_S", 3600)
    fire = await house.claimed()
    await fill(house)
    await until(lambda: not (tmp_path / "house.db.ballast").exists())
    await free(house)
    await until(lambda: house.driver._standing.takes(Need.URGENT))
    assert await house.store.settle(fire, an_attempt(fire))
    with pytest.raises(StoreDegraded):
        await house.add("ordinary")


async def test_a_lock_of_another_process_degrades_nothing(house, heard, tmp_path):
    await house.driver.writer.execute("PRAGMA busy_timeout = 10")
    other = sqlite3.connect(tmp_path / "house.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="locked"):
        await house.add("refused")
    other.execute("COMMIT")
    await house.add("after")
    other.close()
    assert heard == []


# The ballast


@pytest.fixture
def database(tmp_path):
    return tmp_path / "dispatch.db"


@pytest.fixture
def file(tmp_path):
    return tmp_path / "dispatch.db.ballast"


def test_it_takes_the_room_that_it_frees(database, file):
    ballast = Ballast(database, MIB)
    assert ballast.make()
    assert file.stat().st_blocks * 512 >= MIB
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert ballast.give_up()
    assert not file.exists()
    assert not ballast.give_up(), "there is nothing left"
    assert ballast.make()


def test_one_of_another_size_is_made_anew(database, file):
    for size in (2 * MIB, MIB):
        assert Ballast(database, size).make()
        assert file.stat().st_size == size


def test_without_one_all_the_same_there_is_nothing_to_give_up(database, file):
    Ballast(database, MIB).make()
    ballast = Ballast(database, 0)
    assert ballast.make()
    assert not file.exists()
    assert not ballast.give_up()
