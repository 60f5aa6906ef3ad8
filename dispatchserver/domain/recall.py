"""What to call back: HTTP or socket, whom, with which data; and the body that the receiver gets."""

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from typing import ClassVar
from urllib.parse import urlsplit

from dispatchserver.domain import egress, jsontext
from dispatchserver.domain.authorization import Auth, Header
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.jsontext import JsonValue
from dispatchserver.domain.route import USUAL, Route
from dispatchserver.domain.values import value

URL_LIMIT = 2048
DATA_LIMIT = 256 * 1024
UTF8_WIDTH = 4
PORTS = {"http": 80, "https": 443}
HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.\-]{0,251}[A-Za-z0-9_.])?|[0-9A-Fa-f:.]{2,45}")


class RecallKind(StrEnum):
    """How a receiver is reached."""

    HTTP = "HTTP"
    SOCKET = "SOCKET"


class BodyShape(StrEnum):
    """`nested`: data under its own key. `flat`: data's keys beside tasklogid, as the oldest receivers read it."""

    NESTED = "nested"
    FLAT = "flat"


class ReplyRule(StrEnum):
    """How a reply is judged: see domain/judging.py."""

    AUTO = "auto"
    CONTRACT = "iuap"
    STATUS = "status"


class Framing(StrEnum):
    """How one message ends on a socket: a newline, the end of the stream, a 4-byte length before it, or nothing."""

    LINE = "line"
    EOF = "eof"
    LEN4 = "len4"
    RAW = "raw"


class Ack(StrEnum):
    """What counts as a socket receiver's yes: a reply or an orderly end, a reply only, or nothing at all."""

    AUTO = "auto"
    REPLY = "reply"
    NONE = "none"


@value(frozen=True, slots=True, kw_only=True)
class HttpRecall:
    """POSTs the body as JSON to a URL, with `headers` of the owner's, and what `auth` makes of a secret; or to one of
    several, `also` being the others, that `route` chooses.
    """

    url: str
    data: JsonValue = None
    body_shape: BodyShape = BodyShape.NESTED
    reply_rule: ReplyRule = ReplyRule.AUTO
    also: tuple[str, ...] = ()
    route: Route = USUAL
    auth: Auth | None = None
    headers: tuple[Header, ...] = ()
    kind: ClassVar[RecallKind] = RecallKind.HTTP

    @property
    def address(self) -> str:
        return self.url

    @property
    def addresses(self) -> tuple[str, ...]:
        """All of them, in the order of their owner."""
        return (self.url, *self.also)

    @property
    def destination(self) -> str:
        """The host and port that are called, whatever else the URL says."""
        return _destination(self.url)

    @property
    def destinations(self) -> tuple[str, ...]:
        """The same of every address."""
        return tuple(map(_destination, self.addresses))

    def only(self, index: int) -> "HttpRecall":
        """The recall with this one of its addresses alone."""
        return replace(self, url=self.addresses[index], also=(), route=USUAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketRecall:
    """Connects, writes the body as one frame, and reads the reply. `also` are further hosts with their ports, of
    which `route` chooses one.
    """

    host: str
    port: int
    data: JsonValue = None
    framing: Framing = Framing.LINE
    ack: Ack = Ack.AUTO
    body_shape: BodyShape = BodyShape.NESTED
    also: tuple[tuple[str, int], ...] = ()
    route: Route = USUAL
    kind: ClassVar[RecallKind] = RecallKind.SOCKET

    @property
    def address(self) -> str:
        return host_and_port(self.host, self.port)

    @property
    def places(self) -> tuple[tuple[str, int], ...]:
        """All hosts with their ports, in the order of their owner."""
        return ((self.host, self.port), *self.also)

    @property
    def addresses(self) -> tuple[str, ...]:
        """The same as text."""
        return tuple(host_and_port(host, port) for host, port in self.places)

    @property
    def destination(self) -> str:
        """The host and port that are called."""
        return self.address.lower()

    @property
    def destinations(self) -> tuple[str, ...]:
        """The same of every address."""
        return tuple(address.lower() for address in self.addresses)

    def only(self, index: int) -> "SocketRecall":
        """The recall with this one of its addresses alone."""
        host, port = self.places[index]
        return replace(self, host=host, port=port, also=(), route=USUAL)


Recall = HttpRecall | SocketRecall


def auth_of(recall: Recall) -> Auth | None:
    """How a callback authenticates; None where it does not."""
    return recall.auth if isinstance(recall, HttpRecall) else None


def headers_of(recall: Recall) -> tuple[Header, ...]:
    """The headers that the owner has every callback carry."""
    return recall.headers if isinstance(recall, HttpRecall) else ()


@lru_cache(maxsize=4_096)
def _destination(url: str) -> str:
    parts = urlsplit(url)
    host = parts.hostname or ""
    return host_and_port(host, parts.port or PORTS[parts.scheme])


def host_and_port(host: str, port: int) -> str:
    """Both as one text; an IPv6 address stands in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@lru_cache(maxsize=4_096)
def check_url(url: str) -> str:
    """The URL when a callback can be sent there; raises Invalid, naming what is wrong with it."""
    if not 1 <= len(url) <= URL_LIMIT:
        raise Invalid("recall.url_length", limit=URL_LIMIT)
    if not url.isprintable() or " " in url or "\\" in url:
        raise Invalid("recall.url_characters")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
        (host or "").encode("idna")
    except ValueError as error:
        raise Invalid("recall.url_syntax") from error
    if parts.scheme not in ("http", "https"):
        raise Invalid("recall.url_scheme")
    if not host or port == 0:
        raise Invalid("recall.url_syntax")
    if parts.username is not None or parts.password is not None or "#" in url:
        raise Invalid("recall.url_parts")
    egress.check_spelling(host)
    return url


def check_host(host: str) -> str:
    """The host name or address when a callback can be sent there; raises Invalid otherwise."""
    if not HOST.fullmatch(host) or (":" in host and egress.read_address(host) is None):
        raise Invalid("recall.host")
    egress.check_spelling(host)
    return host


def check_data(data: JsonValue) -> JsonValue:
    """The data as receivers will see it: text that holds a JSON object becomes that object; raises Invalid if too large."""
    data = read_data(data)
    if data is None:
        return None
    text = jsontext.dumps(data)
    jsontext.check_said(data, text)
    if len(text) * UTF8_WIDTH > DATA_LIMIT and len(text.encode()) > DATA_LIMIT:
        raise Invalid("recall.data_size", limit=DATA_LIMIT)
    return data


def read_data(data: JsonValue) -> JsonValue:
    """The data as receivers will see it, of whatever size."""
    return _object_or_text(data) if isinstance(data, str) and data.lstrip()[:1] == "{" else data


def _object_or_text(text: str) -> JsonValue:
    try:
        return jsontext.loads(text)
    except Invalid:
        return text


def with_data(recall: Recall, data_json: str | None) -> Recall:
    """The recall with this data, given as JSON, in place of its own; as it is where there is none."""
    return recall if data_json is None else replace(recall, data=jsontext.loads(data_json))


def like(recall: Recall, data: JsonValue) -> Recall:
    """The recall with other data. As `replace`, which takes twice as long, for what is done a million times."""
    if isinstance(recall, SocketRecall):
        return replace(recall, data=data)
    return HttpRecall(
        url=recall.url,
        data=data,
        body_shape=recall.body_shape,
        reply_rule=recall.reply_rule,
        also=recall.also,
        route=recall.route,
        auth=recall.auth,
        headers=recall.headers,
    )


def render_body(recall: Recall, fire_id: str, shard: int = 0, shards: int = 1) -> bytes:
    """The bytes that every attempt of this fire sends: the data, the fire's id as `tasklogid`, and where it is one
    of several shards, which one, counted from 0.
    """
    told: dict[str, JsonValue] = {"tasklogid": fire_id}
    if shards > 1:
        told |= {"shardIndex": shard, "shardTotal": shards}
    elif isinstance(recall.data, str):  # in pieces, since that takes half the time
        return f'{{"data":{jsontext.dumps(recall.data)},"tasklogid":"{fire_id}"}}'.encode()
    if recall.body_shape is BodyShape.FLAT and isinstance(recall.data, dict):
        return jsontext.dumps({**recall.data, **told}).encode()
    return jsontext.dumps({"data": recall.data, **told}).encode()
