"""All commands under one name, and how any of them ends when something is wrong."""

import sys

import click

from dispatchserver import __version__
from dispatchserver.cli.calendar import calendar
from dispatchserver.cli.cron import cron
from dispatchserver.cli.database import backup, doctor
from dispatchserver.cli.destination import destination
from dispatchserver.cli.explain import explain_expression
from dispatchserver.cli.fire import fire
from dispatchserver.cli.group import group
from dispatchserver.cli.receive import receiver
from dispatchserver.cli.secret import secret
from dispatchserver.cli.serve import config, demo, serve
from dispatchserver.cli.shell import fail
from dispatchserver.cli.task import task
from dispatchserver.cli.token import token
from dispatchserver.cli.transfer import export_tasks, import_tasks
from dispatchserver.domain.errors import DispatchError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="dispatchserver", message="%(prog)s %(version)s")
def cli() -> None:
    """A callback scheduler: tell it when and whom to call.

    回调式调度服务：告诉它何时、回调谁。
    """


@cli.command()
def version() -> None:
    """Print the version. 显示版本。"""
    click.echo(f"dispatchserver {__version__}")


cron.add_command(explain_expression)
task.add_command(export_tasks)
task.add_command(import_tasks)
COMMANDS = (serve, demo, receiver, task, fire, group, destination, calendar, secret, token, cron)
for command in (*COMMANDS, backup, doctor, config):
    cli.add_command(command)


def main() -> None:
    """Runs the command line; a refusal becomes one clear message and an exit code."""
    try:
        cli.main(prog_name="dispatchserver")
    except DispatchError as error:
        sys.exit(fail(error))
