"""What the built-in receiver says of a callback's signature."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from dispatchserver.receiver.signatures import WrongSignature, verify

OK, MISSING = "ok", "missing"


def look_at(secrets: Sequence[str], headers: Mapping[str, str], body: bytes, at: datetime) -> str:
    """ok; missing; or wrong, with the reason."""
    if "webhook-signature" not in headers:
        return MISSING
    try:
        verify(secrets, headers, body, now=at.timestamp())
    except WrongSignature as wrong:
        return f"wrong: {wrong}"
    return OK
