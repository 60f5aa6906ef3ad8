"""Writes that nobody waits for share a transaction; one that somebody waits for takes them along at once."""

import asyncio

import pytest

from dispatchserver.stores import groupcommit
from dispatchserver.stores.groupcommit import WORTH_A_COMMIT
from dispatchserver.stores.sqlite import SqliteDriver

FOR_EVER = 3600


class Commits(list):
    """How many writes shared each transaction."""

    def __call__(self, writes, seconds, stored):
        assert stored
        self.append(writes)


@pytest.fixture
async def opened(tmp_path):
    commits = Commits()
    driver = await SqliteDriver.open(tmp_path / "a.db", exclusive=True, on_commit=commits)
    yield driver, commits
    await driver.close()


async def nothing(tx, asked):
    return list(asked)


async def both(driver, count):
    """So many patient writes, under way."""
    writes = [asyncio.ensure_future(driver.submit(nothing, n, patient=True)) for n in range(count)]
    await asyncio.sleep(0)
    return writes


async def test_patient_writes_that_come_one_by_one_share_a_transaction(opened):
    driver, commits = opened
    writes = []
    for _ in range(5):
        writes += await both(driver, 1)
    await asyncio.gather(*writes)
    assert commits == [5]


async def test_a_write_that_somebody_waits_for_takes_the_patient_ones_along(opened, monkeypatch):
    monkeypatch.setattr(groupcommit, "PATIENCE_S", FOR_EVER)
    driver, commits = opened
    writes = await both(driver, 3)
    await driver.submit(nothing, 3)
    assert await asyncio.gather(*writes) == [0, 1, 2]
    assert commits == [4]


async def test_many_patient_writes_wait_no_longer(opened, monkeypatch):
    monkeypatch.setattr(groupcommit, "PATIENCE_S", FOR_EVER)
    driver, commits = opened
    await asyncio.gather(*await both(driver, WORTH_A_COMMIT))
    assert commits == [WORTH_A_COMMIT]


async def test_closing_stores_what_was_patient(tmp_path, monkeypatch):
    monkeypatch.setattr(groupcommit, "PATIENCE_S", FOR_EVER)
    commits = Commits()
    driver = await SqliteDriver.open(tmp_path / "a.db", exclusive=True, on_commit=commits)
    writes = await both(driver, 2)
    await driver.close()
    assert await asyncio.gather(*writes) == [0, 1]
