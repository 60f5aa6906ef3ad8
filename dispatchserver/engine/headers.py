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


def render_headers(fire: Fire, sent_at: datetime) -> tuple[tuple[str, str], ...]:
    """The headers of one attempt. The fire's id is the same in every attempt, so it serves as idempotency key.

    Group and name are percent-encoded UTF-8, since headers take no other characters safely.
    """
    whole = (
        ("Content-Type", "application/json; charset=utf-8"),
        ("X-Dispatch-Fire-Id", fire.id),
        ("X-Dispatch-Attempt", str(fire.attempts)),
        ("X-Dispatch-Scheduled-Time", iso(fire.due_at)),
        ("X-Dispatch-Kind", fire.kind),
        ("X-Dispatch-Group", _encoded(fire.key.group)),
        ("X-Dispatch-Name", _encoded(fire.key.name)),
        ("X-Dispatch-Priority", str(fire.priority)),
        ("Idempotency-Key", fire.id),
        ("traceparent", traceparent(fire.id, fire.attempts)),
        ("webhook-id", fire.id),
        ("webhook-timestamp", str(_seconds(sent_at))),
    )
    return whole if fire.shards == 1 else whole + _shard(fire)


@lru_cache(maxsize=4_096)
def _encoded(name: str) -> str:
    return name if PLAIN.fullmatch(name) else quote(name, safe="")


def _shard(fire: Fire) -> tuple[tuple[str, str], ...]:
    return (
        ("X-Dispatch-Shard-Index", str(fire.shard)),
        ("X-Dispatch-Shard-Total", str(fire.shards)),
    )


def sign(
    keys: Sequence[str], fire: Fire, sent_at: datetime, body: bytes
) -> tuple[tuple[str, str], ...]:
    """The header that proves where the attempt comes from, by the keys of its group."""
    return (("webhook-signature", signature(keys, fire.id, _seconds(sent_at), body)),)


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
