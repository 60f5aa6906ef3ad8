"""The values of one field, listed as a person would: single ones, runs, even steps."""

from collections.abc import Sequence
from itertools import pairwise

from dispatchserver.domain.cronfields import Field
from dispatchserver.domain.descriptions import Numbers, Run

ISO_WEEKDAY = Field("weekday", 1, 7)
SHORTEST_RUN = 3
LISTED_VALUES = 6


def numbers(of: Field, mask: int, *, listed: int = LISTED_VALUES, wraps: bool = False) -> Numbers:
    """These values of a field as a person would list them; more than `listed` in even steps become one run."""
    values = values_of(mask, of)
    steps = {later - earlier for earlier, later in pairwise(values)}
    if len(steps) != 1:
        return Numbers(_runs(of, values, wraps=wraps))
    (step,) = steps
    fills = (of.high - of.low + 1) % step == 0 and values[0] == of.low
    every = step if fills and values[-1] + step > of.high else 0
    if step > 1 and len(values) > listed:
        return Numbers((Run(values[0], values[-1], step),), every)
    return Numbers(_runs(of, values, wraps=wraps), every)


def _runs(of: Field, values: Sequence[int], *, wraps: bool) -> tuple[Run, ...]:
    """Single values, and three or more in a row as one run."""
    rows = [[values[0]]]
    for value in values[1:]:
        if value == rows[-1][-1] + 1:
            rows[-1].append(value)
        else:
            rows.append([value])
    if wraps and len(rows) > 1 and (rows[0][0], rows[-1][-1]) == (of.low, of.high):
        rows = [*rows[1:-1], rows[-1] + rows[0]]
    return tuple(run for row in rows for run in _as_runs(row))


def _as_runs(row: Sequence[int]) -> list[Run]:
    if len(row) >= SHORTEST_RUN:
        return [Run(row[0], row[-1])]
    return [Run(value, value) for value in row]


def values_of(mask: int, of: Field) -> list[int]:
    """The numbers of the set bits that a field can hold."""
    return [value for value in range(of.low, of.high + 1) if mask >> value & 1]
