"""Signatures on callbacks: what the server makes, its receivers and others check."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.signing import check_key, key_text, masked, signature
from dispatchserver.receiver import WrongSignature, verify

KEY, OTHER = key_text(b"k" * 32), key_text(b"o" * 32)
NOW = 1_772_625_600
BODY = '{"data":{"城市":"北京"}}'.encode()


def headers(keys=(KEY,), fire_id="f" * 32, at=NOW, body=BODY):
    return {
        "Webhook-Id": fire_id,
        "Webhook-Timestamp": str(at),
        "Webhook-Signature": signature(keys, fire_id, at, body),
    }


@given(st.binary(max_size=2_000), st.binary(min_size=24, max_size=64))
def test_what_is_signed_is_verified_whatever_it_holds(body, random):
    key = key_text(random)
    sent = headers([key], body=body)
    assert verify(key, sent, body, now=NOW) == "f" * 32


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"Webhook-Id": "e" * 32}, "no signature"),
        ({"Webhook-Timestamp": str(NOW + 1)}, "no signature"),
        ({"Webhook-Timestamp": "soon"}, "not a number"),
        ({"Webhook-Timestamp": "٣"}, "not a number"),
        ({"Webhook-Signature": ""}, "webhook-signature is missing"),
        ({"Webhook-Signature": "v1,!!!"}, "no signature"),
        ({"Webhook-Signature": "v2,AAAA"}, "no signature"),
        ({"Webhook-Id": ""}, "webhook-id is missing"),
    ],
)
def test_whatever_was_changed_is_not_trusted(changed, why):
    with pytest.raises(WrongSignature, match=why):
        verify(KEY, headers() | changed, BODY, now=NOW)


def test_another_body_or_key_is_not_trusted():
    with pytest.raises(WrongSignature):
        verify(KEY, headers(), BODY + b" ", now=NOW)
    with pytest.raises(WrongSignature):
        verify(OTHER, headers(), BODY, now=NOW)


@pytest.mark.parametrize("late", [-301, 301, 86_400])
def test_a_callback_of_another_time_is_not_trusted(late):
    with pytest.raises(WrongSignature, match="clock"):
        verify(KEY, headers(), BODY, now=NOW + late)
    assert verify(KEY, headers(), BODY, now=NOW + late, tolerance_s=100_000)


def test_while_keys_are_rotated_receivers_may_know_either_one_or_both():
    sent = headers([OTHER, KEY])
    for known in (KEY, OTHER, [KEY, OTHER], ["whsec_" + "A" * 40, KEY]):
        assert verify(known, sent, BODY, now=NOW) == "f" * 32


@pytest.mark.parametrize(
    "text",
    [
        "",
        "whsec_",
        "secret",
        "whsec_!!!!",
        "whsec_" + "A" * 28,
        KEY.removeprefix("whsec_"),
        key_text(b"x" * 65),
    ],
)
def test_what_is_no_key_is_refused(text):
    with pytest.raises(Invalid) as told:
        check_key(text)
    assert told.value.code == "signing.key"


def test_a_key_is_shown_only_by_its_beginning():
    assert check_key(KEY) == KEY
    assert masked(KEY) == "whsec_a2tr…"


def test_a_receiver_needs_nothing_but_python_to_verify():
    code = (
        "import sys; from dispatchserver.receiver import verify; "
        "print([m for m in ('aiohttp', 'pydantic', 'yarl', 'click', 'jinja2') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
