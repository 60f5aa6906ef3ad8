"""The wheel as its users get it: built, installed in a venv of its own, and served from an empty folder."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which tools/wheel_smoke.sh left the wheel and venv/."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [str(ROOT / "tools/wheel_smoke.sh"), str(folder)]
    done = subprocess.run(
        command,
        env={**os.environ, "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture
def server(installed: Path, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The installed server, and its address; it sees nothing of the checkout."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    ours = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("DISPATCH", "PYTHON"))
    }
    empty = tmp_path / "empty"
    empty.mkdir()
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [str(installed / "venv/bin/dispatchserver"), "serve", "--port", str(port)],
            cwd=empty,
            env=ours,
            stdout=log,
            stderr=log,
        )
    try:
        yield process, f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()
        print((tmp_path / "log").read_text())


def get(url: str) -> tuple[int, str]:
    try:
        with DIRECT.open(url, timeout=5) as answer:
            return answer.status, answer.read().decode("utf-8", "replace")
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, ""
    except OSError:
        return 0, ""


def test_the_wheel_carries_every_template_and_static_file(installed: Path) -> None:
    (wheel,) = installed.glob("*.whl")
    inside = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("templates", "static"):
        files = [
            file.relative_to(ROOT / folder) for file in (ROOT / folder).rglob("*") if file.is_file()
        ]
        assert files
        assert {f"dispatchserver/_{folder}/{file.as_posix()}" for file in files} <= inside


def test_an_installed_wheel_serves_from_an_empty_folder(
    server: tuple[subprocess.Popen[bytes], str],
) -> None:
    process, url = server
    deadline = time.monotonic() + 30
    while get(url + "/readyz")[0] != 200 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    assert get(url + "/readyz")[0] == 200
    status, page = get(url + "/login")
    assert status == 200
    static = re.search(r'(?:href|src)="([^"]*/static/[^"]+)"', page)
    assert static
    assert get(url + static[1])[0] == 200
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 0
