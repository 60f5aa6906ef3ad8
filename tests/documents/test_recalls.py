"""Recalls as documents: every kind is read from exactly what is written, and every fault is named."""

import pytest

from dispatchserver.documents.recalls import read_recall, recall_doc
from dispatchserver.domain.recall import (
    Ack,
    BodyShape,
    Framing,
    HttpRecall,
    ReplyRule,
    SocketRecall,
)
from tests.documents.reading import read, refused

HTTP = {"kind": "HTTP", "url": "http://receiver.test/cb"}
SOCKET = {"kind": "SOCKET", "host": "10.0.0.7", "port": 9100}
RECALLS = [
    HttpRecall(url="http://receiver.test/cb"),
    HttpRecall(
        url="https://receiver.test:8443/cb?a=1",
        data={"数": [1, 2.5, None, True, {"a": '"'}]},
        body_shape=BodyShape.FLAT,
        reply_rule=ReplyRule.STATUS,
    ),
    HttpRecall(url="http://receiver.test/", data="plain text"),
    SocketRecall(host="10.0.0.7", port=9100),
    SocketRecall(
        host="::1",
        port=65_535,
        data=[1, 2],
        framing=Framing.LEN4,
        ack=Ack.NONE,
        body_shape=BodyShape.FLAT,
    ),
]


@pytest.mark.parametrize("recall", RECALLS)
def test_every_recall_is_read_from_what_is_written_of_it(recall):
    assert read(read_recall, "recall", recall_doc(recall)) == recall


@pytest.mark.parametrize(
    ("doc", "field", "code"),
    [
        ({}, "kind", "fault.required"),
        ({"kind": "MAIL", "to": "x"}, "kind", "field.choice"),
        ({"kind": "HTTP"}, "url", "fault.required"),
        (HTTP | {"url": "ftp://receiver.test/"}, "url", "recall.url_scheme"),
        (HTTP | {"url": "http://0x7f000001/"}, "url", "egress.spelling"),
        (HTTP | {"reply_rule": "kind"}, "reply_rule", "field.choice"),
        (HTTP | {"body_shape": "round"}, "body_shape", "field.choice"),
        (HTTP | {"port": 80}, "port", "field.unknown"),
        (HTTP | {"data": "x" * 300_000}, "data", "recall.data_size"),
        ({"kind": "SOCKET", "port": 9100}, "host", "fault.required"),
        (SOCKET | {"host": "a b"}, "host", "recall.host"),
        (SOCKET | {"port": 0}, "port", "recall.port"),
        (SOCKET | {"framing": "xml"}, "framing", "field.choice"),
        (SOCKET | {"ack": "maybe"}, "ack", "field.choice"),
        (SOCKET | {"url": "http://receiver.test/"}, "url", "field.unknown"),
    ],
)
def test_what_is_wrong_is_named_under_its_path(doc, field, code):
    assert refused(read_recall, "recall", doc) == {f"recall.{field}": code}
