"""How callbacks authenticate: what may be a header, what a secret becomes of it, and what a reply may keep of it."""

import base64
import json

import pytest

from dispatchserver.domain.authorization import (
    BasicAuth,
    BearerAuth,
    HeaderAuth,
    MtlsAuth,
    check_header,
    check_headers,
    check_together,
    check_user,
    credentials,
)
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.secrets import (
    VALUE_LIMIT,
    Proof,
    check_secret_name,
    check_secret_value,
    proof_of,
)
from tests.builders import an_outcome

BEARER = BearerAuth(secret="s")
HTTPS, HTTP = "https://receiver.test/", "http://receiver.test/"


def code_of(check, *args):
    with pytest.raises(Invalid) as refused:
        check(*args)
    return refused.value.code


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Tenant", "42"),
        ("x_y", "a b"),
        ("User-Agent", "shop/1"),
        ("Cookie", "a=b"),
        ("!#$%&'*+.^_`|~-9", "~"),
    ],
)
def test_any_other_header_may_be_sent(name, value):
    assert check_header(name, value) == (name, value)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("", "header_name"),
        ("X Tenant", "header_name"),
        ("X-Tenant:", "header_name"),
        ("X-Tenant\r\nX", "header_name"),
        ("Größe", "header_name"),
        ("a" * 101, "header_name"),
        *((name, "header_framing") for name in ("Host", "content-length", "Transfer-Encoding")),
        *(
            (name, "header_framing")
            for name in ("CONNECTION", "TE", "Upgrade", "Expect", "Trailer")
        ),
        ("Keep-Alive", "header_framing"),
        ("Proxy-Authorization", "header_framing"),
        ("Content-Encoding", "header_framing"),
        ("X-Dispatch-Fire-Id", "header_ours"),
        ("x-dispatch-anything", "header_ours"),
        ("Webhook-Signature", "header_ours"),
        ("Content-Type", "header_ours"),
        ("Idempotency-Key", "header_ours"),
        ("traceparent", "header_ours"),
        ("Accept-Encoding", "header_ours"),
    ],
)
def test_a_header_that_is_no_name_or_not_the_owner_s_to_set_is_refused(name, code):
    assert code_of(check_header, name, "x") == f"sending.{code}"


@pytest.mark.parametrize(
    "value", ["", " a", "a ", "a\r\nX: b", "a\nb", "a\0b", "\x7f", "café", "a\tb", "x" * 2001]
)
def test_a_value_that_is_not_one_visible_line_is_refused(value):
    assert code_of(check_header, "X-A", value) == "sending.header_value"


def test_headers_are_few_and_each_named_once():
    many = [(f"X-{number}", "1") for number in range(20)]
    assert check_headers(many) == tuple(many)
    assert code_of(check_headers, [*many, ("X-20", "1")]) == "sending.headers"
    assert code_of(check_headers, [("X-A", "1"), ("x-a", "2")]) == "sending.header_twice"


@pytest.mark.parametrize("user", ["", "a:b", "a\nb", "u" * 201])
def test_what_cannot_be_a_user_is_refused(user):
    assert code_of(check_user, user) == "sending.user"


@pytest.mark.parametrize(
    ("url", "auth", "headers", "code"),
    [
        (HTTP, MtlsAuth(secret="s"), (), "sending.https"),
        (HTTP, BEARER, [("authorization", "x")], "sending.header_taken"),
        (HTTPS, MtlsAuth(secret="s"), [("Authorization", "x")], "sending.header_taken"),
        (
            HTTP,
            HeaderAuth(name="X-Api-Key", secret="s"),
            [("x-api-key", "1")],
            "sending.header_taken",
        ),
    ],
)
def test_what_makes_no_sense_together_is_refused(url, auth, headers, code):
    assert code_of(check_together, [HTTPS, url], auth, headers) == code


def test_what_makes_sense_together_is_taken():
    check_together([HTTPS], MtlsAuth(secret="s"), [("X-A", "1")])
    check_together(["HTTPS://receiver.test/"], MtlsAuth(secret="s"), [])
    check_together([HTTP], None, [("Authorization", "a fixed one, which everybody sees")])


def test_each_way_makes_the_header_that_its_rfc_says():
    told = base64.b64encode("rené:p:ä ß".encode()).decode()
    assert credentials(BEARER, "tok.en") == (("Authorization", "Bearer tok.en"),)
    basic = BasicAuth(user="rené", secret="s")
    assert credentials(basic, "p:ä ß") == (("Authorization", f"Basic {told}"),)
    assert credentials(HeaderAuth(name="X-K", secret="s"), "Key 1") == (("X-K", "Key 1"),)
    assert credentials(MtlsAuth(secret="s"), "-----BEGIN\n") == ()


@pytest.mark.parametrize("value", ["two\nlines", "a\r\nX-Evil: 1", "schlüssel", " a", "a\0"])
def test_a_value_that_cannot_stand_in_a_header_is_refused_and_not_told(value):
    for auth in (BEARER, HeaderAuth(name="X-K", secret="s")):
        with pytest.raises(Invalid) as refused:
            credentials(auth, value)
        assert value not in repr(refused.value)


def test_a_password_of_two_lines_is_refused():
    assert code_of(credentials, BasicAuth(user="u", secret="s"), "a\nb") == "sending.value_password"


@pytest.mark.parametrize("name", ["a", "shop.api-key_2", "Z" * 64])
def test_a_secret_s_name_is_short_and_plain(name):
    assert check_secret_name(name) == name


@pytest.mark.parametrize("name", ["", "a b", "a/b", "密", "a\n", "z" * 65])
def test_what_cannot_be_a_secret_s_name_is_refused(name):
    assert code_of(check_secret_name, name) == "secret.name"


def test_line_ends_behind_a_value_are_not_part_of_it():
    assert check_secret_value("token\r\n\n") == "token"
    assert check_secret_value(" a\nb ") == " a\nb "
    assert check_secret_value("x" * VALUE_LIMIT + "\n") == "x" * VALUE_LIMIT


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("", "secret.value"),
        ("\n", "secret.value"),
        ("x" * (VALUE_LIMIT + 1), "secret.value"),
        ("密" * (VALUE_LIMIT // 3 + 1), "secret.value"),
        ("a\0b", "json.text"),
        ("a\ud800", "json.text"),
    ],
)
def test_a_value_that_cannot_be_kept_is_refused(value, code):
    assert code_of(check_secret_value, value) == code


def test_a_reply_that_repeats_a_secret_is_kept_without_it():
    value = 'can"ary\\é-token'
    auth = BasicAuth(user="u", secret="s")
    proof = proof_of(credentials(auth, value), value)
    sent = dict(proof.headers)["Authorization"]
    echo = json.dumps({"got": sent, "said": value}) + json.dumps(value, ensure_ascii=False) + value
    kept = proof.veiled(an_outcome(echo.encode(), detail=f"bad header {sent}"))
    text = kept.body.decode() + kept.detail
    assert "ary" not in text and sent.split()[1] not in text
    assert json.loads(kept.body.decode().split("}")[0] + "}")["said"] == "•••"


def test_of_a_secret_that_a_text_was_cut_in_nothing_is_kept():
    proof = proof_of((("X-K", "canary-token"),), "canary-token")
    assert proof.veiled_text("you sent canary-tok") == "you sent •••"
    assert proof.veiled_text("canary-token canary") == "••• •••"
    assert proof.veiled_text("you sent canar") == "you sent canar"


def test_a_short_secret_does_not_tear_a_reply_to_pieces():
    proof = proof_of((("X-K", "true"),), "true")
    outcome = an_outcome(b'{"success": true}')
    assert proof.veiled(outcome) == outcome


def test_what_proves_is_not_told_by_its_repr():
    proof = Proof(headers=(("A", "canary"),), client_pem="canary", words=("canary",))
    assert "canary" not in repr(proof)
