"""Every kind of store, opened empty. A further database is one more entry in HOUSES and TRACES."""

import pytest

from tests.houses import HOUSES, TRACES


@pytest.fixture(params=sorted(HOUSES))
async def house(request, tmp_path):
    async with HOUSES[request.param](tmp_path) as opened:
        opened.statements = lambda: TRACES[request.param](opened)
        yield opened
