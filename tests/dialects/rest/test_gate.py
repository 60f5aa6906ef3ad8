"""The gate before every route: meant for us, and not from somebody else's page."""

import pytest

from tests.dialects.building import a_form, a_key

OWN = ["127.0.0.1", "localhost", "[::1]", "LOCALHOST"]
FOREIGN = [
    "evil.example",
    "127.0.0.1.evil.example",
    "10.0.0.7",
    "",
    "[",
    "localhost@evil.example",
    "[::1",
]


@pytest.mark.parametrize("host", FOREIGN)
@pytest.mark.parametrize("path", ["/api/v1/tasks", "/healthz", "/login", "/nowhere"])
async def test_a_foreign_host_is_misdirected(server, host, path):
    reply = await server.ask("GET", path, headers={"Host": host, "Accept-Language": "en"})
    assert reply.status == 421
    assert "--allowed-hosts" in reply.body.decode()


@pytest.mark.parametrize("host", OWN)
async def test_the_names_of_this_machine_are_ours(server, host):
    for header in (host, f"{host}:{server.port}"):
        assert (await server.ask("GET", "/healthz", headers={"Host": header})).status == 200


async def test_a_configured_name_is_ours(start):
    server = await start(allowed_hosts=["Dispatch.example"])
    reply = await server.ask("GET", "/healthz", headers={"Host": "dispatch.example:443"})
    assert reply.status == 200


async def test_a_foreign_host_changes_nothing(server):
    reply = await server.post("add.do", a_form(), {"Host": "evil.example"})
    assert (reply.status, await server.task()) == (421, None)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://["},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "OWN"},
    ],
)
@pytest.mark.parametrize(
    "path", ["/dispatchserver/trigger.do", "/taskcallback/updateTaskLog", "/login"]
)
async def test_another_sites_page_can_change_nothing(task_server, headers, path):
    own = f"http://127.0.0.1:{task_server.port}"
    sent = {name: own if value == "OWN" else value for name, value in headers.items()}
    reply = await task_server.ask("POST", path, a_key(), sent)
    assert reply.status == 403
    assert await task_server.fires() == []


@pytest.mark.parametrize("method", ["POST", "DELETE", "OPTIONS", "PUT"])
async def test_no_method_but_reading_passes_with_a_foreign_origin(task_server, method):
    headers = {"Origin": "http://evil.example"}
    reply = await task_server.ask(method, "/api/v1/tasks/group/task", headers=headers)
    assert reply.status == 403
    assert "Access-Control-Allow-Origin" not in reply.headers


async def test_our_own_page_passes(task_server):
    own = {"Origin": f"http://127.0.0.1:{task_server.port}", "Sec-Fetch-Site": "same-origin"}
    assert (await task_server.post("pause.do", a_key(), own)).doc["success"] is True
    assert (await task_server.post("resume.do", a_key(), {"Sec-Fetch-Site": "none"})).status == 200


async def test_a_program_that_names_no_origin_passes(task_server):
    assert (await task_server.post("pause.do", a_key())).doc["success"] is True


async def test_reading_from_another_page_gets_no_permission_to_look(server):
    reply = await server.get("/tasks", {"Origin": "http://evil.example"})
    assert reply.status == 200
    assert "Access-Control-Allow-Origin" not in reply.headers
    assert reply.headers["Cross-Origin-Resource-Policy"] == "same-origin"


async def test_a_request_without_a_host_is_refused(server):
    assert (await server.raw(b"GET /healthz HTTP/1.0\r\n\r\n")).status in (400, 421)


@pytest.mark.parametrize("value", [b"\xff\xfe", "恶.example".encode()])
async def test_a_header_that_is_no_text_is_refused_calmly(server, value):
    host = b"Host: 127.0.0.1\r\n"
    lines = {b"Host: " + value + b"\r\n": 421, host + b"Origin: " + value + b"\r\n": 403}
    for line, status in lines.items():
        head = b"POST /dispatchserver/pause.do HTTP/1.1\r\nConnection: close\r\n"
        reply = await server.raw(head + line + b"Content-Length: 0\r\n\r\n")
        assert reply.status in (400, status)
