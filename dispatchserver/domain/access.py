"""What is kept of those who may come in: tokens of machines, sessions of people."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """An API token: only its hash is kept. `id` is its public part."""

    id: str
    name: str
    secret_hash: str
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A signed-in person: found by the hash of a secret in their cookie."""

    secret_hash: str
    user: str
    csrf: str
    created_at: datetime
    seen_at: datetime
