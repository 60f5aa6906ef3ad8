"""One statement for many rows: whatever they have in common or not, each is written as it was given."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dispatchserver.stores.batches import put, put_fenced
from dispatchserver.stores.sql import these

MAKE = "CREATE TABLE IF NOT EXISTS stock (id BIGINT, item TEXT, shelf TEXT, held BIGINT)"
EMPTY = "DELETE FROM stock"
STORE = f"INSERT INTO stock (id, item, shelf, held) {these('id BIGINT, item TEXT', alike='shelf TEXT, held BIGINT')}"
TAKE = f"""
UPDATE stock SET held = s.held FROM ({these("id BIGINT", alike="held BIGINT")}) s
WHERE stock.id = s.id AND stock.held = 0 RETURNING stock.id
"""
ALL = "SELECT id, item, shelf, held FROM stock ORDER BY id"
TEXTS = st.sampled_from([None, "", "a", "b"])
CONTENTS = st.lists(st.tuples(TEXTS, TEXTS, st.sampled_from([None, 0, 1])), max_size=150)


async def written(house, work):
    """What a transaction answers that does this work."""

    async def operation(tx, arguments):
        return [await argument(tx) for argument in arguments]

    return await house.driver.submit(operation, work)


async def contents(tx):
    return [tuple(row[:4]) for row in await tx.fetch(ALL)]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=CONTENTS)
async def test_all_rows_are_written_as_they_were_given(house, rows):
    stock = [(number, *row) for number, row in enumerate(rows)]

    async def work(tx):
        await tx.execute(MAKE)
        await tx.execute(EMPTY)
        assert await put(tx, STORE, stock) == len(stock)
        return await contents(tx)

    assert await written(house, work) == stock


@pytest.mark.parametrize("taken", [(), (3,), (0, 1, 2), tuple(range(70))])
async def test_it_is_known_which_rows_met_the_condition_and_the_others_stay(house, taken):
    async def work(tx):
        await tx.execute(MAKE)
        await tx.execute(EMPTY)
        await put(tx, STORE, [(n, "x", "y", int(n in taken)) for n in range(70)])
        met = await put_fenced(tx, TAKE, [(n, 7) for n in range(70)])
        return met, await contents(tx)

    met, stock = await written(house, work)
    assert met == {(n,) for n in range(70) if n not in taken}
    assert stock == [(n, "x", "y", 1 if n in taken else 7) for n in range(70)]


class Overheard:
    """A transaction, and how many values each of its statements was given."""

    def __init__(self, tx):
        self._tx = tx
        self.values = []

    async def execute(self, sql, *args):
        self.values.append(len(args))
        return await self._tx.execute(sql, *args)


@pytest.mark.parametrize(("shelves", "values"), [("yyy", 4 * 2 + 2), ("yyz", 4 * 4)])
async def test_what_all_rows_have_in_common_is_told_once(house, shelves, values):
    stock = [(number, "x", shelf, 0) for number, shelf in enumerate(shelves)]

    async def work(tx):
        await tx.execute(MAKE)
        await tx.execute(EMPTY)
        overheard = Overheard(tx)
        await put(overheard, STORE, stock)
        assert await contents(tx) == stock
        return overheard.values

    assert await written(house, work) == [values]
