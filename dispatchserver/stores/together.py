"""Many rows told as one text.

A thread that reads a row hands the interpreter over for each, and has to get it back from a loop that is busy: a hundred rows
take a hundred times as long as one, and disturb the loop as often. As one JSON text they are a single row.
"""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from dispatchserver.stores.driver import Row


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
    """What tells all rows of a SELECT in one. That has to say its LIMIT: so its order holds."""
    columns = ", ".join(f'"{name}"' for name in names)
    return f"SELECT json_group_array(json_array({columns})) AS told FROM ({sql})"


def read(told: str, names: Sequence[str]) -> list[Row]:
    """The rows of such a text."""
    places = {name: place for place, name in enumerate(names)}
    return [Told(values, places) for values in json.loads(told)]
