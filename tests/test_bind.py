"""A server that other machines can reach does not start before somebody can be asked who they are."""

import http.client
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dispatchserver.app import UnsafeBind, running
from dispatchserver.auth.tokens import new_token
from dispatchserver.messages import say_error
from dispatchserver.settings import Settings
from dispatchserver.upkeep import accounts_of

NOW = datetime.now(UTC)
ROOT = Path(__file__).parent.parent


@pytest.fixture
def start(tmp_path):
    """Starts `dispatchserver …` in an empty folder; what is left at the end is stopped."""
    started = []

    def begin(*args):
        environ = os.environ | {"PYTHONPATH": str(ROOT), "DISPATCH_LANG": "en"}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        command = [sys.executable, "-m", "dispatchserver", *args]
        started.append(subprocess.Popen(command, cwd=tmp_path, env=environ, **pipes))
        return started[-1]

    yield begin
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def ask(port, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    try:
        connection.request("GET", "/api/v1/tasks", headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()


def settings(tmp_path, **changed):
    database = f"sqlite:///{tmp_path}/dispatch.db"
    return Settings.model_validate(
        {"port": 0, "database_url": database, "drain_timeout": 0} | changed
    )


async def keep(settings, token):
    async with accounts_of(settings) as accounts:
        await accounts.add_token(token)


async def refusal(settings):
    with pytest.raises(UnsafeBind) as caught:
        async with running(settings):
            pass
    return say_error("en", caught.value), say_error("zh", caught.value)


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "192.0.2.1", "dispatch.example", "127.0.0.1.example"]
)
async def test_without_credentials_it_refuses_and_tells_what_to_do(tmp_path, host):
    for words in await refusal(settings(tmp_path, host=host)):
        assert host in words
        assert "dispatchserver token create NAME" in words


async def test_a_token_that_has_expired_is_no_credential(tmp_path):
    open_to_all = settings(tmp_path, host="0.0.0.0")
    await keep(open_to_all, new_token("old", NOW - timedelta(days=2), NOW - timedelta(days=1))[0])
    await refusal(open_to_all)


async def test_open_doors_are_refused_even_with_a_token(tmp_path):
    open_to_all = settings(tmp_path, host="0.0.0.0", auth="off")
    await keep(open_to_all, new_token("ci", NOW)[0])
    assert "--auth off" in (await refusal(open_to_all))[0]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.2"])
async def test_only_this_machine_needs_no_credentials(tmp_path, host):
    async with running(settings(tmp_path, host=host)) as server:
        assert server.setup_link is not None


def test_the_process_ends_with_78_and_the_words(start):
    process = start("serve", "--host", "0.0.0.0", "--port", "0")
    out, words = process.communicate()
    assert (process.returncode, out) == (78, "")
    assert "dispatchserver token create NAME" in words and "Traceback" not in words


def test_with_a_token_it_starts_and_asks_for_it(start):
    text = start("token", "create", "ci").communicate()[0].strip()
    process = start("serve", "--host", "0.0.0.0", "--port", "0", "--log-level", "warning")
    ready = process.stdout.readline().strip()
    port = int(ready.rpartition(":")[2])
    assert ask(port) == 401
    assert ask(port, Authorization=f"Bearer {text}") == 200
    assert ask(port, Authorization=f"Bearer {text}", Host="evil.example") == 421
    process.send_signal(signal.SIGTERM)
    process.communicate()
    assert process.returncode == 0
