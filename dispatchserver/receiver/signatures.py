"""Checks the signature of a callback, by the rules of Standard Webhooks. Needs nothing but Python."""

import base64
import binascii
import hmac
import time
from collections.abc import Mapping, Sequence

PREFIX = "whsec_"
SCHEME = "v1"
TOLERANCE_S = 300


class WrongSignature(Exception):
    """The callback is not to be trusted; the text says why."""


def verify(
    secrets: str | Sequence[str],
    headers: Mapping[str, str],
    body: bytes,
    *,
    tolerance_s: float = TOLERANCE_S,
    now: float | None = None,
) -> str:
    """The callback's id, the same in every attempt of one fire; raises WrongSignature.

    `secrets` are the group's keys (`whsec_…`), two while they are being rotated. `headers` are the request's,
    in any case; `body` is what came, byte for byte, before anything parsed it. A callback that was signed
    longer than `tolerance_s` seconds ago, or so much ahead of this clock, is refused, so that nobody can send
    it again later. `now` is the time in seconds since 1970, this machine's by default.
    """
    told = {name.lower(): value for name, value in headers.items()}
    callback_id, timestamp, signatures = (
        _header(told, name) for name in ("webhook-id", "webhook-timestamp", "webhook-signature")
    )
    _check_time(timestamp, time.time() if now is None else now, tolerance_s)
    keys = [secrets] if isinstance(secrets, str) else secrets
    signed = f"{callback_id}.{timestamp}.".encode() + body
    expected = [hmac.digest(_key(secret), signed, "sha256") for secret in keys]
    for found in _read_signatures(signatures):
        if any(hmac.compare_digest(found, ours) for ours in expected):
            return callback_id
    raise WrongSignature("no signature in webhook-signature was made with any of these keys")


def _header(headers: Mapping[str, str], name: str) -> str:
    if not headers.get(name):
        raise WrongSignature(f"the header {name} is missing")
    return headers[name]


def _check_time(timestamp: str, now: float, tolerance_s: float) -> None:
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise WrongSignature("webhook-timestamp is not a number of seconds")
    if abs(now - int(timestamp)) > tolerance_s:
        raise WrongSignature(
            f"the callback was signed {now - int(timestamp):.0f} s ago by this machine's clock"
        )


def _key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("a signing key is whsec_ and Base64") from error


def _read_signatures(header: str) -> list[bytes]:
    """The signatures of the scheme that we know; others may stand beside them."""
    found = []
    for part in header.split():
        scheme, _, text = part.partition(",")
        if scheme == SCHEME:
            try:
                found.append(base64.b64decode(text, validate=True))
            except binascii.Error:
                continue
    return found
