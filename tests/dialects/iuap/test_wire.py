"""Bytes to fields, without a server."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dispatchserver.dialects.iuap.reading import read_add, read_key, read_report
from dispatchserver.dialects.iuap.setting import Habits
from dispatchserver.dialects.iuap.wire import envelope, read_fields
from dispatchserver.domain.errors import DispatchError
from dispatchserver.messages import LANGUAGES, say_error
from tests.dialects.building import a_cron, a_form, a_recall, a_simple, text, times

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=b"
NOW = datetime(2026, 11, 22, tzinfo=UTC)
HABITS = Habits(zone=ZoneInfo("Asia/Shanghai"))


def refusal(body, content_type=FORM, query=""):
    with pytest.raises(DispatchError) as caught:
        read_fields(body, content_type, query)
    return say_error("en", caught.value)


def a_part(name, value):
    return b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name, value)


@pytest.mark.parametrize(
    ("body", "content_type", "query"),
    [
        (b"id=a+b%21", FORM, ""),
        (b'{"id":"a b!"}', FORM, ""),
        (b' \r\n{"id":"a b!"} ; ', "text/xml", ""),
        (b'\xef\xbb\xbf{"id":"a b!"}', "", ""),
        (a_part(b"id", b"a b!") + b"--b--\r\n", MULTIPART, ""),
        (a_part(b"id", b"a b!") + b"--b--", 'Multipart/Form-Data; charset=UTF-8; boundary="b"', ""),
        (b"", FORM, "id=a%20b!"),
        (b"", "", "id=a b!"),
        (b'data={"id":"a b!"}', FORM, ""),
        (b'{"data":"{\\"id\\":\\"a b!\\"};"}', FORM, ""),
        (b'{"data":{"id":"a b!"}}', "application/json", ""),
        (b"id=a b!\r\n", "application/octet-stream", "id=other"),
    ],
)
def test_a_field_is_found_however_it_was_sent(body, content_type, query):
    assert read_fields(body, content_type, query) == {"id": "a b!"}


@pytest.mark.parametrize("charset", ["utf-8", "gbk", "gb18030"])
@pytest.mark.parametrize("said", ["", "; charset={}", '; charset="{}"', ";CharSet={}"])
def test_chinese_is_read_in_either_encoding(charset, said):
    content_type = FORM + said.format(charset)
    assert read_fields("id=任务".encode(charset), content_type, "") == {"id": "任务"}
    assert read_fields('{"id":"任务"}'.encode(charset), content_type, "") == {"id": "任务"}
    parts = a_part(b"id", "任务".encode(charset)) + b"--b--"
    assert read_fields(parts, MULTIPART + said.format(charset), "") == {"id": "任务"}


def test_java_says_latin_1_and_means_utf_8():
    body = "id=任务".encode()
    assert read_fields(body, FORM + "; charset=ISO-8859-1", "") == {"id": "任务"}


def test_a_line_break_inside_a_part_is_kept():
    body = a_part(b"a", b"1\r\n2\n") + a_part(b"b", b"") + b"--b--"
    assert read_fields(body, MULTIPART, "") == {"a": "1\r\n2\n", "b": ""}


@pytest.mark.parametrize("charset", ["utf-7", "utf-16", "shift_jis", "x", "\udcff"])
def test_another_charset_is_refused_by_its_name(charset):
    assert "UTF-8 or GBK" in refusal(b"id=1", f"{FORM}; charset={charset}")


@pytest.mark.parametrize("body", [b"id=\xff\xff", b'{"id":"\xff\xff"}', b"id=%ff%ff"])
def test_bytes_in_no_charset_are_refused(body):
    assert refusal(body) == "body: is neither UTF-8 nor GBK; send UTF-8"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"&".join(b"f%d=1" % n for n in range(65)), FORM),
        (a_part(b"n", b"1") * 65 + b"--b--", MULTIPART),
    ],
)
def test_more_than_64_fields_are_refused(body, content_type):
    assert "at most 64" in refusal(body, content_type)


def test_64_fields_are_read():
    assert len(read_fields(b"&".join(b"f%d=1" % n for n in range(64)), FORM, "")) == 64


@pytest.mark.parametrize("body", [b"id=1&id=2", b"id=1&id="])
def test_a_field_given_twice_is_refused_by_its_name(body):
    assert "the field id twice" in refusal(body)


@pytest.mark.parametrize(
    "body", [b"", b"--b", a_part(b"a", b"1"), b"--b\r\n\r\n--b--", b"--b\r\nX: y\r\n\r\n1\r\n--b--"]
)
def test_a_broken_multipart_is_refused(body):
    assert "multipart/form-data" in refusal(body, MULTIPART)
    assert "multipart/form-data" in refusal(body, "multipart/form-data")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"id":1', "body: is not valid JSON: look at character 8"),
        (b"{]", "look at character 2"),
        (b'{"id":1} {"id":2}', "look at character 10"),
        (b'{"a":NaN}', "NaN"),
        (b'{"a":-Infinity}', "-Infinity"),
        (b'{"a":1e999}', "too large"),
        (b'{"a":' + b"1" * 5000 + b"}", "too large"),
        (b'{"a":1,"a":2}', "the key a twice"),
        (b'{"\\ud800":1,"\\ud800":2}', "\\xd800"),
        (b'{"a":"\\ud800"}', "surrogate"),
        (b'{"a":"\\u0000"}', "NUL"),
        (b'{"a":' + b"[" * 65 + b"]" * 65 + b"}", "at most 64 levels"),
        (b'{"a":' * 100_000, "at most 64 levels"),
        (b"data={", "data: is not valid JSON"),
        (b"data=hello", "data: is not valid JSON"),
        (b"data=[]", "data: must be a JSON object"),
    ],
)
def test_json_that_no_store_could_keep_is_refused(body, words):
    assert words in refusal(body)


def test_what_was_sent_never_makes_a_message_long():
    key = b"k" * 100_000
    assert len(refusal(b'{"%s":1,"%s":2}' % (key, key))) < 2000
    assert len(refusal(b"%s=1&%s=1" % (key, key))) < 2000


@pytest.mark.parametrize("word", ["true", True, "TRUE", " true "])
def test_only_true_reports_success(word):
    assert read_report({"id": "x", "success": word}).success is True
    assert read_report({"id": " x ", "success": f"{word}!"}).success is False


def test_the_envelope_is_compact_and_in_order():
    assert envelope() == b'{"success":true,"error":null,"resultValue":null}'
    assert envelope("坏") == '{"success":false,"error":"坏","resultValue":null}'.encode()


PATIENT = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
KINDS = [
    FORM,
    "",
    "application/json",
    MULTIPART,
    FORM + "; charset=gbk",
    "text/plain;charset=utf-7",
]
WORDS = [
    b"{",
    b"}",
    b"[",
    b"]",
    b'"',
    b":",
    b",",
    b"=",
    b"&",
    b";",
    b"\r\n",
    b"--b",
    b"--",
    b"%",
    b"null",
]
WORDS += [
    b"id",
    b"data",
    b"recallConfig",
    b"taskConfig",
    b"jobName",
    b"1e999",
    b"\\ud800",
    b"\xb0\xa1",
]
BODIES = st.one_of(
    st.binary(), st.lists(st.sampled_from(WORDS) | st.binary(max_size=3)).map(b"".join)
)
HEADERS = st.sampled_from(KINDS) | st.text(max_size=40).map(lambda tail: MULTIPART + tail)


@PATIENT
@given(body=BODIES, content_type=HEADERS, query=st.text(max_size=30))
def test_no_bytes_whatever_break_the_reading(body, content_type, query):
    try:
        fields = read_fields(body, content_type, query)
    except DispatchError as error:
        for lang in LANGUAGES:
            assert say_error(lang, error).encode()
    else:
        for read in (read_key, read_report, lambda given: read_add(given, NOW, HABITS)):
            try_to(read, fields)


SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
VALUES = st.recursive(
    SCALARS
    | TEXTS
    | st.sampled_from(["0 0 12 * * ?", "SECOND", "HTTP", "2026-11-22", "9" * 15, "1d"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


def some_of(whole):
    """The object with some of its values replaced by anything."""
    return st.dictionaries(st.sampled_from(sorted(whole)), VALUES, max_size=3).map(whole.__or__)


POLICIES = {"connectTimeout": 1, "timeout": "1s", "reportTimeout": "1h"}
WHEN = {"startDate": None, "endDate": None, "policies": POLICIES}
ADDS = st.builds(
    lambda task, recall, form: form | {"taskConfig": task, "recallConfig": recall},
    some_of(a_cron(**WHEN)) | some_of(a_simple(times(), **WHEN)) | some_of(times()).map(a_simple),
    some_of(a_recall()) | VALUES.map(lambda option: a_recall(option=option)),
    some_of(a_form(note="")),
)


@PATIENT
@given(fields=ADDS)
def test_no_values_whatever_break_an_add(fields):
    try_to(lambda given: read_add(given, NOW, HABITS), fields)
    as_texts = {k: text(v) if isinstance(v, dict) else v for k, v in fields.items()}
    try_to(lambda given: read_add(given, NOW, HABITS), as_texts)


def try_to(read, fields):
    """Reads; a refusal must be fit to be told in every language."""
    try:
        read(fields)
    except DispatchError as error:
        for lang in LANGUAGES:
            assert say_error(lang, error).encode()
