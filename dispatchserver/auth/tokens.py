"""API tokens: `dsp_<id>_<secret>`, shown once, kept as a hash."""

import base64
import hashlib
import hmac
import secrets
from datetime import datetime

from aiohttp import web

from dispatchserver.auth.doors import NotAdmitted
from dispatchserver.auth.gate import READING
from dispatchserver.auth.rates import Pace
from dispatchserver.domain.access import Token
from dispatchserver.domain.errors import Invalid
from dispatchserver.ports import Clock
from dispatchserver.registries import Accounts

PREFIX = "dsp"
NAME_LIMIT = 100


def new_token(name: str, now: datetime, expires_at: datetime | None = None) -> tuple[Token, str]:
    """A new token and its text, which is not kept anywhere; raises Invalid for an unfit name."""
    if not 1 <= len(name) <= NAME_LIMIT or not name.isprintable():
        raise Invalid("token.name", limit=NAME_LIMIT)
    token_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    token = Token(
        id=token_id, name=name, secret_hash=_hash(secret), created_at=now, expires_at=expires_at
    )
    return token, f"{PREFIX}_{token_id}_{secret}"


def _hash(secret: str) -> str:
    # 256 random bits need no slow hash: there is nothing to guess.
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def is_live(token: Token, now: datetime) -> bool:
    """Whether the token still opens doors."""
    return token.revoked_at is None and (token.expires_at is None or now < token.expires_at)


class TokenGuard:
    """Admits callers with a live token; without one only where the door is `open`.

    A token that is shown must be right even at an open door: a typing error must not pass unseen. Each token
    has a pace for what it changes; who needs none, on our own machine, has no limit.
    """

    def __init__(self, accounts: Accounts, clock: Clock, pace: Pace, *, open_door: bool) -> None:
        self._accounts = accounts
        self._clock = clock
        self._pace = pace
        self._open = open_door

    async def admit(self, request: web.Request) -> str:
        """The token's name as actor; raises NotAdmitted, TooFast."""
        text = _shown(request)
        if text is None and self._open:
            return "local"
        if text is None:
            raise NotAdmitted("auth.token_missing")
        token = await self._find(text)
        if request.method not in READING:
            self._pace.take(token.id, self._clock.now())
        return f"token:{token.name}"

    async def _find(self, text: str) -> Token:
        prefix, _, rest = text.partition("_")
        token_id, _, secret = rest.partition("_")
        ours = prefix == PREFIX and text.isascii()
        token = await self._accounts.find_token(token_id) if ours else None
        known = token.secret_hash if token else ""
        if not hmac.compare_digest(known, _hash(secret)) or token is None:
            raise NotAdmitted("auth.token_wrong")
        if not is_live(token, self._clock.now()):
            raise NotAdmitted("auth.token_ended")
        return token


def _shown(request: web.Request) -> str | None:
    """The token in `Authorization: Bearer`, in `X-Dispatch-Token`, or as a Basic password for old clients."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        return _basic_password(value)
    return request.headers.get("X-Dispatch-Token")


def _basic_password(value: str) -> str:
    try:
        text = base64.b64decode(value, validate=True).decode()
    except ValueError:  # not base64, or not UTF-8
        return ""
    return text.partition(":")[2]
