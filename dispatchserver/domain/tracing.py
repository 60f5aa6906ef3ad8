"""W3C trace context: one trace a fire, one span an attempt, both known from the fire alone."""

import hashlib

NOBODY = "0" * 16
ANYBODY = "0" * 15 + "1"


def span_id(fire_id: str, attempt: int) -> str:
    """The span of one attempt: 16 hex digits, never all zeros, the same wherever it is worked out."""
    digits = hashlib.sha256(f"{fire_id}|{attempt}".encode()).hexdigest()[:16]
    return digits if digits != NOBODY else ANYBODY


def traceparent(fire_id: str, attempt: int) -> str:
    """The header of one attempt. The fire's id is 32 hex digits, as a trace id is; being a hash or random, it is
    not all zeros, which the standard forbids. The trailing 01 says that the trace is to be kept."""
    return f"00-{fire_id}-{span_id(fire_id, attempt)}-01"
