"""How a golden test tells its tally: one line that ends in the summary of every run."""

from collections.abc import Callable, Sequence

import pytest

from tests.golden.vectors import Vector

Compare = Callable[[Vector], str | None]
Agree = Callable[[str, Sequence[Vector], Compare], None]


@pytest.fixture
def agree(record_property: Callable[[str, object], None]) -> Agree:
    """Compares each vector, tells "N of N …", and fails with the first differences."""

    def check(what: str, chosen: Sequence[Vector], compare: Compare) -> None:
        found = {v["id"]: differs for v in chosen if (differs := compare(v)) is not None}
        line = f"{len(chosen) - len(found)} of {len(chosen)} {what}"
        print(line)
        record_property("golden", line)
        assert chosen
        assert not found, "\n".join(f"{name}: {differs}" for name, differs in [*found.items()][:5])

    return check
