"""Whom to call back, and with what, as JSON documents and back. Pure."""

from dispatchserver.documents.authorization import sending_doc, with_sending
from dispatchserver.documents.triggers import Doc
from dispatchserver.domain.errors import Fault, Invalid, excerpt
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


def recall_doc(recall: Recall) -> Doc:
    """The recall as a document."""
    doc: Doc = {"kind": recall.kind, "data": recall.data, "body_shape": recall.body_shape}
    if isinstance(recall, HttpRecall):
        return doc | {"url": recall.url, "reply_rule": recall.reply_rule} | sending_doc(recall)
    return doc | {
        "host": recall.host,
        "port": recall.port,
        "framing": recall.framing,
        "ack": recall.ack,
    }


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
    url = reader.need(("url",), lambda value: check_url(as_text(value).strip()))
    shape = _read_shape(reader, body_shape)
    rule = reader.take(reply_rule, lambda value: as_member(value, ReplyRule), ReplyRule.AUTO)
    if url is None:
        return None
    return HttpRecall(url=url, data=data, body_shape=shape, reply_rule=rule)


def read_socket(reader: FieldReader, data: JsonValue, body_shape: str) -> SocketRecall | None:
    """A socket recall. The body's shape stands under the name that the door gives it."""
    host = reader.need(("host",), lambda value: check_host(as_text(value).strip()))
    port = reader.need(("port",), _port)
    shape = _read_shape(reader, body_shape)
    framing = reader.take("framing", lambda value: as_member(value, Framing), Framing.LINE)
    ack = reader.take("ack", lambda value: as_member(value, Ack), Ack.AUTO)
    if host is None or port is None:
        return None
    return SocketRecall(host=host, port=port, data=data, framing=framing, ack=ack, body_shape=shape)


def address_field(kind: RecallKind, code: str) -> str:
    """The field of a recall that names what this rule of the egress policy forbids; every door calls it so."""
    if kind is RecallKind.HTTP:
        return "url"
    return "port" if code == "egress.port" else "host"


def forbidden(invalid: Invalid, recall: Recall, where: str) -> Fault:
    """What the egress policy refused, under the field that names it; `where` is what stands before its name."""
    field = address_field(recall.kind, invalid.code)
    return Fault(
        field=where + field, code=invalid.code, params=invalid.params, sent=excerpt(recall.address)
    )


def _read_shape(reader: FieldReader, name: str) -> BodyShape:
    return reader.take(name, lambda value: as_member(value, BodyShape), BodyShape.NESTED)


def _port(value: JsonValue) -> int:
    port = as_integer(value)
    if not 1 <= port <= PORT_LIMIT:
        raise Invalid("recall.port")
    return port
