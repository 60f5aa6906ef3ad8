"""A database that a measurement fills is like one that has run for days, so that it measures what it says."""

import time
from datetime import UTC, datetime

from bench import fill
from dispatchserver.stores.condition import look_over
from tests.houses import sqlite_house

HOUR_MS = 3600 * 1000


async def test_fires_lie_evenly_over_the_days_and_can_be_read_like_any(tmp_path):
    await fill.main(tmp_path / "house.db", tasks=30, fires=2_000, days=1)
    async with sqlite_house(tmp_path) as house:
        now = time.time() * 1000
        found = await house.driver.page_reader.fetch(
            "SELECT count(*) AS n, $1 - min(due_at) AS oldest, $1 - max(due_at) AS newest FROM fires",
            now,
        )
        assert found[0]["n"] == 2_000
        assert 23.9 < found[0]["oldest"] / HOUR_MS < 24.5
        assert 0 < found[0]["newest"] / HOUR_MS < 0.2
        fires = await house.fires()
        assert {str(fire.state) for fire in fires} == {"succeeded", "failed", "skipped"}
        sent = next(fire for fire in fires if fire.attempts)
        assert len(await house.store.list_attempts(sent.id)) == 1
        assert None not in await house.store.find_recalls(fires)
        assert len(await house.tasks()) == 30
    condition = look_over(tmp_path / "house.db", datetime.now(UTC))
    assert (condition.damage, set(condition.strays.values())) == ([], {0})
