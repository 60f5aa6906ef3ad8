"""How a recall authenticates, as the JSON that a version row keeps, and back."""

from collections.abc import Mapping
from typing import Any

from dispatchserver.domain.authorization import (
    Auth,
    BasicAuth,
    BearerAuth,
    HeaderAuth,
    MtlsAuth,
)
from dispatchserver.domain.recall import HttpRecall


def sending_doc(recall: HttpRecall) -> dict[str, object]:
    """What a recall says of authentication and headers; nothing where it says nothing."""
    doc: dict[str, object] = {}
    if recall.auth is not None:
        doc["auth"] = _auth_doc(recall.auth)
    if recall.headers:
        doc["headers"] = recall.headers
    return doc


def _auth_doc(auth: Auth) -> dict[str, object]:
    doc: dict[str, object] = {"kind": auth.kind, "secret": auth.secret}
    match auth:
        case BasicAuth(user=user):
            return doc | {"user": user}
        case HeaderAuth(name=name):
            return doc | {"name": name}
        case _:
            return doc


def read_auth(doc: Mapping[str, Any] | None) -> Auth | None:
    if doc is None:
        return None
    match doc["kind"]:
        case BearerAuth.kind:
            return BearerAuth(secret=doc["secret"])
        case BasicAuth.kind:
            return BasicAuth(user=doc["user"], secret=doc["secret"])
        case HeaderAuth.kind:
            return HeaderAuth(name=doc["name"], secret=doc["secret"])
        case MtlsAuth.kind:
            return MtlsAuth(secret=doc["secret"])
        case other:
            raise ValueError(f"authentication {other}")


def read_headers(doc: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in doc.get("headers", ()))
