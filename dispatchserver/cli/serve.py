"""`serve` runs the server, `demo` shows it at work, `config show` tells what it would run with."""

import asyncio
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import click

from dispatchserver.app import Server, running
from dispatchserver.cli.demonstration import demonstrate
from dispatchserver.cli.shell import fail, given, settings_flags, terminal_language
from dispatchserver.domain import jsontext
from dispatchserver.domain.errors import DispatchError
from dispatchserver.eventloop import new_event_loop
from dispatchserver.logs import set_up
from dispatchserver.messages import say
from dispatchserver.settings import Settings
from dispatchserver.settingsources import from_environment

EXIT_PORT_TAKEN = 1
EXIT_AT_ONCE = 143
LAST_WORDS_S = 0.5


@click.command()
@settings_flags
def serve(**flags: Any) -> None:
    """Run the server until it is told to stop (SIGTERM, Ctrl-C). 启动服务。"""
    settings, _ = from_environment(given(flags))
    run_server(settings, _until_stopped)


@click.command()
@settings_flags
def demo(**flags: Any) -> None:
    """Run the server with sample tasks and a receiver that prints what it gets. 演示。"""
    settings, sources = from_environment(given(flags))
    with tempfile.TemporaryDirectory(prefix="dispatchserver-demo-") as folder:
        if sources["database_url"] == "default":  # a demonstration leaves nothing behind
            settings = settings.model_copy(update={"database_url": f"sqlite:///{folder}/demo.db"})
        run_server(settings, _demonstrate_until_stopped)


@click.group()
def config() -> None:
    """Look at the settings. 查看配置。"""


@config.command()
@click.option("--json", "as_json", is_flag=True, help="one JSON object")
@settings_flags
def show(as_json: bool, **flags: Any) -> None:
    """Print every setting with where it came from. 显示每项配置及其来源。"""
    settings, sources = from_environment(given(flags))
    rows = settings.model_dump(mode="json")
    if as_json:
        doc = {key: {"value": value, "source": sources[key]} for key, value in rows.items()}
        click.echo(jsontext.dumps(doc))
        return
    for key, value in rows.items():
        shown = jsontext.dumps(value) if isinstance(value, dict) else str(value)
        click.echo(f"{key:<24} {shown:<32} {sources[key]}")


Body = Callable[[Server, asyncio.Event], Coroutine[Any, Any, None]]


def run_server(settings: Settings, body: Body) -> None:
    """Serves while the body runs; what cannot start ends with one message and its exit code."""
    set_up(settings.log_format, settings.log_level)
    lang = terminal_language()
    try:
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(_serve(settings, body))
    except OSError as error:
        where = f"{settings.host}:{settings.port}"
        click.echo(say(lang, "serve.no_port", where=where, why=error.strerror or error), err=True)
        sys.exit(EXIT_PORT_TAKEN)


async def _serve(settings: Settings, body: Body) -> None:
    stopped = _stop_event()
    async with running(settings, _give_up) as server:
        _greet(server)
        await body(server, stopped)
        click.echo(say(terminal_language(), "serve.draining"), err=True)


def _give_up(error: DispatchError) -> None:
    """Says why, lets the refusals go out, and ends: after a clean end the next start would not look what the disk kept."""
    code = fail(error)
    threading.Timer(LAST_WORDS_S, os._exit, (code,)).start()


def _stop_event() -> asyncio.Event:
    """Set by the first SIGTERM or Ctrl-C; the second one ends the process at once."""
    stopped = asyncio.Event()

    def on_signal() -> None:
        if stopped.is_set():
            os._exit(EXIT_AT_ONCE)
        stopped.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, on_signal)
    return stopped


def _greet(server: Server) -> None:
    lang = terminal_language()
    click.echo(say(lang, "serve.ready", url=server.url))
    if server.setup_link:
        click.echo(say(lang, "serve.setup", link=server.setup_link))


async def _until_stopped(server: Server, stopped: asyncio.Event) -> None:
    await stopped.wait()


async def _demonstrate_until_stopped(server: Server, stopped: asyncio.Event) -> None:
    async with demonstrate(server.url):
        await stopped.wait()
