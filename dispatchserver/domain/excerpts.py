"""What somebody sent, cut to what fits into a message or a log."""

import json

SENT_LIMIT = 120


def excerpt(sent: object) -> str | None:
    """What was sent, as one short printable line; None when nothing was."""
    if sent is None:
        return None
    shown = sent if isinstance(sent, str) else json.dumps(sent, ensure_ascii=False, default=str)
    text = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in shown[: SENT_LIMIT + 1])
    return text if len(text) <= SENT_LIMIT else text[:SENT_LIMIT] + "…"
