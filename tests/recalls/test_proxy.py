"""HTTP callbacks through a proxy: what that is told, what it may do wrong, and what only the receiver hears."""

import asyncio
import socket

import pytest

from dispatchserver.domain.callbackproxy import CallbackProxy, basic
from dispatchserver.domain.egresspolicy import EgressPolicy, Profile, read_allowed
from dispatchserver.domain.fire import Delivery, Reason
from dispatchserver.domain.recall import HttpRecall
from dispatchserver.eventloop import new_event_loop
from dispatchserver.recalls.http import HttpTarget
from tests.certificates import make_chain, showing
from tests.forwarding import forwarding
from tests.recalls.conftest import an_order, posting
from tests.recalls.manners import a_reply, http, polite, read_request, talking

SECRET = basic("ops:canary-word")
NOT_SENT = (Delivery.NOT_SENT, Reason.CONNECT)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return make_chain(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def trusted(certificates, monkeypatch):
    """Our side trusts this authority."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates / "authority.pem"))


@pytest.fixture
async def hear(peer):
    """Starts a receiver that is polite, over TLS where it shows a certificate, and answers its port and what it hears."""

    async def start(talk=None, **options):
        heard = []
        talk = talk or polite(body=b"fine")
        return await peer(lambda r, w: talk(r, w, heard), **options), heard

    return start


@pytest.fixture
async def send(proxy):
    """Sends to this URL through the proxy, which is told who asks; the target is shared."""
    targets = {}

    async def post(url, policy=None, direct=(), authorization=SECRET, **limits):
        told = CallbackProxy(
            host=proxy.proxy.host, port=proxy.port, authorization=authorization, direct=direct
        )
        key = (told, repr(policy))
        target = targets.setdefault(key, HttpTarget(policy or EgressPolicy(), proxy=told))
        return await target.send(
            an_order(HttpRecall(url=url), **{"connect": 3, "total": 3} | limits)
        )

    yield post
    for target in targets.values():
        await target.close()
    await asyncio.sleep(0)


async def test_it_is_asked_for_the_whole_url_and_told_who_asks(proxy, send, hear):
    port, heard = await hear()
    outcome = await send(f"http://127.0.0.1:{port}/a?b=c")
    assert (outcome.status, outcome.body) == (200, b"fine")
    (asked,) = proxy.asked
    assert asked.startswith(b"POST http://127.0.0.1:%d/a?b=c HTTP/1.1\r\n" % port)
    assert b"\r\nproxy-authorization: " + SECRET.encode() in asked
    assert len(heard) == 1


async def test_one_that_knows_nobody_is_told_nothing_of_who_asks(proxy, send, hear):
    port, _ = await hear()
    await send(f"http://127.0.0.1:{port}/", authorization=None)
    assert b"authorization" not in proxy.asked[0].lower()


async def test_a_name_is_the_proxys_to_look_up(proxy, send, hear, monkeypatch):
    port, heard = await hear()
    real, asked = socket.getaddrinfo, []

    def getaddrinfo(host, *args, **more):
        asked.append(host)
        return real(host, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    assert (await send(f"http://receiver.test:{port}/")).status == 200
    assert "receiver.test" not in asked
    assert b"\r\nhost: receiver.test:%d\r\n" % port in heard[0][0]


async def test_tls_is_spoken_with_the_receiver_itself_in_a_tunnel_that_is_kept(
    proxy, send, hear, certificates, trusted
):
    port, heard = await hear(ssl=showing(certificates, "good"))
    outcomes = [await send(f"https://localhost:{port}/a?b=c") for _ in range(3)]
    assert [(each.status, each.body) for each in outcomes] == [(200, b"fine")] * 3
    assert [head.split(b"\r\n")[0] for head in proxy.asked] == [
        b"CONNECT localhost:%d HTTP/1.1" % port
    ]
    assert SECRET.encode() in proxy.asked[0]
    assert len(heard) == 3
    assert all(head.startswith(b"POST /a?b=c HTTP/1.1\r\n") for head, _ in heard)
    assert not any(b"proxy" in head.lower() for head, _ in heard)


def test_tunnels_work_on_the_loop_that_the_server_runs_on(certificates, trusted):
    """uvloop where there is one: it makes TLS of a connection in its own way."""

    async def story():
        heard = []
        talk = polite(body=b"x" * 100_000)
        async with (
            talking(lambda r, w: talk(r, w, heard), ssl=showing(certificates, "good")) as port,
            forwarding() as proxy,
        ):
            target = HttpTarget(proxy=proxy.proxy)
            order = an_order(HttpRecall(url=f"https://localhost:{port}/"), connect=3, total=3)
            outcomes = [await target.send(order) for _ in range(2)]
            await target.close()
            return [(outcome.status, len(outcome.body)) for outcome in outcomes]

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        assert runner.run(story()) == [(200, 64 * 1024)] * 2


@pytest.mark.parametrize(
    ("host", "shown"),
    [("localhost", "expired"), ("localhost", "self-signed"), ("other.test", "good")],
)
async def test_a_tunnel_to_somebody_else_is_not_used(
    proxy, send, hear, certificates, trusted, host, shown
):
    port, heard = await hear(ssl=showing(certificates, shown))
    outcome = await send(f"https://{host}:{port}/")
    assert (outcome.delivery, outcome.reason) == (Delivery.NOT_SENT, Reason.TLS)
    assert heard == []


REFUSALS = {
    b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n": "the proxy answered 407 Proxy Authentication Required",
    b"HTTP/1.1 403 Forbidden\r\n\r\nno such luck": "the proxy answered 403 Forbidden",
    b"HTTP/1.0 502\r\n\r\n": "the proxy answered 502",
    b"HTTP/1.1 200 Fine\r\n\r\nand more": "the proxy spoke out of turn",
    b"SSH-2.0-OpenSSH_9.2\r\n\r\n": "the proxy does not speak HTTP",
    b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 2_000: "the proxy does not speak HTTP",
    b"": "the proxy ended the connection",
}


@pytest.mark.parametrize("says", REFUSALS)
async def test_a_tunnel_that_it_does_not_make_is_told_in_its_words_and_nothing_was_sent(
    proxy, send, says
):
    proxy.says = says
    outcome = await send("https://receiver.test/")
    assert (outcome.delivery, outcome.reason) == NOT_SENT
    where = f"receiver.test:443 through the proxy 127.0.0.1:{proxy.port}"
    assert outcome.detail == f"cannot connect to {where}: {REFUSALS[says]}"
    assert "canary" not in outcome.detail


async def test_a_proxy_that_never_answers_is_waited_for_as_long_as_for_any_connection(send, proxy):
    async def never(*_):
        await asyncio.sleep(30)

    proxy.serve = never
    outcome = await send("https://receiver.test/", connect=0.2)
    assert (outcome.delivery, outcome.reason) == NOT_SENT
    assert outcome.detail.startswith("connect timeout to receiver.test:443 through the proxy ")


async def test_one_that_wants_another_name_has_sent_nothing_on(proxy, send):
    proxy.says = a_reply(b"who are you?", b"407 Proxy Authentication Required")
    outcome = await send("http://receiver.test/")
    assert (outcome.delivery, outcome.reason) == NOT_SENT
    assert outcome.detail.endswith(": it answered 407")


async def test_a_receiver_that_says_407_itself_was_called(
    hear, post_directly, send, certificates, trusted
):
    odd = http(a_reply(b"", b"407 Odd"))
    port, _ = await hear(odd)
    inside, _ = await hear(odd, ssl=showing(certificates, "good"))
    outcomes = [await post_directly(port), await send(f"https://localhost:{inside}/")]
    assert [(each.delivery, each.status) for each in outcomes] == [(Delivery.ANSWERED, 407)] * 2


async def test_a_proxy_that_is_not_there_is_named(send, proxy):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        proxy.port = closed.getsockname()[1]
    outcome = await send("http://receiver.test/")
    assert (outcome.delivery, outcome.reason) == NOT_SENT
    where = f"the proxy 127.0.0.1:{proxy.port} on the way to receiver.test:80"
    assert outcome.detail == f"cannot connect to {where}: Connection refused"


async def test_a_proxy_whose_name_leads_nowhere_is_named(monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    async with posting(CallbackProxy(host="proxy.test", port=3128)) as send:
        outcome = await send(80, host="receiver.test")
    assert (outcome.delivery, outcome.reason) == (Delivery.NOT_SENT, Reason.DNS)
    where = "the proxy proxy.test:3128 on the way to receiver.test:80"
    assert outcome.detail == f"cannot resolve {where}: Name or service not known"


@pytest.mark.parametrize(
    ("url", "policy", "rule"),
    [
        ("http://169.254.169.254/", EgressPolicy(), "egress.metadata"),
        ("https://169.254.169.254/", EgressPolicy(), "egress.metadata"),
        ("http://metadata.google.internal/", EgressPolicy(), "egress.metadata"),
        ("http://10.0.0.7/", EgressPolicy(profile=Profile.PUBLIC), "egress.private"),
        ("http://receiver.test/", EgressPolicy(profile=Profile.ALLOWLIST), "egress.not_listed"),
    ],
)
async def test_what_may_not_be_called_is_not_asked_of_a_proxy_either(
    proxy, send, url, policy, rule
):
    outcome = await send(url, policy)
    assert (outcome.delivery, outcome.reason) == (Delivery.NOT_SENT, Reason.EGRESS)
    assert outcome.detail.startswith(rule)
    assert proxy.asked == []


async def test_the_proxy_may_stand_where_callbacks_may_not_go(proxy, send, hear):
    """The admin named it: whoever adds tasks did not."""
    port, _ = await hear()
    listed = EgressPolicy(
        profile=Profile.ALLOWLIST, allowed=[read_allowed("receiver.test")], loopback=False
    )
    assert (await send(f"http://receiver.test:{port}/", listed)).status == 200


async def test_whom_the_admin_excepts_is_called_directly(proxy, send, hear):
    port, heard = await hear()
    direct = (read_allowed("127.0.0.0/8"), read_allowed("*.inner.test"))
    assert (await send(f"http://127.0.0.1:{port}/a", direct=direct)).status == 200
    assert heard[0][0].startswith(b"POST /a HTTP/1.1\r\n")
    assert proxy.asked == []


async def test_a_connection_that_the_proxy_gave_up_is_replaced_at_once(proxy, send, hear):
    async def once(reader, writer, heard):
        heard.append(await read_request(reader))
        writer.write(a_reply(b"fine"))
        await asyncio.sleep(0.05)

    port, heard = await hear(once)
    assert (await send(f"http://127.0.0.1:{port}/")).status == 200
    await asyncio.sleep(0.1)
    assert (await send(f"http://127.0.0.1:{port}/")).status == 200
    assert len(heard) == len(proxy.asked) == 2
