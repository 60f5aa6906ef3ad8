"""What a start waits for: a command loads its own file, and none waits for what only others need."""

import subprocess
import sys

import pytest

LOADED = "import sys\nfrom dispatchserver.cli import main\ntry: main()\nfinally: print(*sys.modules, file=sys.stderr)"


def modules_after(*arguments):
    """What was loaded when the command had ended."""
    asked = [sys.executable, "-c", LOADED, *arguments]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stderr.split()


def modules_of_the_server():
    program = "import sys, dispatchserver.cli.serve, dispatchserver.app; print(*sys.modules)"
    asked = [sys.executable, "-c", program]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()


@pytest.mark.parametrize("asked", [["--help"], ["serve", "--help"], ["task", "--help"]])
def test_help_waits_for_no_server(asked):
    loaded = modules_after(*asked)
    assert "dispatchserver.cli.main" in loaded
    assert not {"dispatchserver.app", "dispatchserver.pages", "jinja2"}.intersection(loaded)


def test_a_command_loads_no_other():
    loaded = [name for name in modules_after("fire", "--help") if ".cli." in name]
    told = {name.rpartition(".")[2] for name in loaded}
    assert told == {"main", "shell", "fire", "task"}  # task knows how a server is called


def test_the_server_waits_for_no_other_command_and_for_nothing_rarely_asked_for():
    loaded = modules_of_the_server()
    commands = {name.rpartition(".")[2] for name in loaded if ".cli." in name}
    assert commands == {"main", "shell", "config", "serve"}
    assert not {"croniter", "holidays", "pytest"}.intersection(loaded)


def test_help_loads_what_it_names_and_the_groups_are_whole(command):
    assert "demo" in command("--help").stdout
    for asked, named in (("task", ("export", "import", "list")), ("cron", ("explain", "next"))):
        told = command(asked, "--help").stdout
        assert all(f"  {name} " in told for name in named)
