"""Several addresses as documents: read from exactly what is written, kept as they were, and every fault named."""

import json
from dataclasses import replace

import pytest

from dispatchserver.documents.recalls import read_recall, recall_doc
from dispatchserver.domain.recall import Framing, HttpRecall, ReplyRule, SocketRecall
from dispatchserver.domain.route import Route, RouteRule
from dispatchserver.stores import specs
from tests.documents.reading import read, refused

A, B, C = (f"http://{name}.test/cb" for name in "abc")
HTTP = {"kind": "HTTP", "urls": [A, B]}
SOCKET = {"kind": "SOCKET", "addresses": ["10.0.0.7:9100", "[fd00::7]:9200"]}
URLS = HttpRecall(url=A, also=(B, C), reply_rule=ReplyRule.STATUS, data={"order": 1})
PLACES = SocketRecall(host="10.0.0.7", port=9100, also=(("fd00::7", 9200),), framing=Framing.EOF)
ROUTES = [Route(rule=rule) for rule in RouteRule if rule is not RouteRule.HASH]
ROUTES.append(Route(rule=RouteRule.HASH, by="$.order.客户"))


@pytest.mark.parametrize("route", ROUTES, ids=[str(route.rule) for route in ROUTES])
@pytest.mark.parametrize("recall", [URLS, PLACES], ids=["http", "socket"])
def test_every_route_is_read_and_kept_as_it_was_said(recall, route):
    routed = replace(recall, route=route)
    assert read(read_recall, "recall", recall_doc(routed)) == routed
    assert specs.read_recall(specs.recall_json(routed)) == routed


def test_several_without_a_route_fail_over():
    assert read(read_recall, "recall", HTTP).route == Route(rule=RouteRule.FAILOVER)
    assert read(read_recall, "recall", SOCKET).addresses == ("10.0.0.7:9100", "[fd00::7]:9200")


@pytest.mark.parametrize("word", [str(rule) for rule in RouteRule if rule is not RouteRule.HASH])
def test_one_word_is_a_route(word):
    assert read(read_recall, "recall", HTTP | {"route": word.upper()}).route.rule == word


def test_addresses_may_come_as_text_that_holds_the_list():
    assert read(read_recall, "recall", HTTP | {"urls": json.dumps([A, B])}).addresses == (A, B)


def test_what_was_stored_before_there_were_routes_has_one_address():
    http = '{"kind":"HTTP","data":null,"body":"nested","url":"http://a.test/","reply":"auto"}'
    socket = '{"kind":"SOCKET","data":1,"body":"flat","host":"h","port":9100,"framing":"raw","ack":"none"}'
    for stored in (http, socket):
        assert len(specs.read_recall(stored).addresses) == 1
        assert specs.recall_json(specs.read_recall(stored)) == stored


def test_one_address_is_shown_as_it_always_was():
    doc = recall_doc(HttpRecall(url=A))
    assert doc["url"] == A and not {"urls", "route"} & set(doc)


FAULTS = [
    (HTTP | {"url": C}, "url", "field.either"),
    (HTTP | {"urls": []}, "urls", "route.count"),
    (HTTP | {"urls": [A]}, "urls", "route.count"),
    (HTTP | {"urls": A}, "urls", "route.count"),
    (HTTP | {"urls": {"a": A}}, "urls", "route.count"),
    (HTTP | {"urls": [f"http://r{n}.test/" for n in range(51)]}, "urls", "route.count"),
    (HTTP | {"urls": [A, "ftp://b.test/"]}, "urls[1]", "recall.url_scheme"),
    (HTTP | {"urls": [A, "http://0x7f000001/"]}, "urls[1]", "egress.spelling"),
    (HTTP | {"urls": [A, 7]}, "urls[1]", "recall.url_scheme"),
    (HTTP | {"urls": [A, None]}, "urls[1]", "field.text"),
    (HTTP | {"urls": [A, B, A]}, "urls[2]", "route.twice"),
    (HTTP | {"route": "nearest"}, "route", "field.choice"),
    (HTTP | {"route": "hash"}, "route", "route.by_missing"),
    (HTTP | {"route": {"policy": "hash"}}, "route.by", "route.by_missing"),
    (HTTP | {"route": {"by": "$.a"}}, "route.policy", "fault.required"),
    (HTTP | {"route": {"policy": "random", "by": "$.a"}}, "route.by", "route.by_alone"),
    (HTTP | {"route": {"policy": "random", "to": "a"}}, "route.to", "field.unknown"),
    (HTTP | {"route": {"policy": "hash", "by": "order.customer"}}, "route.by", "route.path"),
    (HTTP | {"route": {"policy": "hash", "by": "$"}}, "route.by", "route.path"),
    (HTTP | {"route": {"policy": "hash", "by": "$..a"}}, "route.by", "route.path"),
    (HTTP | {"route": {"policy": "hash", "by": "$.a[0]"}}, "route.by", "route.path"),
    (HTTP | {"route": {"policy": "hash", "by": "$." + "a" * 200}}, "route.by", "route.path"),
    ({"kind": "HTTP", "url": A, "route": "random"}, "route", "route.alone"),
    (SOCKET | {"host": "10.0.0.8"}, "host", "field.either"),
    (SOCKET | {"port": 9300}, "port", "field.either"),
    (SOCKET | {"addresses": ["10.0.0.7:9100"]}, "addresses", "route.count"),
    (SOCKET | {"addresses": ["10.0.0.7:9100", "10.0.0.7"]}, "addresses[1]", "route.place"),
    (SOCKET | {"addresses": ["10.0.0.7:9100", "10.0.0.7:0"]}, "addresses[1]", "recall.port"),
    (SOCKET | {"addresses": ["a:1", "0x7f000001:80"]}, "addresses[1]", "egress.spelling"),
    (SOCKET | {"addresses": ["a:1", "a:01"]}, "addresses[1]", "route.twice"),
]


@pytest.mark.parametrize(
    ("doc", "field", "code"), FAULTS, ids=[f"{field} {code}" for _, field, code in FAULTS]
)
def test_every_fault_is_named_at_its_place(doc, field, code):
    assert refused(read_recall, "recall", doc) == {f"recall.{field}": code}
