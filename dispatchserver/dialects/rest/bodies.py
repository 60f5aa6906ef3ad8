"""Bodies of requests as JSON objects. Pure."""

from collections.abc import Mapping

from dispatchserver.domain import jsontext
from dispatchserver.domain.errors import Fault, Invalid, Refused
from dispatchserver.domain.faults import Faults
from dispatchserver.domain.fields import FieldReader, as_object
from dispatchserver.domain.jsontext import JsonValue
from dispatchserver.domain.recall import check_data


def read_object(body: bytes) -> Mapping[str, JsonValue]:
    """The object that a body holds as JSON in UTF-8; raises Refused."""
    try:
        return as_object(_text(body))
    except Invalid as invalid:
        raise Refused([Fault(field="body", code=invalid.code, params=invalid.params)]) from invalid


def _text(body: bytes) -> str:
    try:
        return body.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise Invalid("wire.utf8") from error


def read_own_data(body: bytes) -> str | None:
    """The `data` of a body as JSON text; None where there is no body, or none in it; raises Refused."""
    if not body.strip():
        return None
    asked, faults = read_object(body), Faults()
    reader = FieldReader(asked, faults)
    reader.has("data")
    data: JsonValue = None
    with faults.at("data"):
        data = check_data(asked.get("data"))
    reader.refuse_unread()
    faults.raise_if_any()
    return jsontext.dumps(data) if "data" in asked else None
