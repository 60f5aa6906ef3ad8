"""What a callback tells about itself in HTTP headers; the body stays the owner's."""

import re
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from urllib.parse import quote

from dispatchserver.domain.fire import Fire
from dispatchserver.domain.moments import iso
from dispatchserver.domain.signing import signature
from dispatchserver.domain.tracing import traceparent

PLAIN = re.compile(r"[A-Za-z0-9_.~-]*")
"""What is the same encoded; most names are."""


def render_headers(fire: Fire, sent_at: datetime) -> str:
    """The header lines of one attempt, as they are sent. The fire's id is the same in every attempt, so it serves as
    idempotency key.

    Group and name are percent-encoded UTF-8, since headers take no other characters safely.
    """
    fire_id, attempt = fire.id, fire.attempts
    # one text, since every callback pays for it
    lines = (
        f"X-Dispatch-Fire-Id: {fire_id}\r\n"
        f"X-Dispatch-Attempt: {attempt}\r\n"
        f"X-Dispatch-Scheduled-Time: {iso(fire.due_at)}\r\n"
        f"X-Dispatch-Kind: {fire.kind}\r\n"
        f"X-Dispatch-Group: {_encoded(fire.key.group)}\r\n"
        f"X-Dispatch-Name: {_encoded(fire.key.name)}\r\n"
        f"X-Dispatch-Priority: {fire.priority}\r\n"
        f"Idempotency-Key: {fire_id}\r\n"
        f"traceparent: {traceparent(fire_id, attempt)}\r\n"
        f"webhook-id: {fire_id}\r\n"
        f"webhook-timestamp: {_seconds(sent_at)}\r\n"
    )
    return lines if fire.shards == 1 else lines + _shard(fire)


@lru_cache(maxsize=4_096)
def _encoded(name: str) -> str:
    return name if PLAIN.fullmatch(name) else quote(name, safe="")


def _shard(fire: Fire) -> str:
    return f"X-Dispatch-Shard-Index: {fire.shard}\r\nX-Dispatch-Shard-Total: {fire.shards}\r\n"


def sign(keys: Sequence[str], fire: Fire, sent_at: datetime, body: bytes) -> str:
    """The header line that proves where the attempt comes from, by the keys of its group."""
    return f"webhook-signature: {signature(keys, fire.id, _seconds(sent_at), body)}\r\n"


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
