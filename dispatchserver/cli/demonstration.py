"""The demonstration: a receiver, and sample tasks added over the same `.do` door that applications use."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import click

from dispatchserver.cli.shell import terminal_language
from dispatchserver.clock import SystemClock
from dispatchserver.messages import say
from dispatchserver.receiver.server import Call, Receiver, serve

GROUP = "demo"


@asynccontextmanager
async def demonstrate(url: str) -> AsyncIterator[None]:
    """Starts the receiver on free ports and adds the sample tasks; ends the receiver afterwards."""
    report_url = f"{url}/taskcallback/updateTaskLog"
    receiver = Receiver(clock=SystemClock(), on_call=print_call, report_url=report_url)
    serving = await serve("127.0.0.1", 0, 0, receiver)
    try:
        click.echo(
            say(
                terminal_language(),
                "demo.receiver",
                http=serving.http_port,
                socket=serving.socket_port,
            )
        )
        async with aiohttp.ClientSession() as client:
            for form in sample_tasks(serving.http_port, serving.socket_port):
                async with client.post(f"{url}/dispatchserver/add.do", data=form) as reply:
                    click.echo(f"  add.do {form['taskConfig']} -> {await reply.text()}")
        yield
    finally:
        await serving.close()


def sample_tasks(http_port: int, socket_port: int) -> list[dict[str, str]]:
    """The forms of five tasks: cron and simple, HTTP and socket, one that is reported later, one that fails."""
    http = f"http://127.0.0.1:{http_port}"
    every_5_s = {"triggerType": "CronTrigger", "cronExpress": "0/5 * * * * ?"}
    return [
        _form(
            "every-5-seconds", every_5_s | {"priority": 5}, _http(f"{http}/ok", {"city": "北京"})
        ),
        _form("socket-every-7-seconds", _simple(7, True), _socket(socket_port, {"door": "socket"})),
        _form("three-times", _simple(2, False, 3), _http(f"{http}/ok", {"left": "counts down"})),
        _form("reported-later", _simple(15, True), _http(f"{http}/async?after=3", {"long": "job"})),
        _form("sometimes-fails", _simple(20, True), _http(f"{http}/flaky", {"luck": "varies"})),
    ]


def _form(name: str, task: dict[str, object], recall: dict[str, object]) -> dict[str, str]:
    config = {"jobCode": name, "groupCode": GROUP, "priority": 0} | task
    return {
        "taskConfig": json.dumps(config, ensure_ascii=False),
        "recallConfig": json.dumps(recall, ensure_ascii=False),
        "replace": "true",
    }


def _simple(seconds: int, forever: bool, count: int = 0) -> dict[str, object]:
    times = {
        "interval": seconds,
        "intervalType": "SECOND",
        "isForever": forever,
        "repeatCount": count,
    }
    return {"triggerType": "SimpleTrigger", "timeConfig": times}


def _http(url: str, data: dict[str, str]) -> dict[str, object]:
    return {"recallType": "HTTP", "option": {"url": url}, "data": data}


def _socket(port: int, data: dict[str, str]) -> dict[str, object]:
    return {"recallType": "SOCKET", "option": {"host": "127.0.0.1", "port": port}, "data": data}


def print_call(call: Call) -> None:
    """One line for one callback that arrived."""
    at = call.at.astimezone().strftime("%H:%M:%S.%f")[:-3]
    name = call.name or "-"
    data = json.dumps(call.data, ensure_ascii=False)
    signature = "" if call.signature is None else f"  signature {call.signature}"
    click.echo(
        f"  {at}  <- {call.kind:<6} {name:<24} {call.path or 'line':<8} tasklogid={call.fire_id} {data}{signature}"
    )
