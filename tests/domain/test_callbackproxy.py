"""Which callbacks go through the proxy, and how one is named."""

import pytest

from dispatchserver.domain.callbackproxy import CallbackProxy, basic, read_proxy
from dispatchserver.domain.egresspolicy import read_allowed
from dispatchserver.domain.errors import Invalid

LINES = ("10.0.0.0/8", "127.0.0.1:8080", "*.inner.test", "one.test:443", "[fd00::/8]:443")


def takes(host, port=80):
    direct = tuple(map(read_allowed, LINES))
    return CallbackProxy(host="proxy.test", port=3128, direct=direct).takes(host, port)


@pytest.mark.parametrize(
    ("host", "port"),
    [
        ("10.1.2.3", 80),
        ("127.0.0.1", 8080),
        ("localhost", 8080),
        ("A.Inner.Test.", 80),
        ("one.test", 443),
        ("fd00::1", 443),
    ],
)
def test_what_is_excepted_is_called_without_it(host, port):
    assert not takes(host, port)


@pytest.mark.parametrize(
    ("host", "port"),
    [
        ("11.1.2.3", 80),
        ("127.0.0.1", 8081),
        ("inner.test", 80),
        ("inner.test.evil", 80),
        ("one.test", 80),
        ("fd00::1", 80),
        ("receiver.test", 80),
    ],
)
def test_all_else_goes_through_it(host, port):
    assert takes(host, port)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("http://proxy.test:3128", ("proxy.test", 3128)),
        ("http://10.0.0.1:80/", ("10.0.0.1", 80)),
        ("http://[fd00::1]:3128", ("fd00::1", 3128)),
    ],
)
def test_a_proxy_is_named_by_a_plain_address(text, found):
    assert read_proxy(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "proxy.test:3128",
        "https://proxy.test:3128",
        "socks5://proxy.test:1080",
        "http://proxy.test",
        "http://proxy.test:0",
        "http://proxy.test:99999",
        "http://proxy.test:x",
        "http://:3128",
        "http://a:b@proxy.test:3128",
        "http://proxy.test:3128/path",
        "http://proxy.test:3128?x",
        "http://proxy.test:3128#x",
        "http://[proxy.test:3128",
        "http://proxy\ttest:3128",
        "",
    ],
)
def test_anything_else_is_refused(text):
    with pytest.raises(Invalid, match=r"callback_proxy\.url"):
        read_proxy(text)


def test_who_asks_is_told_as_proxies_read_it_and_not_by_its_repr():
    # the example of RFC 7617
    assert basic("Aladdin:open sesame") == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    proxy = CallbackProxy(host="h", port=1, authorization=basic("a:canary"))
    assert proxy.authorization not in repr(proxy)
