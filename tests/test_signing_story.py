"""Signed callbacks with real processes: what the server sends, the Standard Webhooks library verifies."""

import json
import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

from dispatchserver.domain.signing import key_text
from dispatchserver.receiver import WrongSignature, verify
from tests.processes import Api, each_second, http, one_shot, process, server, until

KEYS = "/api/v1/groups/tests/signing-keys"
STRANGE = key_text(b"strange " * 4)


class Judge:
    """A receiver that keeps callbacks byte for byte, and takes those only that one of its keys verifies."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.came: list[tuple[dict[str, str], bytes]] = []
        self.refused = 0
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        headers, body = dict(request.headers), await request.read()
        self.came.append((headers, body))
        if self.keys and not any(holds(key, headers, body) for key in self.keys):
            self.refused += 1
            return web.Response(status=401)
        return web.json_response({"success": "true", "resultValue": "taken"})

    async def got(self, count: int = 1) -> list[tuple[dict[str, str], bytes]]:
        """Waits for that many more callbacks; answers them."""
        before = len(self.came)

        async def look() -> list[tuple[dict[str, str], bytes]]:
            new = self.came[before:]
            return new if len(new) >= count else []

        return await until(look)


def holds(key: str, headers: dict[str, str], body: bytes) -> bool:
    """Whether the library, which is not ours, trusts the callback."""
    try:
        Webhook(key).verify(body, headers)
    except WebhookVerificationError:
        return False
    return True


@asynccontextmanager
async def judge() -> AsyncIterator[Judge]:
    judging, app = Judge(), web.Application()
    app.router.add_post("/{path:.*}", judging.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    judging.url = f"http://127.0.0.1:{runner.addresses[0][1]}/cb"
    try:
        yield judging
    finally:
        await runner.cleanup()


async def rotate(api: Api, **asked: str) -> dict[str, Any]:
    async with api.session.post(KEYS, json=asked) as reply:
        assert reply.status == 201, await reply.text()
        made: dict[str, Any] = await reply.json()
        return made


async def retire(api: Api, key_id: str) -> None:
    async with api.session.delete(f"{KEYS}/{key_id}") as reply:
        assert reply.status == 204


async def test_what_the_server_signs_the_standard_library_and_ours_verify(tmp_path: Path) -> None:
    data = {"城市": "北京", "text": 'a "b"\n\\ 😀', "n": 1.5}
    async with judge() as judging, server(tmp_path) as on:
        key = (await rotate(on.api))["key"]
        await on.api.add(one_shot("once"), http(judging.url, data))
        ((headers, body),) = await judging.got()
        (fire,) = await on.api.fires("once", "succeeded")
    assert Webhook(key).verify(body, headers)["data"] == data
    assert verify(key, headers, body) == fire["id"]
    assert not holds(STRANGE, headers, body)
    for changed in (body + b" ", body.replace(b"1.5", b"2.5"), b""):
        assert not holds(key, headers, changed)
        with pytest.raises(WrongSignature):
            verify(key, headers, changed)


async def test_every_attempt_of_a_fire_is_signed_anew_under_one_id(tmp_path: Path) -> None:
    retry = {"policies": {"retry": {"delays": ["1s"], "retryOn": ["4xx"]}}}
    async with judge() as judging, server(tmp_path) as on:
        key = (await rotate(on.api))["key"]
        judging.keys = [STRANGE]
        reply = await on.api.add(one_shot("again", **retry), http(judging.url))
        assert reply["success"], reply
        (first, _), (second, body) = await judging.got(2)
    assert first["webhook-id"] == second["webhook-id"]
    assert int(second["webhook-timestamp"]) > int(first["webhook-timestamp"])
    assert holds(key, second, body)


async def test_a_group_without_a_key_sends_no_signature(tmp_path: Path) -> None:
    async with judge() as judging, server(tmp_path) as on:
        made = await rotate(on.api)
        await retire(on.api, made["id"])
        await on.api.add(one_shot("plain"), http(judging.url))
        ((headers, _),) = await judging.got()
    assert "webhook-signature" not in headers
    assert headers["webhook-id"]


async def test_keys_are_rotated_without_a_gap_under_a_stream_of_callbacks(tmp_path: Path) -> None:
    async with judge() as judging, server(tmp_path) as on:
        first = await rotate(on.api)
        judging.keys = [first["key"]]
        for number in range(20):
            await on.api.add(each_second(f"stream{number}"), http(judging.url))
        await judging.got(30)
        second = await rotate(on.api)
        both = await judging.got(40)
        judging.keys = [second["key"]]
        await judging.got(30)
        await retire(on.api, first["id"])
        await judging.got(40)
        last = judging.came[-20:]
        assert judging.refused == 0
    assert any(len(headers["webhook-signature"].split()) == 2 for headers, _ in both)
    assert all(holds(second["key"], *one) and not holds(first["key"], *one) for one in last)


async def test_a_key_is_told_to_nobody_but_who_made_it(tmp_path: Path) -> None:
    """Not by any answer, log line or row but its own."""
    own = key_text(b"this is a key of our own, really")
    async with judge() as judging, server(tmp_path, "--log-level", "debug") as on:
        made = [await rotate(on.api), await rotate(on.api, key=own)]
        secrets = [key["key"].removeprefix("whsec_") for key in made]
        await on.api.add(one_shot("once"), http(judging.url))
        await on.api.ended((await on.api.fires("once", "succeeded"))[0]["id"])
        asked: list[dict[str, Any]] = [
            {"key": own},
            {"key": own + "!"},
            {"key": [own]},
            {"secret": own},
        ]
        said = [await answer(on.api, "POST", KEYS, json=doc) for doc in asked]
        for path in ("/groups", "/groups/tests", "/tasks", "/tasks/tests/once", "/fires"):
            said.append(await answer(on.api, "GET", f"/api/v1{path}"))
        said += [await answer(on.api, "GET", KEYS), await answer(on.api, "DELETE", f"{KEYS}/x")]
        said.append(str([headers for headers, _ in judging.came]))
    said.append(on.process.said())
    assert len(said) == 13
    for secret in secrets:
        assert [text for text in said if secret in text] == []
    assert rows_with(tmp_path / "dispatch.db", secrets) == {"signing_keys": 2}


async def answer(api: Api, method: str, path: str, **request: Any) -> str:
    async with api.session.request(method, path, **request) as reply:
        return await reply.text()


def rows_with(database: Path, secrets: list[str]) -> dict[str, int]:
    """In which tables one of the secrets stands, and in how many rows."""
    connection = sqlite3.connect(database)
    tables = [
        name
        for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
    ]
    found = {
        table: sum(
            any(secret in str(row) for secret in secrets)
            for row in connection.execute(f"SELECT * FROM {table}")
        )
        for table in tables
    }
    connection.close()
    return {table: count for table, count in found.items() if count}


async def test_the_receiver_says_whether_signatures_hold(tmp_path: Path) -> None:
    async with server(tmp_path) as on:
        key = (await rotate(on.api))["key"]
        ports = ("--port", "0", "--socket-port", "0", "--secret")
        told = {}
        for name, secret in (("ok", key), ("wrong", STRANGE)):
            async with process(tmp_path, "receiver", *ports, secret) as receiving:
                (port, _) = re.findall(r"\d+", await receiving.line())
                await on.api.add(one_shot(name), http(f"http://127.0.0.1:{port}/ok"))
                told[name] = await receiving.line()
                async with on.api.session.get(f"http://127.0.0.1:{port}/calls") as reply:
                    (call,) = json.loads(await reply.text())["calls"]
                assert call["signature"].startswith(name)
                async with on.api.session.post(f"http://127.0.0.1:{port}/ok", json={}):
                    assert "signature missing" in await receiving.line()
    assert told["ok"].endswith("signature ok\n")
    assert "signature wrong: no signature in webhook-signature" in told["wrong"]


async def test_a_receiver_without_keys_says_nothing_of_signatures(tmp_path: Path) -> None:
    async with (
        server(tmp_path) as on,
        process(tmp_path, "receiver", "--port", "0", "--socket-port", "0") as receiving,
    ):
        await rotate(on.api)
        (port, _) = re.findall(r"\d+", await receiving.line())
        await on.api.add(one_shot("x"), http(f"http://127.0.0.1:{port}/ok"))
        assert "signature" not in await receiving.line()


async def test_a_receiver_with_a_bad_key_does_not_start_and_does_not_repeat_it(
    tmp_path: Path,
) -> None:
    async with process(tmp_path, "receiver", "--secret", "whsec_c2hvcnQ=") as receiving:
        assert await receiving.ended() == 65
    assert "--secret" in receiving.said() and "c2hvcnQ" not in receiving.said()
