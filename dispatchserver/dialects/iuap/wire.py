"""Bytes to named fields, and results to reply bodies. Pure.

Clients of this dialect post forms, multipart forms, raw JSON under any content type, or one field `data`
holding JSON; in UTF-8 or, from Chinese Windows, in GBK. All of it ends here as one mapping of fields.
"""

from collections.abc import Mapping, Sequence
from email import message_from_bytes
from email.message import Message
from urllib.parse import parse_qsl

from dispatchserver.domain import jsontext
from dispatchserver.domain.errors import DispatchError, Invalid
from dispatchserver.domain.fields import as_object
from dispatchserver.domain.jsontext import JsonValue

FIELD_LIMIT = 64
UTF8_NAMES = frozenset({"", "utf-8", "utf8", "us-ascii", "iso-8859-1"})
CHINESE_NAMES = frozenset({"gbk", "gb2312", "gb18030"})
WRAPPER = "data"
OUR_FIELDS = frozenset(
    {"recallConfig", "taskConfig", "jobName", "groupName", "jobCode", "groupCode", "id"}
)

Fields = Mapping[str, JsonValue]


class Unreadable(DispatchError):
    """The body as a whole cannot be read; `code` says why."""

    def __init__(self, code: str, **params: object) -> None:
        self.code = code
        super().__init__(**params)


def read_fields(body: bytes, content_type: str, query: str) -> Fields:
    """All fields of a request, those of the body over those of the query string; raises Unreadable."""
    kind, charset, message = _parse_content_type(content_type)
    try:
        fields = _read_body(body, kind, charset, message)
        merged = {**_from_pairs(_pairs(query.encode("latin-1", "replace")), charset), **fields}
        return _unwrapped(merged)
    except Invalid as error:
        raise Unreadable(error.code, **error.params) from error


def _parse_content_type(content_type: str) -> tuple[str, str, Message]:
    message = Message()
    message["Content-Type"] = content_type or "application/x-www-form-urlencoded"
    charset = str(message.get_content_charset("") or "")
    if charset not in UTF8_NAMES | CHINESE_NAMES:
        raise Unreadable("wire.charset", charset=charset)
    return message.get_content_type(), charset, message


def _read_body(body: bytes, kind: str, charset: str, message: Message) -> Fields:
    if body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{":
        return as_object(decode(body, charset).lstrip("\ufeff"))
    if kind == "multipart/form-data":
        return _from_pairs(_parts(body, message), charset)
    return _from_pairs(_pairs(body.strip()), charset)


def decode(raw: bytes, charset: str = "") -> str:
    """UTF-8, or GB18030 (a superset of GBK) where it is not UTF-8 or was said to be Chinese."""
    encodings = ("gb18030", "utf-8") if charset in CHINESE_NAMES else ("utf-8", "gb18030")
    for encoding in encodings:
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Unreadable("wire.encoding")


def _pairs(body: bytes) -> Sequence[tuple[str, bytes]]:
    """The pairs of an urlencoded body, still as bytes: which charset they are in is seen from all of them."""
    try:
        pairs = parse_qsl(
            body.decode("latin-1"),
            keep_blank_values=True,
            encoding="latin-1",
            max_num_fields=FIELD_LIMIT,
        )
    except ValueError as error:
        raise Unreadable("wire.fields", limit=FIELD_LIMIT) from error
    return [(name, value.encode("latin-1")) for name, value in pairs]


def _parts(body: bytes, head: Message) -> Sequence[tuple[str, bytes]]:
    """The pairs of a multipart form."""
    parsed = message_from_bytes(
        b"Content-Type: " + head["Content-Type"].encode("latin-1", "replace") + b"\r\n\r\n" + body
    )
    parts = parsed.get_payload()
    if head.get_boundary() is None or not isinstance(parts, list):
        raise Unreadable("wire.multipart")
    if len(parts) > FIELD_LIMIT:
        raise Unreadable("wire.fields", limit=FIELD_LIMIT)
    return [_part(part) for part in parts if isinstance(part, Message)]


def _part(part: Message) -> tuple[str, bytes]:
    name = part.get_param("name", header="content-disposition")
    payload = part.get_payload(decode=True)
    return str(name or ""), payload if isinstance(payload, bytes) else b""


def _from_pairs(pairs: Sequence[tuple[str, bytes]], charset: str) -> Fields:
    fields: dict[str, JsonValue] = {}
    for name, value in pairs:
        if name in fields:
            raise Unreadable("wire.twice", name=name)
        fields[name] = decode(value, charset)
    return fields


def _unwrapped(fields: Fields) -> Fields:
    """The JSON object in the one field `data`, where that is how the request came."""
    wrapped = fields.get(WRAPPER)
    if isinstance(wrapped, str) and OUR_FIELDS.isdisjoint(fields):
        return {**{k: v for k, v in fields.items() if k != WRAPPER}, **as_object(wrapped)}
    return fields


def envelope(error: str | None = None, **more: object) -> bytes:
    """The reply of every call of this dialect."""
    reply = {"success": error is None, "error": error, "resultValue": None, **more}
    return jsontext.dumps(reply).encode()
