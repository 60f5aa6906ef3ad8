"""The `recallConfig` of add.do: whom to call back, and with what. Pure."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from dispatchserver.documents.authorization import with_sending
from dispatchserver.documents.recalls import (
    HOST_AND_PORT,
    forbidden,
    read_http,
    read_socket,
    split_place,
)
from dispatchserver.domain.errors import Invalid, Refused
from dispatchserver.domain.fields import FieldReader, as_member, as_object
from dispatchserver.domain.jsontext import JsonValue
from dispatchserver.domain.recall import Recall, RecallKind, check_data


def read_recall(reader: FieldReader) -> Recall | None:
    """The recall that the fields name; None where they are faulty (and then booked)."""
    return with_sending(_read_option(reader), reader)


def _read_option(reader: FieldReader) -> Recall | None:
    kind = reader.need(("recallType",), lambda value: as_member(value, RecallKind))
    data = reader.take("data", check_data, None)
    if kind is RecallKind.HTTP:
        option = reader.inside("option", _http_option)
        return read_http(option, data, "bodyShape", "replyRule") if option else None
    if kind is RecallKind.SOCKET:
        option = reader.inside("option", _socket_option)
        return read_socket(option, data, "bodyShape") if option else None
    return None


@contextmanager
def placing(recall: Recall, where: str) -> Iterator[None]:
    """What the egress policy forbids is refused under the field that names it; `where` is what stands before that."""
    try:
        yield
    except Invalid as invalid:
        if not invalid.code.startswith("egress."):
            raise
        raise Refused([forbidden(invalid, recall, where)]) from invalid


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
    host, port = split_place(text)
    return {"host": host, "port": port}
