"""/healthz, /readyz, /version: for probes, without a token."""

import sqlite3

import pytest

from dispatchserver import __version__


@pytest.mark.parametrize(
    ("path", "doc"),
    [
        ("/healthz", {"status": "ok"}),
        ("/readyz", {"status": "ready", "reasons": []}),
        ("/version", {"name": "dispatchserver", "version": __version__}),
    ],
)
async def test_probes_need_no_token(start, path, doc):
    server = await start(auth="token")
    reply = await server.ask("GET", path)
    assert (reply.status, reply.doc) == (200, doc)


async def test_a_draining_server_is_alive_but_not_ready(server):
    server.server.engine.draining = True
    assert (await server.ask("GET", "/healthz")).status == 200
    reply = await server.ask("GET", "/readyz")
    assert (reply.status, reply.doc) == (503, {"status": "not ready", "reasons": ["draining"]})


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/version", "/api/v1/tasks", "/nowhere"])
async def test_every_answer_is_safe_to_open_in_a_browser(server, path):
    headers = (await server.ask("GET", path)).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"
    assert "Server" not in headers
    assert "Access-Control-Allow-Origin" not in headers


async def test_the_database_is_only_for_its_owner(server):
    path = server.settings.database_path
    assert path.stat().st_mode & 0o077 == 0
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM tokens").fetchone() == (0,)
    connection.close()
