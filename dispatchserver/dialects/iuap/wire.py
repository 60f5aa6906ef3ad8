"""Bytes to named fields, and results to reply bodies. Pure.

Clients of this dialect post forms, multipart forms, raw JSON under any content type, or one field `data`
holding JSON; in UTF-8 or, from Chinese Windows, in GBK. All of it ends here as one mapping of fields.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from urllib.parse import parse_qsl, unquote_plus

from dispatchserver.domain import jsontext
from dispatchserver.domain.errors import Fault, Invalid, Refused
from dispatchserver.domain.fields import as_object
from dispatchserver.domain.jsontext import JsonValue

FIELD_LIMIT = 64
UTF8_NAMES = frozenset({"", "utf-8", "utf8", "us-ascii", "iso-8859-1"})
CHINESE_NAMES = frozenset({"gbk", "gb2312", "gb18030"})
WRAPPER = "data"
OBJECTS = ("recallConfig", "taskConfig", "task")
ENCODED_BRACE = "%7B"  # some clients encode the JSON before they encode the form
OUR_FIELDS = frozenset(
    {
        "recallConfig",
        "taskConfig",
        "jobName",
        "groupName",
        "jobCode",
        "groupCode",
        "id",
        "tasklogid",
    }
)
CHARSET = re.compile(r';\s*charset\s*=\s*"?([^\s";]*)', re.IGNORECASE)
BOUNDARY = re.compile(r';\s*boundary\s*=\s*(?:"([^"]{1,200})"|([^\s";]{1,200}))', re.IGNORECASE)
PART_NAME = re.compile(rb';\s*name\s*=\s*(?:"([^"]*)"|([^\s";]*))', re.IGNORECASE)

Fields = Mapping[str, JsonValue]


class Unreadable(Refused):
    """The body as a whole, or the field that wraps it, cannot be read."""

    def __init__(self, code: str, where: str = "body", **params: object) -> None:
        super().__init__([Fault(field=where, code=code, params=params)])


class CharsetUnread(Unreadable):
    """The body is said to be in a charset that is not read."""


def read_fields(body: bytes, content_type: str, query: str) -> Fields:
    """All fields of a request, those of the body over those of the query string; raises Unreadable."""
    charset = _charset(content_type)
    asked = _from_pairs(_pairs(query.encode("utf-8", "surrogateescape")), charset)
    return _unwrapped({**asked, **_read_body(body, content_type, charset)})


def _charset(content_type: str) -> str:
    match = CHARSET.search(content_type)
    charset = match[1].lower() if match else ""
    if charset not in UTF8_NAMES | CHINESE_NAMES:
        raise CharsetUnread("wire.charset", charset=charset)
    return charset


def _read_body(body: bytes, content_type: str, charset: str) -> Fields:
    if body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{":
        return _object(decode(body, charset).lstrip("\ufeff"), "body")
    if content_type.partition(";")[0].strip().lower() == "multipart/form-data":
        return _from_pairs(_parts(body, content_type), charset)
    return _from_pairs(_pairs(body.strip()), charset)


def _object(value: JsonValue, where: str) -> Fields:
    try:
        return as_object(value)
    except Invalid as error:
        raise Unreadable(error.code, where, **error.params) from error


def decode(raw: bytes, charset: str = "") -> str:
    """The text of these bytes; raises Unreadable."""
    return raw.decode(_encoding([raw], charset))


def _encoding(values: Sequence[bytes], charset: str) -> str:
    """UTF-8, or GB18030 (a superset of GBK) where it is not UTF-8 or was said to be Chinese.

    One for all values of a request: a short GBK value may pass for UTF-8, its neighbours tell.
    """
    encodings = ("gb18030", "utf-8") if charset in CHINESE_NAMES else ("utf-8", "gb18030")
    for encoding in encodings:
        if all(_fits(value, encoding) for value in values):
            return encoding
    raise Unreadable("wire.encoding")


def _fits(value: bytes, encoding: str) -> bool:
    try:
        value.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


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


def _parts(body: bytes, content_type: str) -> Sequence[tuple[str, bytes]]:
    """The pairs of a multipart form."""
    match = BOUNDARY.search(content_type)
    if match is None:
        raise Unreadable("wire.multipart")
    mark = b"\r\n--" + (match[1] or match[2]).encode("utf-8", "surrogateescape")
    _, *parts = (b"\r\n" + body).split(mark)
    if not parts or not parts.pop().startswith(b"--"):
        raise Unreadable("wire.multipart")
    if len(parts) > FIELD_LIMIT:
        raise Unreadable("wire.fields", limit=FIELD_LIMIT)
    return [_part(part) for part in parts]


def _part(part: bytes) -> tuple[str, bytes]:
    head, blank_line, value = part.partition(b"\r\n\r\n")
    name = PART_NAME.search(head)
    if not blank_line or name is None:
        raise Unreadable("wire.multipart")
    return (name[1] or name[2] or b"").decode("latin-1"), value


def _from_pairs(pairs: Sequence[tuple[str, bytes]], charset: str) -> Fields:
    encoding = _encoding([value for _, value in pairs], charset)
    fields: dict[str, JsonValue] = {}
    for name, value in pairs:
        if name in fields:
            raise Unreadable("wire.twice", name=name)
        fields[name] = value.decode(encoding)
    return fields


def _unwrapped(fields: Fields) -> Fields:
    """The JSON object in the one field `data`, where that is how the request came."""
    wrapped = fields.get(WRAPPER)
    if isinstance(wrapped, str) and wrapped.lstrip()[:3].upper() == ENCODED_BRACE:
        wrapped = unquote_plus(wrapped)
    if isinstance(wrapped, str | Mapping) and OUR_FIELDS.isdisjoint(fields):
        return {**{k: v for k, v in fields.items() if k != WRAPPER}, **_object(wrapped, WRAPPER)}
    return fields


def opened(fields: Fields) -> Fields:
    """The fields with the objects that some hold as text, read once for all who look into them; what cannot be read stays."""
    found: dict[str, JsonValue] = {}
    for name in OBJECTS:
        text = fields.get(name)
        if isinstance(text, str):
            with suppress(Invalid):
                found[name] = as_object(text)
    return {**fields, **found}


def envelope(error: str | None = None, **more: object) -> bytes:
    """The reply of every call of this dialect."""
    reply = {"success": error is None, "error": error, "resultValue": None, **more}
    return jsontext.dumps(reply).encode()
