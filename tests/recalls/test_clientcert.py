"""Client certificates at a real TLS receiver that demands them."""

import os
import subprocess

import pytest

from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.fire import Delivery, Reason
from dispatchserver.domain.recall import HttpRecall
from dispatchserver.recalls.clientcert import check_pair
from dispatchserver.recalls.http import HttpTarget
from tests.certificates import demanding, make_pair
from tests.recalls.conftest import an_order
from tests.recalls.test_http import answering, read_request, reply


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    names = ("server", "ours", "strange")
    return {name: make_pair(folder, name, "rsa" if name == "ours" else "ec") for name in names}


@pytest.fixture
def trusted(pairs, monkeypatch):
    """What our side trusts: the server's certificate alone."""
    monkeypatch.setenv("SSL_CERT_FILE", str(pairs["server"].cert))


@pytest.fixture(params=["direct", "by proxy"])
async def show(request, proxy):
    """Sends one recall with a certificate, directly or in a tunnel; the target is shared, so that connections are kept
    between sends.
    """
    target = HttpTarget(proxy=None if request.param == "direct" else proxy.proxy)

    async def send(port, pem):
        recall = HttpRecall(url=f"https://127.0.0.1:{port}/x")
        return await target.send(an_order(recall, client_pem=pem, connect=3, total=3))

    yield send
    await target.close()


async def test_a_receiver_that_demands_a_certificate_is_shown_it(pairs, trusted, peer, show):
    seen = []
    context = demanding(pairs["server"], pairs["ours"])
    port = await peer(answering(reply(b"fine"), seen=seen), ssl=context)
    outcome = await show(port, pairs["ours"].pem)
    assert (outcome.delivery, outcome.status, outcome.body) == (Delivery.ANSWERED, 200, b"fine")
    assert len(seen) == 1


async def test_without_the_certificate_that_is_demanded_nothing_gets_through(
    pairs, trusted, peer, show
):
    seen = []
    context = demanding(pairs["server"], pairs["ours"])
    port = await peer(answering(reply(b"fine"), seen=seen), ssl=context)
    outcome = await show(port, pairs["strange"].pem)
    assert outcome.delivery is not Delivery.ANSWERED
    assert seen == []


async def test_another_certificate_does_not_ride_on_a_connection_that_is_kept(
    pairs, trusted, peer, show
):
    """The receiver knows the first caller by its connection, so a second one must not share it."""
    shown = []

    async def talk(reader, writer):
        certificate = writer.get_extra_info("peercert")
        while True:
            await read_request(reader)
            shown.append(certificate["subject"][0][0][1])
            writer.write(reply(b"fine"))
            await writer.drain()

    context = demanding(pairs["server"], pairs["ours"], pairs["strange"])
    port = await peer(talk, ssl=context)
    for name in ("ours", "strange", "ours"):
        assert (await show(port, pairs[name].pem)).body == b"fine"
    assert shown == ["ours", "strange", "ours"]


async def test_the_receiver_is_verified_all_the_same(pairs, monkeypatch, peer, show):
    monkeypatch.setenv("SSL_CERT_FILE", str(pairs["strange"].cert))
    seen = []
    context = demanding(pairs["server"], pairs["ours"])
    port = await peer(answering(reply(), seen=seen), ssl=context)
    # the text differs from that of the other tests, so that no context is shared with them
    outcome = await show(port, pairs["ours"].pem + "\n")
    assert (outcome.delivery, outcome.reason) == (Delivery.NOT_SENT, Reason.TLS)
    assert "self-signed certificate" in outcome.detail
    assert seen == []


def bad_pairs(pairs, tmp_path):
    """Texts that are no certificate with its own open key."""
    ours, locked = pairs["ours"], tmp_path / "locked.key"
    command = f"openssl rsa -aes256 -passout pass:canary -in {ours.key} -out {locked}"
    subprocess.run(command.split(), check=True, capture_output=True)
    cert, key = ours.cert.read_text(), ours.key.read_text()
    return {
        "token": "canary-token",
        "no key": cert,
        "no certificate": key,
        "another's key": cert + pairs["strange"].key.read_text(),
        "locked key": cert + locked.read_text(),
        "torn": cert[: len(cert) // 2] + key,
        "not ASCII": "証明書",
    }


async def test_a_text_that_is_no_pair_is_refused_and_not_told(pairs, tmp_path, trusted, show):
    for text in bad_pairs(pairs, tmp_path).values():
        with pytest.raises(Invalid) as refused:
            check_pair(text)
        assert refused.value.code == "sending.value_pair"
        assert "PRIVATE" not in repr(refused.value) and "canary" not in repr(refused.value)
        outcome = await show(1, text)
        assert (outcome.delivery, outcome.reason) == (Delivery.NOT_SENT, Reason.SECRET)
        assert "not encrypted" in outcome.detail and "canary" not in outcome.detail


@pytest.mark.parametrize("first", ["cert", "key"])
def test_certificate_and_key_stand_in_any_order(pairs, first):
    ours = pairs["ours"]
    cert, key = ours.cert.read_text(), ours.key.read_text()
    check_pair(cert + key if first == "cert" else key + cert)


def test_where_no_file_can_lie_in_memory_one_on_the_disk_serves_and_is_gone_after(
    pairs, monkeypatch, tmp_path
):
    monkeypatch.delattr(os, "memfd_create", raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    check_pair(pairs["ours"].pem + "\n\n")
    assert list(tmp_path.iterdir()) == []
