"""Who shares a concurrency key under another limit is found, also among tasks of before the key had a column."""

import pytest

from dispatchserver.domain.concurrency import ConcurrencyKey
from dispatchserver.domain.task import Policies
from dispatchserver.stores.migrate import known
from tests.builders import a_key, a_task
from tests.houses import sqlite_house


def sharing(limit):
    return Policies(concurrency=ConcurrencyKey(name="db", limit=limit))


@pytest.fixture
async def house(tmp_path):
    async with sqlite_house(tmp_path) as opened:
        yield opened


async def test_one_of_the_same_namespace_is_found_with_its_limit(house):
    await house.add("two", policies=sharing(2))
    await house.add("far", policies=sharing(9), namespace="elsewhere")
    asks = a_task(name="three", policies=sharing(3))
    assert await house.store.find_other_limit(asks) == (a_key("two"), 2)
    assert await house.store.find_other_limit(a_task(policies=sharing(2))) is None
    assert await house.store.find_other_limit(a_task()) is None


async def test_a_database_of_before_is_brought_up_to_it(house):
    await house.add("old", policies=sharing(2))
    await house.add("none")
    (step,) = (each for each in known("sqlite") if each.name == "dead_letters")
    back = (
        "DROP INDEX tasks_key; DROP INDEX fires_dead;"
        "ALTER TABLE tasks DROP COLUMN ckey; ALTER TABLE tasks DROP COLUMN ckey_limit;"
    )
    await house.driver.writer.script(back + step.sql)
    asks = a_task(name="new", policies=sharing(3))
    assert await house.store.find_other_limit(asks) == (a_key("old"), 2)
    found = await house.driver.writer.fetch("SELECT name FROM tasks WHERE ckey IS NOT NULL")
    assert [row["name"] for row in found] == ["old"]
