"""Strict reading and writing of JSON text: what PostgreSQL, SQLite and every receiver can agree on."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn, TypeAlias, Union

from dispatchserver.domain.errors import Invalid

JsonValue: TypeAlias = Union[  # noqa: UP007  (a recursive alias needs the spelled-out form)
    bool, int, float, str, Sequence["JsonValue"], Mapping[str, "JsonValue"], None
]

DEPTH_LIMIT = 64
UNSTORABLE = re.compile(r"[\0\ud800-\udfff]")


def loads(text: str) -> JsonValue:
    """Reads JSON text; raises Invalid for anything that is not, or that stores could not keep faithfully.

    Refused beside plain syntax errors: NaN and Infinity, numbers beyond a float's range, a key given twice,
    NUL and lone surrogates in strings, nesting deeper than 64.
    """
    try:
        value: JsonValue = DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise Invalid("json.syntax", position=error.pos + 1) from error
    except RecursionError as error:
        raise Invalid("json.deep", limit=DEPTH_LIMIT) from error
    except ValueError as error:  # an integer of over 4,300 digits
        raise Invalid("json.number") from error
    check_said(value, text)
    return value


def check_said(value: JsonValue, text: str) -> None:
    """As `check`, of a value whose JSON text is this: most texts show that nothing in them can be refused."""
    # There is no NUL without an escape, no surrogate in ASCII, and no depth without brackets.
    brackets = text.count("{") + text.count("[")
    if brackets > DEPTH_LIMIT or "\\u" in text or (not text.isascii() and UNSTORABLE.search(text)):
        check(value)


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
    if UNSTORABLE.search(text):
        raise Invalid("json.text")


def dumps(value: object) -> str:
    """The shortest JSON text of a value, non-ASCII characters as they are."""
    return ENCODER.encode(value)


def _no_constant(name: str) -> NoReturn:
    raise Invalid("json.constant", name=name)


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise Invalid("json.number")
    return number


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        names = [name for name, _ in pairs]
        raise Invalid("json.twice", key=next(n for i, n in enumerate(names) if n in names[:i]))
    return table


# Made once: making one takes longer than reading a short text.
DECODER = json.JSONDecoder(
    parse_constant=_no_constant, object_pairs_hook=_unique, parse_float=_finite
)
ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)
