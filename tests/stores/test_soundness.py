"""A database that was not closed cleanly is checked first; a damaged one is refused and left as it is."""

import shutil

import pytest

from dispatchserver.domain.errors import StoreCorrupt
from dispatchserver.stores import soundness
from dispatchserver.stores.sqlite import SqliteDriver
from dispatchserver.stores.standing import Watch
from tests.clocks import until
from tests.houses import sqlite_house

PAGE = 4096


@pytest.fixture
async def crashed(tmp_path):
    """The folder of a database as a crash leaves it: with tasks in the file, and others in the log alone."""
    alive, dead = tmp_path / "alive", tmp_path / "dead"
    alive.mkdir()
    async with sqlite_house(alive) as house:
        for number in range(20):
            await house.add(f"old{number:02}")
        await house.driver.writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for number in range(20):
            await house.add(f"new{number:02}")
        shutil.copytree(alive, dead)
    return dead


def contents(folder):
    return {
        path.name: path.read_bytes() for path in folder.iterdir() if path.name != "house.db.lock"
    }


def overwrite(path, offset):
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(b"\xff" * PAGE)


async def told(caplog, folder):
    """What opening says of its check."""
    caplog.clear()
    caplog.set_level("INFO", logger=soundness.__name__)
    async with sqlite_house(folder) as house:
        names = await house.tasks()
    return names, [record.message for record in caplog.records if record.name == soundness.__name__]


async def test_a_clean_stop_needs_no_check_and_a_crash_does(caplog, crashed):
    assert (await told(caplog, crashed))[1] == ["store.checked"]
    assert (await told(caplog, crashed))[1] == []


async def test_what_was_committed_is_there_after_a_crash(caplog, crashed):
    names, _ = await told(caplog, crashed)
    assert len(names) == 40


async def test_a_torn_end_of_the_log_costs_nothing_that_was_committed_before_it(caplog, crashed):
    log = crashed / "house.db-wal"
    with log.open("r+b") as file:
        file.truncate(log.stat().st_size - 100)
    names, said = await told(caplog, crashed)
    assert said == ["store.checked"]
    assert names == [*(f"new{n:02}" for n in range(19)), *(f"old{n:02}" for n in range(20))]


@pytest.mark.parametrize("page", [0, 2, 5, 9], ids="page {}".format)
async def test_an_overwritten_page_is_refused_and_nothing_is_changed(crashed, page):
    (crashed / "house.db-wal").unlink()  # which would hold some of the pages anew
    overwrite(crashed / "house.db", page * PAGE)
    before = contents(crashed)["house.db"]
    with pytest.raises(StoreCorrupt):
        await SqliteDriver.open(crashed / "house.db", exclusive=True)
    assert contents(crashed)["house.db"] == before


async def test_a_check_that_takes_too_long_is_left_and_told(caplog, crashed, monkeypatch):
    monkeypatch.setattr(soundness, "BUDGET_S", 0.0)
    monkeypatch.setattr(soundness, "STEPS_BETWEEN_LOOKS", 1)
    names, said = await told(caplog, crashed)
    assert said[0] == "store.check_unfinished"
    assert len(names) == 40


@pytest.fixture
def impatient(monkeypatch):
    """No check is through before the server starts."""
    monkeypatch.setattr(soundness, "BUDGET_S", 0.0)
    monkeypatch.setattr(soundness, "STEPS_BETWEEN_LOOKS", 1)


def watch(ends):
    return Watch(ballast=0, on_degraded=ends.append, on_end=ends.append)


async def test_a_check_that_takes_too_long_goes_on_beside_the_server(impatient, crashed):
    ends = []
    async with sqlite_house(crashed, watch(ends)) as house:
        assert house.store.checking
        assert len(await house.tasks()) == 40
        await until(lambda: not house.store.checking)
        await house.add("after")
    assert ends == []


async def test_what_a_check_beside_the_server_finds_ends_the_server(impatient, crashed):
    (crashed / "house.db-wal").unlink()
    overwrite(crashed / "house.db", 9 * PAGE)
    ends = []
    driver = await SqliteDriver.open(crashed / "house.db", exclusive=True, watch=watch(ends))
    await until(lambda: ends)
    assert [type(end) for end in ends] == [StoreCorrupt]
    with pytest.raises(StoreCorrupt):
        await driver.check()
    await driver.close()
    with pytest.raises(StoreCorrupt):  # nor does its end count as a clean one
        await soundness.Check(crashed / "house.db").begin(30)


async def test_a_check_that_is_broken_off_by_a_stop_begins_again_at_the_next_start(
    caplog, impatient, crashed, monkeypatch
):
    driver = await SqliteDriver.open(crashed / "house.db", exclusive=True)
    await driver.close()
    monkeypatch.undo()
    assert (await told(caplog, crashed))[1] == ["store.checked"]


async def test_a_backup_of_a_database_in_use_is_checked_when_it_is_put_in_place(caplog, tmp_path):
    async with sqlite_house(tmp_path) as house:
        await house.add()
        await house.driver.writer.execute("VACUUM INTO $1", str(tmp_path / "copy.db"))
    (tmp_path / "copy.db").replace(tmp_path / "house.db")
    assert await told(caplog, tmp_path) == (["task"], ["store.checked"])
