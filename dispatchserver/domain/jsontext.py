"""Strict reading and writing of JSON text: what PostgreSQL, SQLite and every receiver can agree on."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn, TypeAlias, Union

from dispatchserver.domain.errors import Invalid

JsonValue: TypeAlias = Union[  # noqa: UP007  (a recursive alias needs the spelled-out form)
    bool, int, float, str, Sequence["JsonValue"], Mapping[str, "JsonValue"], None
]

DEPTH_LIMIT = 64


def loads(text: str) -> JsonValue:
    """Reads JSON text; raises Invalid for anything that is not, or that stores could not keep faithfully.

    Refused beside plain syntax errors: NaN and Infinity, numbers beyond a float's range, a key given twice,
    NUL and lone surrogates in strings, nesting deeper than 64.
    """
    try:
        value: JsonValue = json.loads(
            text, parse_constant=_no_constant, object_pairs_hook=_unique, parse_float=_finite
        )
    except json.JSONDecodeError as error:
        raise Invalid("json.syntax", position=error.pos + 1) from error
    except RecursionError as error:
        raise Invalid("json.deep", limit=DEPTH_LIMIT) from error
    except ValueError as error:  # an integer of over 4,300 digits
        raise Invalid("json.number") from error
    check(value)
    return value


def check(value: JsonValue, depth: int = 0) -> None:
    """Raises Invalid where a value holds what cannot be stored: NUL, lone surrogates, or too deep a nest."""
    if depth > DEPTH_LIMIT:
        raise Invalid("json.deep", limit=DEPTH_LIMIT)
    if isinstance(value, str):
        check_text(value)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            check_text(key)
            check(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            check(item, depth + 1)


def check_text(text: str) -> None:
    """Raises Invalid for a string with NUL or a lone surrogate, which databases refuse."""
    if "\0" in text or any("\ud800" <= c <= "\udfff" for c in text):
        raise Invalid("json.text")


def dumps(value: object) -> str:
    """The shortest JSON text of a value, non-ASCII characters as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _no_constant(name: str) -> NoReturn:
    raise Invalid("json.constant", name=name)


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise Invalid("json.number")
    return number


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table: dict[str, Any] = {}
    for key, value in pairs:
        if key in table:
            raise Invalid("json.twice", key=key)
        table[key] = value
    return table
