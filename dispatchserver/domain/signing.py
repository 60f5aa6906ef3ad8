"""Signed callbacks, by the rules of Standard Webhooks: a group's keys, and what is signed with them. Pure."""

import base64
import binascii
import hmac
from collections.abc import Sequence

from dispatchserver.domain.errors import Invalid

PREFIX = "whsec_"
KEY_BYTES = (24, 64)
KEYS_LIMIT = 2


def signature(keys: Sequence[str], fire_id: str, timestamp: int, body: bytes) -> str:
    """The header `webhook-signature`: one signature a key, the newest first, each `v1,` and Base64 of HMAC-SHA256.

    Signed is `id.timestamp.body`, so that neither can be exchanged; the timestamp is the attempt's, in seconds.
    """
    signed = f"{fire_id}.{timestamp}.".encode() + body
    made = (hmac.digest(_bytes(key), signed, "sha256") for key in keys)
    return " ".join(f"v1,{base64.b64encode(one).decode()}" for one in made)


def key_text(random: bytes) -> str:
    """A key as receivers are given it."""
    return PREFIX + base64.b64encode(random).decode()


def check_key(text: str) -> str:
    """The key when it is `whsec_` and Base64 of 24 to 64 bytes; raises Invalid."""
    least, most = KEY_BYTES
    try:
        length = len(_bytes(text))
    except binascii.Error:
        length = 0
    if not text.startswith(PREFIX) or not least <= length <= most:
        raise Invalid("signing.key", least=least, most=most)
    return text


def masked(key: str) -> str:
    """What may be shown of a key: how it begins."""
    return f"{key[: len(PREFIX) + 4]}…"


def _bytes(key: str) -> bytes:
    return base64.b64decode(key.removeprefix(PREFIX), validate=True)
