"""`receiver` runs the built-in receiver alone."""

import asyncio

import click

from dispatchserver.cli.demonstration import print_call
from dispatchserver.cli.shell import terminal_language
from dispatchserver.clock import SystemClock
from dispatchserver.domain.faults import naming
from dispatchserver.domain.signing import check_key
from dispatchserver.messages import say
from dispatchserver.receiver.server import REPORT_URL, Receiver, serve


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="address to listen on")
@click.option("--port", default=9090, show_default=True, help="HTTP port; 0 takes a free one")
@click.option(
    "--socket-port", default=9091, show_default=True, help="socket port; 0 takes a free one"
)
@click.option(
    "--secret",
    "secrets",
    multiple=True,
    envvar="DISPATCH_RECEIVER_SECRET",
    help="signing key to check callbacks with; may be given twice [DISPATCH_RECEIVER_SECRET]",
)
@click.option("--report-url", default=REPORT_URL, show_default=True, help="where /async reports to")
def receiver(
    host: str, port: int, socket_port: int, secrets: tuple[str, ...], report_url: str
) -> None:
    """Receive callbacks and print them: ok, fail, slow, async, flaky. 接收并显示回调。"""
    try:
        with naming("--secret"):
            keys = [check_key(secret.strip()) for secret in secrets]
        receiving = Receiver(
            clock=SystemClock(), on_call=print_call, report_url=report_url, secrets=keys
        )
        asyncio.run(_receive(host, port, socket_port, receiving))
    except KeyboardInterrupt:
        click.echo("", err=True)
    except OSError as error:
        raise click.ClickException(str(error)) from error


async def _receive(host: str, port: int, socket_port: int, receiving: Receiver) -> None:
    serving = await serve(host, port, socket_port, receiving)
    ports = {"http": serving.http_port, "socket": serving.socket_port}
    click.echo(say(terminal_language(), "demo.receiver", **ports))
    try:
        await asyncio.Event().wait()
    finally:
        await serving.close()
