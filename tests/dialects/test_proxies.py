"""Behind a proxy that ends TLS: what it forwards is believed of it, and of nobody else."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from dispatchserver.auth.proxies import Proxies
from dispatchserver.auth.tokens import new_token

NOW = datetime.now(UTC)
TOKEN, _ = new_token("ci", NOW, NOW + timedelta(days=1))
SETUP = {"name": "admin", "password": "a long enough password"}


async def test_a_session_that_began_over_tls_stays_on_tls(start):
    server = await start(TOKEN, trusted_proxies=["127.0.0.1"])
    assert "Secure" in await cookie(server, {"X-Forwarded-Proto": "https"})


@pytest.mark.parametrize("said", [{}, {"X-Forwarded-Proto": "http"}, {"X-Forwarded-Proto": "spdy"}])
async def test_over_plain_http_it_does_not(start, said):
    server = await start(TOKEN, trusted_proxies=["127.0.0.1"])
    assert "Secure" not in await cookie(server, said)


async def test_nobody_else_is_believed(start):
    server = await start(TOKEN, trusted_proxies=["10.0.0.0/8"])
    assert "Secure" not in await cookie(server, {"X-Forwarded-Proto": "https"})


async def cookie(server, headers):
    """What the browser gets that signs in as the first admin."""
    token = server.server.setup_link.partition("token=")[2]
    form = {"token": token, "again": SETUP["password"], **SETUP}
    url = f"http://127.0.0.1:{server.port}/setup"
    async with server.session.post(url, data=form, headers=headers, allow_redirects=False) as reply:
        assert reply.status == 303
        return reply.headers["Set-Cookie"]


async def test_each_client_of_a_proxy_has_its_own_failures(start):
    server = await start(TOKEN, trusted_proxies=["127.0.0.1"])

    async def login(client):
        form = {"name": "admin", "password": "wrong"}
        return (await server.ask("POST", "/login", form, {"X-Forwarded-For": client})).status

    assert [await login("10.0.0.7") for _ in range(6)] == [422] * 5 + [429]
    assert await login("10.0.0.8") == 422
    assert await login("1.2.3.4, 10.0.0.7") == 429


async def test_a_server_with_a_proxy_before_it_asks_for_tokens(start):
    server = await start(TOKEN, trusted_proxies=["127.0.0.1"])
    assert (await server.get("/tasks")).status == 401


TRUSTED = [ip_network("127.0.0.1"), ip_network("10.1.0.0/16"), ip_network("fd00::/8")]


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("127.0.0.1", [], "127.0.0.1"),
        ("127.0.0.1", ["203.0.113.5"], "203.0.113.5"),
        ("127.0.0.1", ["6.6.6.6, 203.0.113.5"], "203.0.113.5"),
        ("127.0.0.1", ["6.6.6.6", "203.0.113.5"], "203.0.113.5"),
        ("127.0.0.1", ["203.0.113.5, 10.1.2.3"], "203.0.113.5"),
        ("127.0.0.1", ["10.1.2.4, 10.1.2.3"], "10.1.2.4"),
        ("127.0.0.1", ["2001:db8::1"], "2001:db8::1"),
        ("127.0.0.1", ["nonsense"], "127.0.0.1"),
        ("127.0.0.1", ["203.0.113.5, nonsense"], "127.0.0.1"),
        ("127.0.0.1", ["203.0.113.5, "], "127.0.0.1"),
        ("::ffff:127.0.0.1", ["203.0.113.5"], "203.0.113.5"),
        ("fd00::1", ["203.0.113.5"], "203.0.113.5"),
        ("203.0.113.9", ["127.0.0.1"], "203.0.113.9"),
        ("2002:7f00:1::1", ["203.0.113.5"], "2002:7f00:1::1"),
    ],
)
async def test_the_client_is_the_last_hop_that_is_no_proxy_of_ours(peer, forwarded, client):
    seen = []

    async def look(request):
        seen.append(request.remote)
        return web.Response()

    headers = [("X-Forwarded-For", line) for line in forwarded]
    request = make_mocked_request("GET", "/", headers).clone(remote=peer)
    await Proxies(TRUSTED).middleware(request, look)
    assert seen == [client]
