"""What a recall may say, and the body that its receiver gets."""

import json

import pytest

from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.recall import (
    BodyShape,
    HttpRecall,
    SocketRecall,
    check_data,
    check_host,
    check_url,
    render_body,
)

FIRE = "0123456789abcdef0123456789abcdef"


def a_recall(data, shape=BodyShape.NESTED):
    return HttpRecall(url="http://receiver.test/", data=data, body_shape=shape)


@pytest.mark.parametrize("data", [{"a": 1}, None, "text", ["list"], 7, {"中": "文"}])
def test_a_nested_body_carries_the_data_under_its_own_key(data):
    assert json.loads(render_body(a_recall(data), FIRE)) == {"data": data, "tasklogid": FIRE}


def test_a_flat_body_carries_the_datas_keys_beside_tasklogid():
    body = render_body(a_recall({"a": "1", "b": "2"}, BodyShape.FLAT), FIRE)
    assert json.loads(body) == {"a": "1", "b": "2", "tasklogid": FIRE}


def test_data_cannot_forge_the_tasklogid():
    body = render_body(a_recall({"tasklogid": "forged"}, BodyShape.FLAT), FIRE)
    assert json.loads(body) == {"tasklogid": FIRE}


@pytest.mark.parametrize("data", [None, "text", ["list"]])
def test_a_flat_body_of_other_data_is_nested(data):
    body = render_body(a_recall(data, BodyShape.FLAT), FIRE)
    assert json.loads(body) == {"data": data, "tasklogid": FIRE}


def test_a_body_is_short_utf_8_on_one_line():
    body = render_body(SocketRecall(host="h", port=1, data={"a": "中\n"}), FIRE)
    assert body == f'{{"data":{{"a":"中\\n"}},"tasklogid":"{FIRE}"}}'.encode()


@pytest.mark.parametrize(
    "url",
    [
        "http://receiver.test",
        "https://receiver.test:8443/a/b?c=d&e=%20",
        "HTTP://127.0.0.1:1/",
        "http://[::1]:8080/x",
        "http://接收.test/路径",
        "http://r/" + "a" * 2039,
    ],
)
def test_a_url_that_can_be_called_passes_unchanged(url):
    assert check_url(url) == url


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("", "recall.url_length"),
        ("http://r/" + "a" * 2040, "recall.url_length"),
        ("http://r/a b", "recall.url_characters"),
        ("http://r/a\tb", "recall.url_characters"),
        ("http://r\\@evil.test/", "recall.url_characters"),
        ("http://r/\u202e", "recall.url_characters"),
        ("http://[::1/", "recall.url_syntax"),
        ("http://r:70000/", "recall.url_syntax"),
        ("http://r:x/", "recall.url_syntax"),
        ("http://r:0/", "recall.url_syntax"),
        ("http:///path", "recall.url_syntax"),
        ("http:receiver", "recall.url_syntax"),
        ("ftp://receiver.test/", "recall.url_scheme"),
        ("file:///etc/passwd", "recall.url_scheme"),
        ("receiver.test/path", "recall.url_scheme"),
        ("http://user@r/", "recall.url_parts"),
        ("http://user:pass@r/", "recall.url_parts"),
        ("http://r/#top", "recall.url_parts"),
        ("http://r/#", "recall.url_parts"),
        ("http://0x7f000001/", "egress.spelling"),
        ("http://127.1/", "egress.spelling"),
    ],
)
def test_a_url_that_cannot_be_called_is_refused_by_its_rule(url, code):
    with pytest.raises(Invalid) as caught:
        check_url(url)
    assert caught.value.code == code


@pytest.mark.parametrize("host", ["receiver.test", "10.0.0.7", "::1", "fd12::7", "a_b", "r"])
def test_a_host_that_can_be_called_passes_unchanged(host):
    assert check_host(host) == host


@pytest.mark.parametrize(
    ("host", "code"),
    [
        ("", "recall.host"),
        ("a b", "recall.host"),
        ("http://r", "recall.host"),
        ("-r", "recall.host"),
        ("r:80", "recall.host"),
        ("a" * 300, "recall.host"),
        ("a:b:c", "recall.host"),
        ("1.2:3", "recall.host"),
        ("127.1", "egress.spelling"),
    ],
)
def test_a_host_that_cannot_be_called_is_refused_by_its_rule(host, code):
    with pytest.raises(Invalid) as caught:
        check_host(host)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("data", "kept"),
    [
        ('{"a":1}', {"a": 1}),
        (' {"a":{"b":[null]}} ', {"a": {"b": [None]}}),
        ("text", "text"),
        ("[1]", "[1]"),
        ("7", "7"),
        ("", ""),
        ("{not json", "{not json"),
        ('{"a":1,"a":2}', '{"a":1,"a":2}'),
        ({"a": '{"b":1}'}, {"a": '{"b":1}'}),
        (None, None),
    ],
)
def test_text_that_holds_an_object_becomes_it_and_other_data_stays(data, kept):
    assert check_data(data) == kept


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ("a\0b", "json.text"),
        ({"a": "\ud800"}, "json.text"),
        ({"\0": 1}, "json.text"),
        ("a" * 262_145, "recall.data_size"),
        ("中" * 90_000, "recall.data_size"),
    ],
)
def test_data_that_cannot_be_kept_is_refused(data, code):
    with pytest.raises(Invalid) as caught:
        check_data(data)
    assert caught.value.code == code


def test_data_that_is_nested_too_deeply_is_refused():
    data = "bottom"
    for _ in range(70):
        data = [data]
    with pytest.raises(Invalid) as caught:
        check_data({"a": data})
    assert caught.value.code == "json.deep"


def test_an_ipv6_address_is_shown_in_brackets():
    assert SocketRecall(host="::1", port=9).address == "[::1]:9"
