"""Callbacks that authenticate, with real processes: receivers let in who proves it; nobody else hears of the secret."""

import json
import re
import sqlite3
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import encode_basic_auth, web
from standardwebhooks import Webhook
from yarl import URL

from tests.certificates import demanding, make_pair
from tests.processes import Api, Server, http, one_shot, server, until

CANARY = "canary-4711-token"
OTHER = "canary-0815-token"
SECRET = {"secret": "shop-api"}
RETRIED = {"policies": {"retry": {"delays": ["1s"], "retryOn": ["not_sent", "4xx"]}}}
PASSWORD = "correct horse battery"
Take = Callable[[web.Request], Awaitable[web.Response]]


@dataclass
class Door:
    """A receiver that keeps the headers and bodies of what came, and answers by its rule."""

    rule: Callable[[web.Request], bool] = lambda _: True
    came: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""

    async def take(self, request: web.Request) -> web.Response:
        self.came.append((dict(request.headers), await request.read()))
        if request.path == "/redirect":
            return web.Response(status=307, headers={"Location": request.query["to"]})
        if request.path == "/echo":
            said = json.dumps(dict(request.headers))
            return web.json_response({"success": "false", "resultValue": said})
        if not self.rule(request):
            return web.Response(status=401, text=f"not you: {request.headers}")
        return web.json_response({"success": "true", "resultValue": "taken"})

    async def got(self, count: int = 1) -> list[tuple[dict[str, str], bytes]]:
        """Waits until that many have come."""

        async def look() -> list[tuple[dict[str, str], bytes]]:
            return self.came if len(self.came) >= count else []

        return await until(look)


@asynccontextmanager
async def door(
    rule: Callable[[web.Request], bool] = lambda _: True, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Door]:
    opened, app = Door(rule), web.Application()
    app.router.add_route("*", "/{path:.*}", opened.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    opened.url = f"{'https' if tls else 'http'}://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield opened
    finally:
        await runner.cleanup()


async def put_secret(api: Api, value: str = CANARY, name: str = "shop-api") -> None:
    async with api.session.put(f"/api/v1/secrets/{name}", json={"value": value}) as reply:
        assert reply.status in (200, 201), await reply.text()


async def add(api: Api, name: str, url: str, **recall: Any) -> None:
    reply = await api.add(one_shot(name, **RETRIED), http(url) | recall)
    assert reply["success"], reply


def bearer(request: web.Request) -> bool:
    return request.headers.get("Authorization") == f"Bearer {CANARY}"


def basic(request: web.Request) -> bool:
    return request.headers.get("Authorization") == encode_basic_auth("rené", CANARY, "utf-8")


def key(request: web.Request) -> bool:
    return request.headers.get("X-Api-Key") == CANARY


@pytest.mark.parametrize(
    ("rule", "auth"),
    [
        (bearer, {"bearer": SECRET}),
        (basic, {"basic": SECRET | {"user": "rené"}}),
        (key, {"header": SECRET | {"name": "X-Api-Key"}}),
    ],
    ids=["bearer", "basic", "header"],
)
async def test_a_receiver_lets_in_who_shows_the_secret_and_nobody_else(
    rule: Callable[[web.Request], bool], auth: dict[str, Any], tmp_path: Path
) -> None:
    async with door(rule) as receiver, server(tmp_path) as on:
        await put_secret(on.api)
        await add(on.api, "known", receiver.url, auth=auth, headers={"X-Tenant": "42"})
        (fire,) = await on.api.fires("known", "succeeded")
        assert fire["attempts"] == 1
        await add(on.api, "stranger", receiver.url)
        assert (await on.api.fires("stranger", "failed"))[0]["reason"] == "status"
    assert receiver.came[0][0]["X-Tenant"] == "42"
    assert "X-Tenant" not in receiver.came[-1][0]


async def test_a_changed_secret_opens_the_door_at_the_next_attempt(tmp_path: Path) -> None:
    async with door(bearer) as receiver, server(tmp_path) as on:
        await put_secret(on.api, OTHER)
        await add(on.api, "t", receiver.url, auth={"bearer": SECRET})
        await receiver.got(1)
        await put_secret(on.api, CANARY)
        (fire,) = await on.api.fires("t", "succeeded")
        assert fire["attempts"] == 2


async def test_a_receiver_that_demands_a_certificate_is_shown_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs, ours = make_pair(tmp_path, "theirs"), make_pair(tmp_path, "ours")
    monkeypatch.setenv("SSL_CERT_FILE", str(theirs.cert))
    tls = demanding(theirs, ours)
    async with door(tls=tls) as receiver, server(tmp_path) as on:
        await put_secret(on.api, ours.pem)
        await add(on.api, "known", receiver.url, auth={"mtls": SECRET})
        await on.api.fires("known", "succeeded")
        await add(on.api, "stranger", receiver.url)
        (refused,) = await on.api.fires("stranger", "failed")
        assert refused["reason"] in ("tls", "closed", "reset")
        assert len(receiver.came) == 1
        task = {"kind": "HTTP", "url": receiver.url, "auth": {"mtls": SECRET}}
        async with on.api.session.put("/api/v1/secrets/bad", json={"value": "no PEM"}):
            pass
        task["auth"] = {"mtls": {"secret": "bad"}}
        trigger = {"kind": "cron", "expression": "0 0 12 * * ?", "zone": "UTC"}
        doc = {"trigger": trigger, "recall": task}
        async with on.api.session.put("/api/v1/tasks/tests/bad", json=doc) as reply:
            assert reply.status == 201
        async with on.api.session.post("/api/v1/tasks/tests/bad/trigger") as reply:
            fire = await reply.json()
        tried = await attempts(on.api, fire["id"])
        assert tried[0]["outcome"]["reason"] == "secret"
        assert "a certificate and its private key" in tried[0]["outcome"]["detail"]
    assert len(receiver.came) == 1


async def attempts(api: Api, fire_id: str) -> list[dict[str, Any]]:
    """Waits until a fire was tried; answers its attempts."""

    async def look() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await api.get(f"/fires/{fire_id}"))["attempt_log"]
        return found

    return await until(look)


async def test_a_replay_is_signed_and_authenticated_like_the_first(tmp_path: Path) -> None:
    async with door(bearer) as receiver, server(tmp_path) as on:
        async with on.api.session.post("/api/v1/groups/tests/signing-keys") as reply:
            signing = (await reply.json())["key"]
        await put_secret(on.api)
        await add(on.api, "t", receiver.url, auth={"bearer": SECRET})
        (fire,) = await on.api.fires("t", "succeeded")
        async with on.api.session.post(f"/api/v1/fires/{fire['id']}/replay") as reply:
            assert reply.status == 201, await reply.text()
        first, second = await receiver.got(2)
        await on.api.fires("t", "succeeded", count=2)
    for headers, body in (first, second):
        assert headers["Authorization"] == f"Bearer {CANARY}"
        Webhook(signing).verify(body, headers)
    assert first[0]["webhook-id"] != second[0]["webhook-id"]


async def test_a_redirect_carries_the_secret_nowhere(tmp_path: Path) -> None:
    async with door() as elsewhere, door() as receiver, server(tmp_path) as on:
        await put_secret(on.api)
        for number, auth in enumerate(({"bearer": SECRET}, {"header": SECRET | {"name": "X-K"}})):
            url = str(URL(receiver.url) / "redirect" % {"to": elsewhere.url})
            await add(on.api, f"t{number}", url, auth=auth)
            (fire,) = await on.api.fires(f"t{number}", "failed")
            assert fire["reason"] == "status"
    assert len(receiver.came) == 2
    assert elsewhere.came == []


async def sign_in(on: Server, browser: aiohttp.ClientSession) -> None:
    await on.process.line()
    link = re.search(r"http\S+/setup\?token=\S+", await on.process.line())
    assert link is not None
    form = {"token": URL(link[0]).query["token"], "name": "admin"}
    form |= {"password": PASSWORD, "again": PASSWORD}
    async with browser.post("/setup", data=form, headers={"Origin": on.url}) as reply:
        assert reply.status == 200, await reply.text()
    async with browser.get("/tasks") as reply:
        assert str(reply.url).endswith("/tasks"), reply.url


async def crawled(browser: aiohttp.ClientSession) -> dict[str, str]:
    """Every page that links lead to, but those that would end the session or change the view."""
    seen: dict[str, str] = {}
    wanted = ["/tasks"]
    while wanted:
        path = wanted.pop()
        if path in seen or path.startswith(("/logout", "/lang", "/theme", "/static")):
            continue
        async with browser.get(URL(path, encoded=True)) as reply:
            seen[path] = await reply.text()
        links = re.findall(r'href="(/[^"#]*)', seen[path])
        wanted += [link.replace("&amp;", "&") for link in links]
    return seen


def rows_with(database: Path, words: tuple[str, ...]) -> dict[str, int]:
    """In which tables one of the words stands, and in how many rows."""
    connection = sqlite3.connect(database)
    query = "SELECT name FROM sqlite_schema WHERE type = 'table'"
    tables = [name for (name,) in connection.execute(query)]
    found = {
        table: sum(
            any(word in str(row) for word in words)
            for row in connection.execute(f"SELECT * FROM {table}")
        )
        for table in tables
    }
    connection.close()
    return {table: count for table, count in found.items() if count}


async def test_a_secret_is_told_to_the_receiver_alone(tmp_path: Path) -> None:
    """Not by a page, a resource, a log line or a row but its own, whatever the receiver does with it."""
    base64 = encode_basic_auth("u", CANARY).split()[1]
    basic_auth, bearer_auth = {"basic": SECRET | {"user": "u"}}, {"bearer": SECRET}
    said: dict[str, str] = {}
    flags = ("--log-level", "debug", "--log-format", "json")
    async with door(bearer) as good, door(lambda _: False) as bad, server(tmp_path, *flags) as on:
        await put_secret(on.api)
        for name, url, auth in (
            ("good", good.url, bearer_auth),
            ("bad", bad.url, bearer_auth),
            ("echo", f"{bad.url}/echo", basic_auth),
            ("gone", "http://127.0.0.1:1/", basic_auth),
            ("redirect", f"{bad.url}/redirect?to=http://127.0.0.1:1/", bearer_auth),
        ):
            await add(on.api, name, url, auth=auth)
        fires = [await on.api.fires("good", "succeeded")]
        fires += [await on.api.fires(n, "failed") for n in ("bad", "echo", "gone", "redirect")]
        for asked in ({"value": CANARY + "\n" + CANARY}, {"value": [CANARY]}, {"secret": CANARY}):
            async with on.api.session.put("/api/v1/secrets/shop-api", json=asked) as reply:
                said[str(asked)] = await reply.text()
                assert reply.status == 400
        paths = ["/secrets", "/secrets/shop-api", "/tasks", "/fires", "/groups", "/calendars"]
        paths += [f"/fires/{fire['id']}" for found in fires for fire in found]
        paths += [f"/tasks/tests/{n}{more}" for n in ("good", "echo") for more in ("", "/why")]
        for path in [f"/api/v1{path}" for path in paths] + ["/metrics"]:
            async with on.api.session.get(path) as reply:
                assert reply.status == 200, path
                said[path] = await reply.text()
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(on.url, cookie_jar=jar) as browser:
            await sign_in(on, browser)
            said |= await crawled(browser)
        assert {"/secrets", "/secrets/new", "/fires", "/secret/edit?name=shop-api"} <= set(said)
        assert len([path for path in said if path.startswith("/fire?id=")]) == 5
    said["log"] = on.process.said()
    assert '"level": "debug"' in said["log"] or '"level":"debug"' in said["log"]
    told = [place for place, text in said.items() if CANARY in text or base64 in text]
    assert told == []
    assert rows_with(tmp_path / "dispatch.db", (CANARY, base64)) == {"secrets": 1}
    shown = [headers.get("Authorization", "") for headers, _ in good.came + bad.came]
    assert f"Bearer {CANARY}" in shown and f"Basic {base64}" in shown
