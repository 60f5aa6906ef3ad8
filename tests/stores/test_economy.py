"""What the store saves: it keeps at hand what recurs, and asks no file for what memory holds. What it says is the same."""

import pytest

from dispatchserver.domain.placing import Placing
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
    with monkeypatch.context() as full:
        full.setattr(Placing, "room", lambda self, name: 0)
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
