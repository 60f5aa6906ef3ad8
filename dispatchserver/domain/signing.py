"""Signed callbacks, by the rules of Standard Webhooks: a group's keys, and what is signed with them. Pure."""

import base64
import binascii
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from dispatchserver.domain.errors import (
    Invalid,
    SigningKeyNotFound,
    SigningKeysChanged,
    SigningKeysFull,
)
from dispatchserver.domain.moments import MILLISECOND

PREFIX = "whsec_"
KEY_BYTES = (24, 64)
KEYS_LIMIT = 2
NEW_KEY_BYTES = 32
KEEP_FORMER = timedelta(hours=24)
LONGEST_KEEP = timedelta(days=365)


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """One of a group's keys. Callbacks are signed with it until `until`; None: until it is retired."""

    id: str
    key: str = field(repr=False)
    since: datetime
    until: datetime | None = None

    def lives(self, now: datetime) -> bool:
        return self.until is None or self.until > now


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """What is asked of a new key: its text (None: the server makes one); how long the one before it is kept (None:
    until it is retired; nothing: all that live end now); and the id of the newest key that the asker saw
    ("": there was none; None: it does not matter)."""

    key: str | None = field(default=None, repr=False)
    keep: timedelta | None = KEEP_FORMER
    seen: str | None = None


DecideKeys = Callable[[Sequence[SigningKey]], Sequence[SigningKey]]
"""Given a group's live keys, the newest first, those it is to have, in the same order; or raises a DispatchError."""


def rotated(group: str, fresh: SigningKey, asked: Rotation) -> DecideKeys:
    """Makes the fresh key the newest, and keeps the one before it for as long as is asked.

    The decision raises SigningKeysFull, SigningKeysChanged, and Invalid for a key that the group has already.
    """

    def decide(standing: Sequence[SigningKey]) -> Sequence[SigningKey]:
        if asked.seen not in (None, standing[0].id if standing else ""):
            raise SigningKeysChanged(group)
        if any(_bytes(key.key) == _bytes(fresh.key) for key in standing):
            raise Invalid("signing.same")
        if not standing or asked.keep == timedelta(0):
            return [fresh]
        if len(standing) == KEYS_LIMIT:
            raise SigningKeysFull(group, standing[-1].id)
        former = standing[0]
        until = None if asked.keep is None else fresh.since + asked.keep
        since = max(fresh.since, former.since + MILLISECOND)  # also by a clock that was set back
        return [replace(fresh, since=since), replace(former, until=until)]

    return decide


def retired(group: str, key_id: str) -> DecideKeys:
    """Ends one key at once. Where it was the newest, the other stays for good: callbacks never turn unsigned by time.

    The decision raises SigningKeyNotFound.
    """

    def decide(standing: Sequence[SigningKey]) -> Sequence[SigningKey]:
        left = [key for key in standing if key.id != key_id]
        if len(left) == len(standing):
            raise SigningKeyNotFound(group, key_id, [key.id for key in standing])
        return [replace(key, until=None) for key in left] if standing[0].id == key_id else left

    return decide


def check_keep(span: timedelta) -> timedelta:
    """How long a former key may be kept when that is told as a time; raises Invalid."""
    if span > LONGEST_KEEP:
        raise Invalid("signing.keep", days=LONGEST_KEEP.days)
    return span


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
