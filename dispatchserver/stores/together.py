"""Many rows told as one text.

A thread that reads a row hands the interpreter over for each, and has to get it back from a loop that is busy: a hundred rows
take a hundred times as long as one, and disturb the loop as often. As one JSON text they are a single row. Rows with long
documents, of up to 256 KiB each, are not told so: their texts would be in memory several times.
"""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from dispatchserver.stores.driver import Row

SHORT = 8_192
"""How many characters the documents of a row have together at most, to be told with others."""


class Told:
    """One of them: a driver.Row."""

    __slots__ = ("_places", "_values")

    def __init__(self, values: Sequence[Any], places: Mapping[str, int]) -> None:
        self._values = values
        self._places = places

    def __getitem__(self, column: str | slice) -> Any:
        return self._values[column if isinstance(column, slice) else self._places[column]]


@cache
def naming(sql: str) -> str:
    """What has the columns of a SELECT, and none of its rows."""
    return f"SELECT * FROM ({sql}) LIMIT 0"


@cache
def telling(sql: str, names: Sequence[str]) -> str:
    """What tells all rows of a SELECT in one, and how many it leaves out since they are long. That has to say its LIMIT:
    so its order holds.
    """
    columns = ", ".join(f'"{name}"' for name in names)
    documents = [f"length(coalesce(\"{name}\", ''))" for name in names if name.endswith("_json")]
    short = f"FILTER (WHERE {' + '.join(documents) or '0'} <= {SHORT})"
    told = f"json_group_array(json_array({columns})) {short} AS told"
    return f"SELECT {told}, count(*) - count(*) {short} AS left_out FROM ({sql})"


def read(told: str, names: Sequence[str]) -> list[Row]:
    """The rows of such a text."""
    places = {name: place for place, name in enumerate(names)}
    return [Told(values, places) for values in json.loads(told)]
