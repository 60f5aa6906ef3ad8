"""The `recallConfig` of add.do: whom to call back, and with what. Pure."""

import re
from collections.abc import Mapping

from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.fields import FieldReader, as_integer, as_member, as_object, as_text
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

HOST_AND_PORT = re.compile(r"\s*([^:]+|\[[^\]]+\]):\d+\s*")


def read_recall(reader: FieldReader) -> Recall | None:
    """The recall that the fields name; None where they are faulty (and then booked)."""
    kind = reader.need(("recallType",), lambda value: as_member(value, RecallKind))
    data = reader.take("data", check_data, None)
    if kind is RecallKind.HTTP:
        option = reader.inside("option", _http_option)
        return _read_http(option, data) if option else None
    if kind is RecallKind.SOCKET:
        option = reader.inside("option", _socket_option)
        return _read_socket(option, data) if option else None
    return None


def _http_option(value: JsonValue) -> Mapping[str, JsonValue]:
    """The option object; a bare URL stands for {"url": …}."""
    if isinstance(value, str) and not value.lstrip().startswith("{"):
        return {"url": value.strip()}
    return as_object(value)


def _socket_option(value: JsonValue) -> Mapping[str, JsonValue]:
    """The option object; "host:port", as text or as `host`, stands for {"host": …, "port": …}."""
    if isinstance(value, str) and not value.lstrip().startswith("{"):
        return _host_and_port(value)
    option = as_object(value)
    host = option.get("host")
    if isinstance(host, str) and HOST_AND_PORT.fullmatch(host) and not option.get("port"):
        return {**option, **_host_and_port(host)}
    return option


def _host_and_port(text: str) -> Mapping[str, JsonValue]:
    host, _, port = text.strip().rpartition(":")
    return {"host": host.strip("[]"), "port": port}


def _read_http(option: FieldReader, data: JsonValue) -> HttpRecall | None:
    url = option.need(("url",), lambda value: check_url(as_text(value).strip()))
    shape = option.take("bodyShape", lambda value: as_member(value, BodyShape), BodyShape.NESTED)
    rule = option.take("replyRule", lambda value: as_member(value, ReplyRule), ReplyRule.AUTO)
    return (
        None if url is None else HttpRecall(url=url, data=data, body_shape=shape, reply_rule=rule)
    )


def _read_socket(option: FieldReader, data: JsonValue) -> SocketRecall | None:
    host = option.need(("host",), lambda value: check_host(as_text(value).strip()))
    port = option.need(("port",), _port)
    shape = option.take("bodyShape", lambda value: as_member(value, BodyShape), BodyShape.NESTED)
    framing = option.take("framing", lambda value: as_member(value, Framing), Framing.LINE)
    ack = option.take("ack", lambda value: as_member(value, Ack), Ack.AUTO)
    if host is None or port is None:
        return None
    return SocketRecall(host=host, port=port, data=data, framing=framing, ack=ack, body_shape=shape)


def _port(value: JsonValue) -> int:
    port = as_integer(value)
    if not 1 <= port <= 65535:
        raise Invalid("recall.port")
    return port
