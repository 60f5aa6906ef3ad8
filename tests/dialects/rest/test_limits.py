"""What no caller can do to the server: by size, by depth, by odd bytes. Every refusal says why."""

import gzip
import io
import json
import zlib
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dispatchserver.auth.intake import BodyBroken, BodyTooLarge, unpack
from tests.dialects.building import a_cron, a_form, a_key, a_recall, text

EN = {"Accept-Language": "en"}
MIB = 1024 * 1024


async def refused(server, body, headers=None):
    """Status and words of a refusal that left nothing behind."""
    reply = await server.post("add.do", io.BytesIO(body), EN | (headers or {}))
    assert reply.doc["success"] is False
    assert (await server.get("/tasks")).doc["items"] == []
    return reply.status, reply.error


def an_add(size):
    """A form of exactly this many bytes."""
    form = "&".join(f"{k}={quote_from_bytes(v.encode())}" for k, v in a_form().items())
    return (form + "&pad=" + "x" * (size - len(form) - 5)).encode()


async def test_one_mebibyte_is_read(server):
    assert (await server.post("add.do", io.BytesIO(an_add(MIB)))).status == 200
    assert await server.task() is not None


async def test_one_byte_more_is_refused(server):
    status, error = await refused(server, an_add(MIB + 1))
    assert (status, str(MIB) in error) == (413, True)


async def test_one_byte_more_in_chunks_is_refused(server):
    reply = await server.raw_post("/add.do", an_add(MIB + 1), chunked=True)
    assert (reply.status, reply.doc["success"]) == (413, False)


async def test_a_packed_bomb_is_refused_unpacked(server):
    headers = {"Content-Encoding": "gzip"}
    status, _ = await refused(server, gzip.compress(b"x" * 50 * MIB), headers)
    assert status == 413


async def test_a_packed_body_is_read(server):
    packed = gzip.compress(an_add(1000))
    reply = await server.post("add.do", packed, {"Content-Encoding": "gzip"})
    assert reply.doc["success"] is True


def deflated(body):
    """Without any header, as many clients send it."""
    packing = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packing.compress(body) + packing.flush()


@pytest.mark.parametrize(
    ("packing", "pack"),
    [
        ("gzip", gzip.compress),
        ("GZIP", gzip.compress),
        ("x-gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", deflated),
        ("identity", bytes),
        ("gzip", lambda _: b""),
    ],
)
def test_a_body_is_unpacked_as_it_is_packed(packing, pack):
    packed = pack(b"fine")
    assert unpack(packed, packing) == (b"fine" if packed else b"")


@pytest.mark.parametrize(
    ("packed", "packing"),
    [
        (gzip.compress(b"cut off")[:-9], "gzip"),
        (gzip.compress(b"one") + b"more", "gzip"),
        (gzip.compress(gzip.compress(b"twice")), "gzip, gzip"),
        (b"brotli", "br"),
    ],
    ids=["cut off", "more behind it", "packed twice", "another packing"],
)
def test_a_body_that_cannot_be_unpacked_is_broken(packed, packing):
    with pytest.raises(BodyBroken):
        unpack(packed, packing)


def test_a_body_of_just_the_limit_is_unpacked_and_one_byte_more_is_not():
    assert len(unpack(gzip.compress(b"x" * MIB), "gzip")) == MIB
    with pytest.raises(BodyTooLarge):
        unpack(gzip.compress(b"x" * (MIB + 1)), "gzip")


async def test_a_body_that_is_not_packed_as_it_says_is_refused(server):
    reply = await server.post("add.do", b"not gzip", EN | {"Content-Encoding": "gzip"})
    assert (reply.status, reply.doc["success"]) == (400, False)
    assert reply.error.startswith("The body cannot be unpacked or is incomplete")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"&".join(b"f%d=" % n for n in range(65)), "at most 64"),
        (b'{"a":' + b"[" * 100 + b"]" * 100 + b"}", "at most 64 levels"),
        (b'{"a":' * 50_000, "at most 64 levels"),
        (b'{"a":NaN}', "NaN, which is not JSON"),
        (b'{"a":1e400}', "too large"),
        (b'{"a":' + b"9" * 5000 + b"}", "too large"),
        (b'{"a":1,"a":2}', "the key a twice"),
        (b'{"a":"\\udc00"}', "surrogate"),
        (b'{"a":"\\u0000"}', "NUL"),
        (b"id=\xff\xff\xff", "neither UTF-8 nor GBK"),
    ],
)
async def test_odd_bodies_are_400_and_say_why(server, body, words):
    status, error = await refused(server, body)
    assert (status, words in error) == (400, True)


@pytest.mark.parametrize("field", ["taskConfig", "recallConfig"])
@pytest.mark.parametrize("bad", ['{"a":NaN}', '{"a":1,"a":1}', '{"a":"\\ud800"}', "[" * 5000, "{"])
async def test_odd_texts_inside_a_form_name_their_field(server, field, bad):
    status, error = await refused(server, json.dumps(a_form() | {field: bad}).encode())
    assert (status, error.startswith(f"{field}: ")) == (200, True)


@pytest.mark.parametrize("name", ["a\0b", "a\nb", "\x7f", " a", "a ", "n" * 201])
async def test_a_name_that_could_mislead_is_refused(server, name):
    for doc in (a_cron(jobCode=name), a_cron(groupCode=name)):
        reply = await server.post(
            "add.do", {"taskConfig": text(doc), "recallConfig": text(a_recall())}
        )
        assert reply.doc["success"] is False


async def test_a_nul_in_the_data_is_refused(server):
    reply = await server.add(recall=a_recall(data={"a": "\0"}), headers=EN)
    assert "recallConfig" in reply.error and "NUL" in reply.error


@pytest.mark.parametrize(
    "head",
    [
        b"POST /dispatchserver/add.do HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n",
        b"POST /dispatchserver/add.do HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n",
        b"POST /dispatchserver/ trigger.do HTTP/1.1\r\n",
        b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"y" * 9000 + b"\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n",
    ],
)
async def test_broken_http_is_400(server, head):
    reply = await server.raw(head + b"Host: 127.0.0.1\r\nConnection: close\r\n\r\n")
    assert reply.status == 400


WORDS = [
    "{",
    "}",
    '"',
    ":",
    ",",
    "[",
    "]",
    "=",
    "&",
    ";",
    "%",
    "null",
    "1e999",
    "\\ud800",
    "联通",
    "\0",
]
WORDS += [
    "recallConfig",
    "taskConfig",
    "jobName",
    "groupName",
    "id",
    "data",
    "--b\r\n",
    "\r\n\r\n",
    "--b--",
]
KINDS = ["application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "application/json"]
KINDS += [
    "text/plain; charset=gbk",
    "x; charset=utf-7",
    "multipart/form-data",
    "multipart/x; a*=b; a*0=c",
]
CALLS = ["add.do", "pause.do", "trigger.do", "delete.do", "taskcallback/updateTaskLog"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
PLAIN = st.lists(st.sampled_from(WORDS) | st.text(max_size=4)).map("".join)
NAMES = st.sampled_from(["task", "", "联通"]) | JSON
FORMS = st.fixed_dictionaries(
    {"taskConfig": JSON, "recallConfig": JSON}, optional=dict.fromkeys(a_key(), NAMES)
)
BODIES = st.binary() | (PLAIN | FORMS.map(json.dumps)).map(lambda s: s.encode("utf-8", "replace"))


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(call=st.sampled_from(CALLS), body=BODIES, kind=st.sampled_from(KINDS))
def test_no_body_whatever_is_answered_with_500(post, call, body, kind):
    reply = post(call, body, {"Content-Type": kind})
    assert reply.status in (200, 400, 401, 413, 415)
    assert set(reply.doc) >= {"success", "error", "resultValue"}
    assert reply.doc["success"] is True or reply.doc["error"]


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    tail=st.binary(max_size=40),
    name=st.sampled_from(["tasks/", "fires/", "tasks?q=", "fires?cursor="]),
)
def test_no_address_whatever_is_answered_with_500(post, name, tail):
    reply = post.get(f"/api/v1/{name}{quote_from_bytes(tail)}")
    assert reply.status in (200, 400, 404)
