"""./run: from where it may be called, what it makes of its arguments, what it says when it cannot start."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def start(
    script: Path, *arguments: str, cwd: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(script), *arguments],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with a blank in its path, whose up-to-date venv holds a python that repeats its arguments."""
    here = tmp_path / "our checkout"
    for part in ("run", "tools/venv.sh", "requirements/core.lock"):
        (here / part).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / part, here / part)
    (here / ".venv/bin").mkdir(parents=True)
    python = here / ".venv/bin/python"
    python.write_text('#!/bin/sh\necho "$PWD"\necho "$PYTHONPATH"\nprintf "[%s]" "$@"\n')
    python.chmod(0o755)
    lock = (here / "requirements/core.lock").open()
    with lock, (here / ".venv/.stamp-core").open("w") as stamp:
        subprocess.run(["cksum"], stdin=lock, stdout=stamp, check=True)
    return here


@pytest.fixture
def bare(checkout: Path, tmp_path: Path) -> Path:
    """A folder to be the whole PATH of a first start: what the script calls, and no python yet."""
    (checkout / ".venv/.stamp-core").unlink()
    folder = tmp_path / "bare"
    folder.mkdir()
    for tool in ("sh", "dirname", "cksum", "cat"):
        (folder / tool).symlink_to(str(shutil.which(tool)))
    return folder


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ([], ["serve"]),
        (["--port", "9000"], ["serve", "--port", "9000"]),
        (["--demo"], ["demo"]),
        (["--port", "9000", "--demo"], ["demo", "--port", "9000"]),
        (["--demo", "a b", ""], ["demo", "a b", ""]),
        (["--help"], ["--help"]),
        (["--version"], ["--version"]),
        (["token", "create", "--demo"], ["token", "create", "--demo"]),
    ],
)
def test_options_alone_are_the_servers(checkout: Path, typed: list[str], meant: list[str]) -> None:
    done = start(checkout / "run", *typed, cwd=checkout)
    assert done.stdout.splitlines()[2] == "".join(
        f"[{word}]" for word in ["-P", "-m", "dispatchserver", *meant]
    )
    assert done.stderr == ""


def test_it_runs_its_own_checkout_in_the_callers_folder(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/direct").symlink_to(checkout / "run")
    (tmp_path / "bin/again").symlink_to("direct")
    done = start(tmp_path / "bin/again", cwd=tmp_path, PYTHONPATH="elsewhere")
    assert done.stdout.splitlines()[:2] == [str(tmp_path), str(checkout)]


def test_without_python_it_says_so_in_both_languages(checkout: Path, bare: Path) -> None:
    done = start(checkout / "run", cwd=bare, PATH=str(bare))
    assert (done.returncode, done.stdout) == (1, "")
    assert "needs Python 3.11 or newer" in done.stderr
    assert "需要 Python 3.11 或更新的版本" in done.stderr


def test_a_python_that_makes_no_venvs_is_met_with_the_remedy(checkout: Path, bare: Path) -> None:
    python = bare / "python3"
    python.write_text('#!/bin/sh\ncase "$*" in *ensurepip*) exit 1 ;; esac\n')
    python.chmod(0o755)
    done = start(checkout / "run", cwd=bare, PATH=str(bare))
    assert done.returncode == 1
    assert "apt install python3-venv" in done.stderr


def test_only_the_commands_own_output_goes_to_stdout(tmp_path: Path) -> None:
    done = start(ROOT / "run", "version", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "dispatchserver 0.1.0\n")


def test_a_start_keeps_its_bytecode_for_the_next_one(tmp_path: Path) -> None:
    kept = {"PYTHONPYCACHEPREFIX": str(tmp_path / "bytecode"), "PYTHONDONTWRITEBYTECODE": "1"}
    assert start(ROOT / "run", "version", cwd=tmp_path, **kept).returncode == 0
    assert [file for file in tmp_path.rglob("main.*.pyc") if "dispatchserver" in file.parts]
