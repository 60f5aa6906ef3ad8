"""All commands under one name, and how any of them ends when something is wrong."""

import gc
import sys
from importlib import import_module

import click

from dispatchserver import __version__
from dispatchserver.cli.shell import fail
from dispatchserver.domain.errors import DispatchError

COMMANDS = {
    "serve": ("serve:serve",),
    "demo": ("serve:demo",),
    "receiver": ("receive:receiver",),
    "task": ("task:task", "transfer:export_tasks", "transfer:import_tasks"),
    "fire": ("fire:fire",),
    "group": ("group:group",),
    "destination": ("destination:destination",),
    "calendar": ("calendar:calendar",),
    "secret": ("secret:secret",),
    "token": ("token:token",),
    "cron": ("cron:cron", "explain:explain_expression"),
    "backup": ("database:backup",),
    "doctor": ("database:doctor",),
    "config": ("config:config",),
}
"""Where each command is, a file beside this one and its name there; then what belongs to it and is in other files."""

GARBAGE_EVERY = 200_000
"""Loading makes much and throws little away: to look for garbage meanwhile took a sixth of a start."""


class Commands(click.Group):
    """Loads a command when it is asked for, so that none waits for what only others need."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *COMMANDS})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in COMMANDS and cmd_name not in self.commands:
            self.add_command(_load(*COMMANDS[cmd_name]))
        return super().get_command(ctx, cmd_name)


def _load(place: str, *members: str) -> click.Command:
    file, _, name = place.partition(":")
    command: click.Command = getattr(import_module(f"dispatchserver.cli.{file}"), name)
    if isinstance(command, click.Group):
        for member in members:
            command.add_command(_load(member))
    return command


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="dispatchserver", message="%(prog)s %(version)s")
def cli() -> None:
    """A callback scheduler: tell it when and whom to call.

    回调式调度服务：告诉它何时、回调谁。
    """


@cli.command()
def version() -> None:
    """Print the version. 显示版本。"""
    click.echo(f"dispatchserver {__version__}")


def main() -> None:
    """Runs the command line; a refusal becomes one clear message and an exit code."""
    gc.set_threshold(GARBAGE_EVERY)
    try:
        cli.main(prog_name="dispatchserver")
    except DispatchError as error:
        sys.exit(fail(error))
