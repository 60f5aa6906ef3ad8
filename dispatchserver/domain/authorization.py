"""How a callback shows its receiver who calls: by a secret that is only named here, and by fixed headers. Pure."""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import urlsplit

from dispatchserver.domain.errors import Invalid

Header = tuple[str, str]

HEADERS_LIMIT = 20
NAME_LIMIT = 100
VALUE_LIMIT = 2000
USER_LIMIT = 200
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
LINE = re.compile(r"[!-~](?:[ -~]*[!-~])?")
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# They say how the message is framed, or concern one connection only: what sends the message must say them itself.
FRAMING = frozenset(
    [
        "host",
        "content-length",
        "content-encoding",
        "transfer-encoding",
        "connection",
        "keep-alive",
        "proxy-connection",
        "proxy-authorization",
        "proxy-authenticate",
        "te",
        "trailer",
        "upgrade",
        "http2-settings",
        "expect",
    ]
)
OURS = frozenset(
    ["content-type", "accept-encoding", "idempotency-key", "traceparent", "tracestate"]
)
OUR_BEGINNINGS = ("x-dispatch-", "webhook-")
AUTHORIZATION = "Authorization"


@dataclass(frozen=True, slots=True, kw_only=True)
class BearerAuth:
    """`Authorization: Bearer`, and the secret."""

    secret: str
    kind: ClassVar[str] = "bearer"


@dataclass(frozen=True, slots=True, kw_only=True)
class BasicAuth:
    """`Authorization: Basic`: the user, with the secret as password."""

    user: str
    secret: str
    kind: ClassVar[str] = "basic"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderAuth:
    """A header of this name, with the secret as its value."""

    name: str
    secret: str
    kind: ClassVar[str] = "header"


@dataclass(frozen=True, slots=True, kw_only=True)
class MtlsAuth:
    """A client certificate in the TLS handshake: the secret holds it and its private key, both as PEM."""

    secret: str
    kind: ClassVar[str] = "mtls"


Auth = BearerAuth | BasicAuth | HeaderAuth | MtlsAuth
KINDS = (BearerAuth.kind, BasicAuth.kind, HeaderAuth.kind, MtlsAuth.kind)


def check_header_name(name: str) -> str:
    """The name when a callback may carry a header of it; raises Invalid."""
    if len(name) > NAME_LIMIT or not TOKEN.fullmatch(name):
        raise Invalid("sending.header_name", header=name, limit=NAME_LIMIT)
    known = name.lower()
    if known in FRAMING:
        raise Invalid("sending.header_framing", header=name)
    if known in OURS or known.startswith(OUR_BEGINNINGS):
        raise Invalid("sending.header_ours", header=name)
    return name


def check_header(name: str, value: str) -> Header:
    """The header when it may be sent; raises Invalid."""
    check_header_name(name)
    if len(value) > VALUE_LIMIT or not LINE.fullmatch(value):
        raise Invalid("sending.header_value", header=name, limit=VALUE_LIMIT)
    return name, value


def check_headers(headers: Sequence[Header]) -> tuple[Header, ...]:
    """The headers when they may be sent together; raises Invalid."""
    if len(headers) > HEADERS_LIMIT:
        raise Invalid("sending.headers", limit=HEADERS_LIMIT)
    seen: set[str] = set()
    for name, value in headers:
        check_header(name, value)
        if name.lower() in seen:
            raise Invalid("sending.header_twice", header=name)
        seen.add(name.lower())
    return tuple(headers)


def check_user(user: str) -> str:
    """The user of basic authentication when it can be one; raises Invalid."""
    if not 1 <= len(user) <= USER_LIMIT or ":" in user or not user.isprintable():
        raise Invalid("sending.user", limit=USER_LIMIT)
    return user


def check_together(urls: Sequence[str], auth: Auth | None, headers: Sequence[Header]) -> None:
    """Raises Invalid where the addresses, the authentication and the headers do not go together."""
    if auth is None:
        return
    if isinstance(auth, MtlsAuth) and any(urlsplit(url).scheme != "https" for url in urls):
        raise Invalid("sending.https")
    taken = {AUTHORIZATION.lower()} | (
        {auth.name.lower()} if isinstance(auth, HeaderAuth) else set()
    )
    for name, _ in headers:
        if name.lower() in taken:
            raise Invalid("sending.header_taken", header=name)


def credentials(auth: Auth, value: str) -> tuple[Header, ...]:
    """The headers that carry the secret's value; none where it is used in the TLS handshake.

    Raises Invalid where the value cannot be sent in this way.
    """
    match auth:
        case BearerAuth():
            return ((AUTHORIZATION, f"Bearer {_line(value)}"),)
        case BasicAuth(user=user):
            return ((AUTHORIZATION, f"Basic {_pair(user, value)}"),)
        case HeaderAuth(name=name):
            return ((name, _line(value)),)
        case MtlsAuth():
            return ()


def _line(value: str) -> str:
    if not LINE.fullmatch(value):
        raise Invalid("sending.value_line")
    return value


def _pair(user: str, password: str) -> str:
    if CONTROL.search(password):
        raise Invalid("sending.value_password")
    return base64.b64encode(f"{user}:{password}".encode()).decode()
