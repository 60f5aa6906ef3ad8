"""`auth` and `headers` of a recall as documents: read from exactly what is written, every fault under its path."""

import pytest

from dispatchserver.dialects.iuap import recalls as iuap
from dispatchserver.documents.recalls import read_recall, recall_doc
from dispatchserver.domain.authorization import BasicAuth, BearerAuth, HeaderAuth, MtlsAuth
from dispatchserver.domain.recall import HttpRecall
from tests.documents.reading import read, refused

HTTP = {"kind": "HTTP", "url": "https://receiver.test/cb"}
OLD = {"recallType": "HTTP", "option": {"url": "https://receiver.test/cb"}}
WAYS = {
    "bearer": ({"bearer": {"secret": "n"}}, BearerAuth(secret="n")),
    "basic": ({"basic": {"user": "u", "secret": "n"}}, BasicAuth(user="u", secret="n")),
    "header": ({"header": {"name": "X-K", "secret": "n"}}, HeaderAuth(name="X-K", secret="n")),
    "mtls": ({"mtls": {"secret": "n"}}, MtlsAuth(secret="n")),
}


@pytest.mark.parametrize("kind", WAYS)
def test_every_way_is_read_from_what_is_written_of_it_at_both_doors(kind):
    doc, auth = WAYS[kind]
    headers = {"X-A": "1", "X-B": "b b"}
    recall = read(read_recall, "recall", HTTP | {"auth": doc, "headers": headers})
    assert isinstance(recall, HttpRecall)
    assert (recall.auth, recall.headers) == (auth, (("X-A", "1"), ("X-B", "b b")))
    assert read(iuap.read_recall, "recallConfig", OLD | {"auth": doc, "headers": headers}) == recall
    assert read(read_recall, "recall", recall_doc(recall)) == recall
    assert recall_doc(recall)["auth"] == doc


def test_old_clients_say_nothing_of_it():
    recall = read(iuap.read_recall, "recallConfig", OLD)
    assert isinstance(recall, HttpRecall)
    assert (recall.auth, recall.headers) == (None, ())


SECRET = {"secret": "n"}
REFUSED = [
    ({"auth": {}}, {"auth": "sending.one_way"}),
    ({"auth": "bearer"}, {"auth": "json.syntax"}),
    ({"auth": {"bearer": SECRET, "mtls": SECRET}}, {"auth": "sending.one_way"}),
    ({"auth": {"oauth": SECRET}}, {"auth.oauth": "field.unknown", "auth": "sending.one_way"}),
    ({"auth": {"bearer": SECRET, "more": 1}}, {"auth.more": "field.unknown"}),
    ({"auth": {"bearer": {}}}, {"auth.bearer.secret": "fault.required"}),
    ({"auth": {"bearer": "n"}}, {"auth.bearer": "json.syntax"}),
    ({"auth": {"bearer": {"secret": "a b"}}}, {"auth.bearer.secret": "secret.name"}),
    ({"auth": {"bearer": {"secret": ["n"]}}}, {"auth.bearer.secret": "field.text"}),
    ({"auth": {"bearer": SECRET | {"user": "u"}}}, {"auth.bearer.user": "field.unknown"}),
    ({"auth": {"basic": SECRET}}, {"auth.basic.user": "fault.required"}),
    ({"auth": {"basic": SECRET | {"user": "a:b"}}}, {"auth.basic.user": "sending.user"}),
    ({"auth": {"header": SECRET}}, {"auth.header.name": "fault.required"}),
    ({"auth": {"header": SECRET | {"name": "X K"}}}, {"auth.header.name": "sending.header_name"}),
    (
        {"auth": {"header": SECRET | {"name": "Host"}}},
        {"auth.header.name": "sending.header_framing"},
    ),
    (
        {"auth": {"header": SECRET | {"name": "webhook-id"}}},
        {"auth.header.name": "sending.header_ours"},
    ),
    ({"headers": {"": "x"}}, {"headers": "sending.header_name"}),
    ({"headers": {"X A": "x"}}, {"headers": "sending.header_name"}),
    ({"headers": {"X-A": "a\nb"}}, {"headers": "sending.header_value"}),
    ({"headers": {"X-A": None}}, {"headers": "field.text"}),
    ({"headers": ["X-A"]}, {"headers": "field.object"}),
    ({"headers": {f"X-{n}": "1" for n in range(21)}}, {"headers": "sending.headers"}),
    (
        {"auth": {"bearer": SECRET}, "headers": {"authorization": "x"}},
        {"headers": "sending.header_taken"},
    ),
]


@pytest.mark.parametrize(("said", "faults"), REFUSED, ids=[str(said) for said, _ in REFUSED])
def test_what_is_wrong_is_named_under_its_path_at_both_doors(said, faults):
    assert refused(read_recall, "recall", HTTP | said) == {
        f"recall.{field}": code for field, code in faults.items()
    }
    assert refused(iuap.read_recall, "recallConfig", OLD | said) == {
        f"recallConfig.{field}": code for field, code in faults.items()
    }


def test_a_certificate_is_shown_over_https_only():
    doc = {"kind": "HTTP", "url": "http://receiver.test/", "auth": {"mtls": SECRET}}
    assert refused(read_recall, "recall", doc) == {"recall.auth": "sending.https"}


def test_sockets_have_neither():
    doc = {"kind": "SOCKET", "host": "10.0.0.7", "port": 9100}
    said = {"auth": {"bearer": SECRET}, "headers": {"X-A": "1"}}
    assert refused(read_recall, "recall", doc | said) == {
        "recall.auth": "sending.socket",
        "recall.headers": "sending.socket",
    }
