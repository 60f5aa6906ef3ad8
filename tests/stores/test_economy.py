"""What the store saves: it keeps at hand what recurs, and asks no file for what memory holds. What it says is the same."""

from dataclasses import replace

import pytest

from dispatchserver.domain.destination import Pool
from dispatchserver.domain.placing import anywhere
from dispatchserver.domain.recall import HttpRecall
from dispatchserver.stores import claims, specs
from dispatchserver.stores.triggerspecs import read_delay, trigger_json
from tests.builders import NOON, at, every, once
from tests.stores.test_destinations import closed


async def test_what_a_write_would_undo_is_kept_in_memory_also_after_the_migrations(house):
    (row,) = await house.driver.writer.fetch("PRAGMA temp_store")
    assert row["temp_store"] == 2


async def test_however_many_fires_were_set_aside_a_restart_takes_back_all(house, monkeypatch):
    monkeypatch.setattr(claims, "WEIGHED_AT_ONCE", 2)
    for n in range(5):
        await house.add(f"t{n}", once())
    await house.plan()
    await house.store.claim("a", NOON, 10, at(60), lambda: closed(NOON))
    assert all(fire.behind for fire in await house.fires())
    await house.store.weigh_anew()
    assert not any(fire.behind for fire in await house.fires())
    assert len(await house.claim()) == 5


@pytest.mark.parametrize(("size", "kept"), [(10, True), (200_000, False)])
def test_a_recall_read_again_is_the_same_one_unless_its_data_are_large(size, kept):
    text = specs.recall_json(HttpRecall(url="http://a.example/", data="x" * size))
    first, again = specs.read_recall(text), specs.read_recall(text[:1] + text[1:])
    assert first == again
    assert (first is again) == kept


def test_a_trigger_without_a_delay_has_none():
    assert read_delay(trigger_json(every(60))) is None


async def test_of_equal_rank_the_fires_that_were_made_first_are_claimed_first(house):
    names = [f"t{n}" for n in range(20)]
    for name in names:
        await house.add(name, once())
        await house.plan()
    first, second = await house.claim(limit=8), await house.claim(limit=20)
    assert [fire.key.name for fire in (*first, *second)] == names


async def test_of_equal_rank_what_was_set_aside_goes_before_what_came_later(house):
    await house.add("early", once())
    await house.plan()
    await house.store.claim("a", NOON, 10, at(60), lambda: closed(NOON))
    (aside,) = await house.fires()
    await house.add("late", once())
    await house.plan()
    open_again = replace(anywhere(), now=NOON, parked={aside.behind: Pool((aside.behind,))})
    claims = await house.store.claim("a", NOON, 10, at(60), lambda: open_again)
    assert [one.fire.key.name for one in claims.assignments] == ["early", "late"]
