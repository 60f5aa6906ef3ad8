"""Who may use the machines' doors: whoever shows a live token, or anybody where only this machine can come."""

import base64
from datetime import UTC, datetime, timedelta

import pytest

from dispatchserver.auth.tokens import new_token
from dispatchserver.upkeep import accounts_of
from tests.dialects.building import a_form

NOW = datetime.now(UTC)
DOORS = [
    ("GET", "/api/v1/tasks"),
    ("GET", "/api/v1/fires"),
    ("GET", "/api/v1/tasks/g/n"),
    ("GET", "/api/v1/calendars"),
    ("DELETE", "/api/v1/tasks/g/n"),
    ("POST", "/api/v1/tasks/g/n/trigger"),
    ("POST", "/dispatchserver/add.do"),
    ("POST", "/dispatchserver/%20trigger.do"),
    ("POST", "/iuap-dispatch-service/delete.do"),
]


def basic(password, user="any"):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


@pytest.fixture
async def guarded(start):
    """A server that asks for tokens, and the text of a live one."""
    token, text = new_token("ci", NOW)
    return await start(token, auth="token"), text


@pytest.mark.parametrize(("method", "path"), DOORS)
async def test_without_a_token_nothing_opens(guarded, method, path):
    reply = await guarded[0].ask(method, path)
    assert reply.status == 401
    assert reply.headers["WWW-Authenticate"] == 'Bearer realm="dispatchserver"'


@pytest.mark.parametrize(("method", "path"), DOORS)
async def test_a_token_opens_every_door(guarded, method, path):
    server, text = guarded
    reply = await server.ask(method, path, headers={"Authorization": f"Bearer {text}"})
    assert reply.status in (200, 404)


@pytest.mark.parametrize(
    "show",
    [
        lambda text: {"Authorization": f"Bearer {text}"},
        lambda text: {"Authorization": f"bearer  {text}"},
        lambda text: {"X-Dispatch-Token": text},
        basic,
        lambda text: basic(text, ""),
        lambda text: {"Authorization": "Digest x", "X-Dispatch-Token": text},
    ],
)
async def test_a_token_may_be_shown_in_these_ways(guarded, show):
    server, text = guarded
    assert (await server.get("/tasks", show(text))).status == 200
    assert (await server.post("add.do", a_form(), show(text))).doc["success"] is True


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer dsp_0123456789ab_" + "x" * 43},
        {"Authorization": "Bearer dsp__"},
        {"Authorization": "Bearer 令牌"},
        {"Authorization": "Basic not-base64!"},
        {"Authorization": "Basic 令牌"},
        {"Authorization": "Basic " + base64.b64encode(b"\xff:\xff").decode()},
        {"X-Dispatch-Token": ""},
        basic("dsp_令_牌"),
        basic("dsp_\0_\0"),
    ],
)
async def test_a_wrong_token_opens_nothing(guarded, headers):
    reply = await guarded[0].get("/tasks", headers)
    assert (reply.status, reply.doc["code"]) == (401, "auth.token_wrong")
    assert (await guarded[0].post("add.do", a_form(), headers)).status == 401


async def test_a_token_header_that_is_no_text_opens_nothing(guarded):
    port = guarded[0].port
    head = f"GET /api/v1/tasks HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n"
    for name in (b"X-Dispatch-Token: ", b"Authorization: Bearer ", b"Authorization: Basic "):
        reply = await guarded[0].raw(head.encode() + name + b"dsp_\xff\xfe_\xff\r\n\r\n")
        assert reply.status == 401


async def test_a_token_must_be_right_to_the_last_letter(guarded):
    server, text = guarded
    for wrong in (text[:-1], text + "x", text.swapcase(), text.replace("dsp", "DSP")):
        assert (await server.get("/tasks", {"X-Dispatch-Token": wrong})).status == 401


async def test_a_revoked_token_is_told_so(guarded):
    server, text = guarded
    async with accounts_of(server.settings) as accounts:
        await accounts.revoke_token("ci", datetime.now(UTC))
    reply = await server.get("/tasks", {"X-Dispatch-Token": text})
    assert (reply.status, reply.doc["code"]) == (401, "auth.token_ended")


async def test_an_expired_token_is_told_so(start):
    token, text = new_token("old", NOW - timedelta(days=2), NOW - timedelta(days=1))
    server = await start(token, auth="token")
    reply = await server.get("/tasks", {"X-Dispatch-Token": text, "Accept-Language": "en"})
    assert (reply.status, reply.doc["code"]) == (401, "auth.token_ended")
    assert "dispatchserver token create" in reply.detail


async def test_only_this_machine_needs_no_token_by_default(server):
    assert (await server.get("/tasks")).status == 200
    assert (await server.post("add.do", a_form())).doc["success"] is True


async def test_a_wrong_token_is_refused_even_at_an_open_door(server):
    assert (await server.get("/tasks", {"X-Dispatch-Token": "dsp_x_y"})).status == 401


async def test_a_person_signed_in_by_cookie_is_no_machine(guarded):
    server, text = guarded
    for cookie in (f"dsid={text}", f"token={text}", f"X-Dispatch-Token={text}"):
        reply = await server.post("add.do", a_form(), {"Cookie": cookie})
        assert (reply.status, reply.doc["success"]) == (401, False)
        assert (await server.get("/tasks", {"Cookie": cookie})).status == 401


async def test_a_token_in_the_address_or_the_form_is_not_looked_at(guarded):
    server, text = guarded
    assert (await server.get(f"/tasks?token={text}")).status == 401
    assert (await server.post("add.do", a_form(token=text))).status == 401
