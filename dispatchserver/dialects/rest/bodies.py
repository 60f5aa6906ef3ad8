"""Bodies of requests as JSON objects. Pure."""

from collections.abc import Mapping

from dispatchserver.domain.errors import Faults, Invalid
from dispatchserver.domain.fields import as_object
from dispatchserver.domain.jsontext import JsonValue


def read_object(body: bytes) -> Mapping[str, JsonValue]:
    """The object that a body holds as JSON in UTF-8; raises Refused."""
    faults = Faults()
    asked: Mapping[str, JsonValue] = {}
    with faults.at("body"):
        asked = as_object(_text(body))
    faults.raise_if_any()
    return asked


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid("wire.utf8") from error
