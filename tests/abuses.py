"""Hostile requests as bytes: the doors in this process meet them in tests/dialects, a whole server in tests/faults."""

import gzip
import zlib

DO = b"POST /dispatchserver/add.do HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
REST = b"PUT /api/v1/tasks/g/t HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
LOGIN = b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
GET = b"GET /healthz HTTP/1.1\r\n"
HOST = b"Host: 127.0.0.1\r\nConnection: close\r\n"


BROKEN = {
    "a length beside chunks": DO
    + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks beside a length": DO
    + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    "two lengths": DO + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
    "a signed length": DO + b"Content-Length: +2\r\n\r\n{}",
    "a length of another kind": DO + b"Content-Length: 0x2\r\n\r\n{}",
    "chunked twice": DO + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "an unknown framing": DO + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a size of a chunk that is none": DO
    + b"Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n",
    "bare line feeds": GET.replace(b"\r\n", b"\n") + HOST.replace(b"\r\n", b"\n") + b"\n",
    "a bare carriage return": GET + b"X: a\rY: b\r\n" + HOST + b"\r\n",
    "a blank before the colon": GET + b"X : a\r\n" + HOST + b"\r\n",
    "a folded line": GET + b"X: a\r\n b\r\n" + HOST + b"\r\n",
    "a NUL in a header": GET + b"X: a\0b\r\n" + HOST + b"\r\n",
    "no host": GET + b"Connection: close\r\n\r\n",
    "two hosts": GET + b"Host: localhost\r\n" + HOST + b"\r\n",
    "129 headers": GET + HOST + b"".join(b"X%d: 1\r\n" % n for n in range(127)) + b"\r\n",
    "a line of 8191": GET + HOST + b"X: " + b"y" * 8191 + b"\r\n\r\n",
    "an address of 8191": b"GET /" + b"x" * 8191 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "another protocol": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "another version": b"GET /healthz HTTP/3.7\r\n" + HOST + b"\r\n",
}


CHARSETS = [b"utf-7", b"utf-16", b"shift_jis", b"nonsense"]
TRICKS = [
    b"/ADD.DO",
    b"//add.do",
    b"/x/../add.do",
    b"/./add.do",
    b"/add.do/",
    b"/add.do%00",
    b"/add%2edo.do",
]
SPELLINGS = [b"/%61dd.do", b"/add%2edo", b"http://127.0.0.1/add.do"]
MANY_FIELDS = b"&".join(b"f%d=" % n for n in range(100_000))
PARTS = b"Content-Type: multipart/form-data; boundary=b\r\n"
_PART = b'--b\r\nContent-Disposition: form-data; name="%d"\r\n\r\n1\r\n'
MANY_PARTS = b"".join(_PART % n for n in range(10_000)) + b"--b--\r\n"
ODD = [
    (b'{"a":NaN}', "NaN"),
    (b'{"a":-Infinity}', "-Infinity"),
    (b'{"a":1e999}', "too large"),
    (b'{"a":' + b"9" * 4301 + b"}", "too large"),
    (b'{"a":1,"a":2}', "the key a twice"),
    (b'{"a":"\\ud800"}', "surrogate"),
    (b'{"a":"\\u0000"}', "NUL"),
    (b'{"a":' + b"[" * 65 + b"]" * 65 + b"}", "at most 64 levels"),
    (b'{"a":' * 100_000, "at most 64 levels"),
    (b'{"a":"\xff"}', "UTF-8"),
]


BOMBS = {
    "in chunks": (
        b"Transfer-Encoding: chunked\r\n",
        b"200000\r\n" + b"x" * 0x200000 + b"\r\n0\r\n\r\n",
    ),
    "packed": (b"Content-Encoding: gzip\r\n", gzip.compress(b" " * 50_000_000)),
    "packed otherwise": (b"Content-Encoding: deflate\r\n", zlib.compress(b" " * 50_000_000)),
}


SLOW = {
    "nothing at all": b"",
    "half a line": b"POST /add.do HT",
    "a head without its end": DO + b"X: 1\r\n",
}


SLOW_BODIES = {
    "a body that stops": b"Content-Length: 100\r\n\r\nid=",
    "chunks that stop": b"Transfer-Encoding: chunked\r\n\r\n3\r\nid=\r\n",
    "endless trailers": b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: y\r\n" * 100,
    "an endless chunk extension": b"Transfer-Encoding: chunked\r\n\r\n3;" + b"x" * 200_000,
}
CRON_BOMBS = [
    "0 0 0 30 2 ?",
    "0 0 0 31 2,4,6,9,11 ?",
    "0 0 0 L-30W 2 ?",
    "0 0 0 ? 2 2#5 2027,2029-2031",
    "0 0 0 29 2 ? 2097-2103",
    "59 59 23 31 12 ? 2999",
    "0 30 2 ? 3 1#2",
    "0-59/1," * 30 + "0 * * * * ?",
    "0," * 120 + "0 * * * * ?",
    "0/" + "9" * 240 + " * * * * ?",
    "0 0 0 ? * " + ",".join(["SUN-SAT/1"] * 24),
    "0 0 0 " + ",".join(f"{day}W" for day in range(1, 32)) + " 2 ?",
    "*/5 * * * " + "0," * 120 + "1",
    "0 " * 128,
    "*" * 256,
    "@" + "x" * 255,
]
LONG_CRON_BOMBS = ["0," * 20_000 + "0 * * * * ?", "0/" + "9" * 5_000 + " * * * * ?"]
