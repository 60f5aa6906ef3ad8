"""Commands with a clean environment and a folder of their own."""

import logging
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from dispatchserver.cli.main import main


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """Runs `dispatchserver …` in an empty folder, and answers how it ended."""
    for name in [name for name in os.environ if name.startswith("DISPATCH_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DISPATCH_LANG", "en")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # for `serve` to fill
    monkeypatch.setattr(logging.getLogger(), "level", logging.WARNING)

    def run(*args, **environ):
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["dispatchserver", *args])
        with pytest.raises(SystemExit) as ended:
            main()
        return Done(ended.value.code, *capsys.readouterr())

    return run


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    """A server in a process of its own."""
    with serving(tmp_path_factory.mktemp("served")) as address:
        yield address


@contextmanager
def serving(folder):
    """The same, with its database in this folder."""
    command = [sys.executable, "-m", "dispatchserver", "serve", "--port", "0", "--timezone", "UTC"]
    command += ["--database-url", f"sqlite:///{folder}/dispatch.db", "--log-level", "warning"]
    environ = os.environ | {"DISPATCH_LANG": "en"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ) as process:
        yield process.stdout.readline().strip().rpartition(" ")[2]
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0
