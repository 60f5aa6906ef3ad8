"""`receiver` runs the built-in receiver alone."""

import asyncio

import click

from dispatchserver.cli.demonstration import print_call
from dispatchserver.cli.shell import terminal_language
from dispatchserver.clock import SystemClock
from dispatchserver.messages import say
from dispatchserver.receiver.server import REPORT_URL, Receiver, serve


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="address to listen on")
@click.option("--port", default=9090, show_default=True, help="HTTP port; 0 takes a free one")
@click.option(
    "--socket-port", default=9091, show_default=True, help="socket port; 0 takes a free one"
)
@click.option("--report-url", default=REPORT_URL, show_default=True, help="where /async reports to")
def receiver(host: str, port: int, socket_port: int, report_url: str) -> None:
    """Receive callbacks and print them: ok, fail, slow, async, flaky. 接收并显示回调。"""
    try:
        asyncio.run(_receive(host, port, socket_port, report_url))
    except KeyboardInterrupt:
        click.echo("", err=True)
    except OSError as error:
        raise click.ClickException(str(error)) from error


async def _receive(host: str, port: int, socket_port: int, report_url: str) -> None:
    receiving = Receiver(clock=SystemClock(), on_call=print_call, report_url=report_url)
    serving = await serve(host, port, socket_port, receiving)
    ports = {"http": serving.http_port, "socket": serving.socket_port}
    click.echo(say(terminal_language(), "demo.receiver", **ports))
    try:
        await asyncio.Event().wait()
    finally:
        await serving.close()
