"""How a recall authenticates, its fixed headers, and secrets, as JSON documents and back. No value is ever told. Pure."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from dispatchserver.documents.triggers import Doc
from dispatchserver.domain.authorization import (
    KINDS,
    Auth,
    BasicAuth,
    BearerAuth,
    Header,
    HeaderAuth,
    MtlsAuth,
    check_header_name,
    check_headers,
    check_together,
    check_user,
)
from dispatchserver.domain.errors import Fault, Invalid, Refused, SecretNotFound
from dispatchserver.domain.faults import Faults
from dispatchserver.domain.fields import FieldReader, as_object, as_text
from dispatchserver.domain.jsontext import JsonValue
from dispatchserver.domain.recall import HttpRecall, Recall, SocketRecall, auth_of
from dispatchserver.domain.secrets import check_secret_name, check_secret_value


def sending_doc(recall: HttpRecall) -> Doc:
    """The authentication (null: none) and the headers of a recall."""
    return {
        "auth": None if recall.auth is None else _auth_doc(recall.auth),
        "headers": dict(recall.headers),
    }


def _auth_doc(auth: Auth) -> Doc:
    match auth:
        case BasicAuth(user=user, secret=secret):
            return {auth.kind: {"user": user, "secret": secret}}
        case HeaderAuth(name=name, secret=secret):
            return {auth.kind: {"name": name, "secret": secret}}
        case _:
            return {auth.kind: {"secret": auth.secret}}


def with_sending(recall: Recall | None, reader: FieldReader) -> Recall | None:
    """The recall with the `auth` and the `headers` that stand beside it; faults are booked."""
    auth = _read_auth(reader)
    headers = reader.take("headers", _read_headers, ())
    if isinstance(recall, SocketRecall):
        for name in ("auth", "headers"):
            if reader.filled(name):
                reader.refuse(name, "sending.socket")
        return recall
    if recall is None:
        return None
    try:
        check_together(recall.addresses, auth, headers)
    except Invalid as invalid:
        field = "auth" if invalid.code == "sending.https" else "headers"
        reader.refuse(field, invalid.code, **invalid.params)
    return replace(recall, auth=auth, headers=headers) if auth or headers else recall


def _read_headers(value: JsonValue) -> tuple[Header, ...]:
    headers = as_object(value)
    return check_headers([(name, as_text(text)) for name, text in headers.items()])


def _read_auth(reader: FieldReader) -> Auth | None:
    """The one way that the object names."""
    ways = reader.inside_if_any("auth")
    if ways is None:
        return None
    named = [kind for kind in KINDS if ways.has(kind)]
    ways.refuse_unread()
    way = ways.inside(named[0]) if len(named) == 1 else None
    if way is None:
        if len(named) != 1:
            reader.refuse("auth", "sending.one_way", allowed=", ".join(KINDS))
        return None
    auth = _read_way(named[0], way)
    way.refuse_unread()
    return auth


def _read_way(kind: str, way: FieldReader) -> Auth | None:
    user = way.need(("user",), lambda v: check_user(as_text(v))) if kind == BasicAuth.kind else ""
    name = (
        way.need(("name",), lambda v: check_header_name(as_text(v)))
        if kind == HeaderAuth.kind
        else ""
    )
    secret = way.need(("secret",), lambda value: check_secret_name(as_text(value)))
    if secret is None or user is None or name is None:
        return None
    return auth_like(kind, secret, user=user, name=name)


def auth_like(kind: str, secret: str, *, user: str, name: str) -> Auth:
    """The authentication of this kind; of what it has no use for, nothing is kept."""
    match kind:
        case BearerAuth.kind:
            return BearerAuth(secret=secret)
        case BasicAuth.kind:
            return BasicAuth(user=user, secret=secret)
        case HeaderAuth.kind:
            return HeaderAuth(name=name, secret=secret)
        case _:
            return MtlsAuth(secret=secret)


@contextmanager
def naming_the_secret(recall: Recall, field: str) -> Iterator[None]:
    """A secret that is not there is refused under the field that names it, inside of this one."""
    auth = auth_of(recall)
    try:
        yield
    except SecretNotFound as error:
        if auth is None:
            raise
        place = f"{field}.{auth.kind}.secret"
        fault = Fault(field=place, code=error.code, params=error.params, sent=auth.secret)
        raise Refused([fault]) from error


def read_value(values: Mapping[str, JsonValue]) -> str:
    """The `value` of a secret; raises Refused with every fault, and never with what stands there."""
    faults = Faults()
    for name in values:
        if name != "value":
            faults.add(name, "field.unknown", allowed="value")
    value, sent = "", values.get("value")
    with faults.at("value"):
        if sent is None or sent == "":
            raise Invalid("fault.required")
        if not isinstance(sent, str):
            raise Invalid("field.text")
        value = check_secret_value(sent)
    faults.raise_if_any()
    return value
