"""`serve` runs the server, `demo` shows it at work."""

import asyncio
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

import click

from dispatchserver.cli.config import given, settings_flags
from dispatchserver.cli.shell import fail, terminal_language
from dispatchserver.domain.errors import DispatchError
from dispatchserver.eventloop import new_event_loop
from dispatchserver.garbage import look_seldom
from dispatchserver.logs import set_up
from dispatchserver.messages import say
from dispatchserver.settings import Settings
from dispatchserver.settingsources import from_environment

if TYPE_CHECKING:
    from dispatchserver.app import Server

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


Body = Callable[["Server", asyncio.Event], Coroutine[Any, Any, None]]


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
    from dispatchserver.app import (
        running,
    )  # loads all that serves; who reads our help waits for none

    stopped = _stop_event()
    async with running(settings, _give_up) as server:
        _greet(server)
        look_seldom()
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


def _greet(server: "Server") -> None:
    lang = terminal_language()
    click.echo(say(lang, "serve.ready", url=server.url))
    if server.setup_link:
        click.echo(say(lang, "serve.setup", link=server.setup_link))


async def _until_stopped(server: "Server", stopped: asyncio.Event) -> None:
    await stopped.wait()


async def _demonstrate_until_stopped(server: "Server", stopped: asyncio.Event) -> None:
    from dispatchserver.cli.demonstration import demonstrate  # `serve` has no use for it

    async with demonstrate(server.url):
        await stopped.wait()
