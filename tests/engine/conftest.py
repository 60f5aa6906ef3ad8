"""The works: see works.py."""

import pytest

from tests.clocks import ManualClock
from tests.engine.works import Works
from tests.houses import sqlite_house


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
async def house(tmp_path):
    async with sqlite_house(tmp_path) as opened:
        yield opened


@pytest.fixture
async def works(house, clock):
    return Works(house, clock)
