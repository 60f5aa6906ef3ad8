"""Whom to call back, and with what, as JSON documents and back. Pure."""

import re

from dispatchserver.documents.authorization import sending_doc, with_sending
from dispatchserver.documents.routes import read_addresses, read_route, route_doc
from dispatchserver.documents.triggers import Doc
from dispatchserver.domain.errors import Fault, Invalid
from dispatchserver.domain.excerpts import excerpt
from dispatchserver.domain.fields import FieldReader, as_integer, as_member, as_text
from dispatchserver.domain.jsontext import JsonValue
from dispatchserver.domain.recall import (
    Ack,
    BodyShape,
    Framing,
    HttpRecall,
    Recall,
    RecallKind,
    ReplyRule,
    SocketRecall,
    check_data,
    check_host,
    check_url,
)

PORT_LIMIT = 65_535
HOST_AND_PORT = re.compile(r"\s*([^:]+|\[[^\]]+\]):\d+\s*")


def recall_doc(recall: Recall) -> Doc:
    """The recall as a document."""
    doc: Doc = {"kind": recall.kind, "data": recall.data, "body_shape": recall.body_shape}
    doc |= _whom(recall)
    if isinstance(recall, HttpRecall):
        return doc | {"reply_rule": recall.reply_rule} | sending_doc(recall)
    return doc | {"framing": recall.framing, "ack": recall.ack}


def _whom(recall: Recall) -> Doc:
    """One address, or several and how one of them is chosen."""
    if recall.also:
        name = "urls" if isinstance(recall, HttpRecall) else "addresses"
        return {name: recall.addresses, "route": route_doc(recall.route)}
    if isinstance(recall, HttpRecall):
        return {"url": recall.url}
    return {"host": recall.host, "port": recall.port}


def read_recall(reader: FieldReader) -> Recall | None:
    """The recall that a document describes; None where it is faulty (and then booked)."""
    kind = reader.need(("kind",), lambda value: as_member(value, RecallKind))
    data = reader.take("data", check_data, None)
    if kind is None:
        reader.overlook()
        return None
    if kind is RecallKind.HTTP:
        return with_sending(read_http(reader, data, "body_shape", "reply_rule"), reader)
    return with_sending(read_socket(reader, data, "body_shape"), reader)


def read_http(
    reader: FieldReader, data: JsonValue, body_shape: str, reply_rule: str
) -> HttpRecall | None:
    """An HTTP recall. The body's shape and the reply's rule stand under the names that the door gives them."""
    urls = _read_urls(reader)
    route = read_route(reader, reader.has("urls"))
    shape = _read_shape(reader, body_shape)
    rule = reader.take(reply_rule, lambda value: as_member(value, ReplyRule), ReplyRule.AUTO)
    if not urls:
        return None
    return HttpRecall(
        url=urls[0], also=urls[1:], route=route, data=data, body_shape=shape, reply_rule=rule
    )


def _read_urls(reader: FieldReader) -> tuple[str, ...]:
    """The one address under `url`, or the several under `urls`; empty where they are faulty."""
    if not reader.has("urls"):
        url = reader.need(("url",), _url)
        return () if url is None else (url,)
    if reader.has("url"):
        reader.refuse("url", "field.either", one="url", other="urls")
    return read_addresses(reader, "urls", _url)


def _url(value: JsonValue) -> str:
    return check_url(as_text(value).strip())


def read_socket(reader: FieldReader, data: JsonValue, body_shape: str) -> SocketRecall | None:
    """A socket recall. The body's shape stands under the name that the door gives it."""
    places = _read_places(reader)
    route = read_route(reader, reader.has("addresses"))
    shape = _read_shape(reader, body_shape)
    framing = reader.take("framing", lambda value: as_member(value, Framing), Framing.LINE)
    ack = reader.take("ack", lambda value: as_member(value, Ack), Ack.AUTO)
    if not places:
        return None
    host, port = places[0]
    return SocketRecall(
        host=host,
        port=port,
        also=places[1:],
        route=route,
        data=data,
        framing=framing,
        ack=ack,
        body_shape=shape,
    )


def _read_places(reader: FieldReader) -> tuple[tuple[str, int], ...]:
    """The one place under `host` and `port`, or the several under `addresses`; empty where they are faulty."""
    if not reader.has("addresses"):
        host = reader.need(("host",), lambda value: check_host(as_text(value).strip()))
        port = reader.need(("port",), _port)
        return () if host is None or port is None else ((host, port),)
    for name in ("host", "port"):
        if reader.has(name):
            reader.refuse(name, "field.either", one=name, other="addresses")
    return read_addresses(reader, "addresses", lambda value: read_place(as_text(value)))


def read_place(text: str) -> tuple[str, int]:
    """The host and the port of "10.0.0.7:9100" or "[::1]:9100"; raises Invalid."""
    if not HOST_AND_PORT.fullmatch(text):
        raise Invalid("route.place")
    host, port = split_place(text)
    return check_host(host), _port(port)


def split_place(text: str) -> tuple[str, str]:
    """The two parts of such a text, as they stand there."""
    host, _, port = text.strip().rpartition(":")
    return host.strip("[]"), port


def address_field(kind: RecallKind, code: str) -> str:
    """The field of a recall that names what this rule of the egress policy forbids; every door calls it so."""
    if kind is RecallKind.HTTP:
        return "url"
    return "port" if code == "egress.port" else "host"


def forbidden(invalid: Invalid, recall: Recall, where: str) -> Fault:
    """What the egress policy refused, under the field that names it; `where` is what stands before its name."""
    number = int(str(invalid.params.get("number", 0)))
    field = address_field(recall.kind, invalid.code)
    if recall.also:
        field = f"{'urls' if recall.kind is RecallKind.HTTP else 'addresses'}[{number}]"
    sent = excerpt(recall.addresses[number])
    return Fault(field=where + field, code=invalid.code, params=invalid.params, sent=sent)


def _read_shape(reader: FieldReader, name: str) -> BodyShape:
    return reader.take(name, lambda value: as_member(value, BodyShape), BodyShape.NESTED)


def _port(value: JsonValue) -> int:
    port = as_integer(value)
    if not 1 <= port <= PORT_LIMIT:
        raise Invalid("recall.port")
    return port
