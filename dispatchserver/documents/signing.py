"""What doors are asked of signing keys, as JSON that they share. A key that was sent is never repeated. Pure."""

from collections.abc import Mapping
from datetime import timedelta

from dispatchserver.domain.faults import Faults
from dispatchserver.domain.fields import FieldReader, as_duration, as_text
from dispatchserver.domain.jsontext import JsonValue
from dispatchserver.domain.signing import KEEP_FORMER, Rotation, check_keep, check_key

FOREVER = "forever"
FIELDS = ("key", "keep")


def read_rotation(
    values: Mapping[str, JsonValue], faults: Faults, seen: str | None = None
) -> Rotation:
    """The key and the time that stand there; what is absent is made by the server, or is its usual time."""
    key, sent = None, values.get("key")
    if sent not in (None, ""):
        with faults.at("key"):
            key = check_key(as_text(sent).strip())
    keep = FieldReader(values, faults).take("keep", _read_keep, KEEP_FORMER)
    return Rotation(key=key, keep=keep, seen=seen)


def _read_keep(value: JsonValue) -> timedelta | None:
    if isinstance(value, str) and value.strip().lower() == FOREVER:
        return None
    return check_keep(as_duration(value))
