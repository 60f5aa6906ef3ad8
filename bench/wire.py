"""A small keep-alive client for loading the server: it costs less than what it measures."""

import asyncio
import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

LINES = "tcp://"
REPLY_LIMIT = 64 * 1024 * 1024


class Connection:
    """One kept connection; one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int) -> "Connection":
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=REPLY_LIMIT))

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Status and body of the reply."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        status = int(head[9:12])
        at = head.lower().index(b"\r\ncontent-length:") + 17
        length = int(head[at : head.index(b"\r\n", at)])
        return status, await self._reader.readexactly(length)

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()


def get(path: str) -> bytes:
    """A GET request."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


def add(task: Mapping[str, object], url: str, data: object) -> bytes:
    """An add.do request, as a form; a URL such as tcp://host:port is a socket's."""
    kind, option = "HTTP", {"url": url}
    if url.startswith(LINES):
        kind, option = "SOCKET", {"host": url.removeprefix(LINES)}
    recall = {"recallType": kind, "option": option, "data": data}
    form = {
        "recallConfig": json.dumps(recall),
        "taskConfig": json.dumps(task),
        "replace": "false",
    }
    body = urlencode(form)
    return (
        "POST /dispatchserver/add.do HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


async def send_all(port: int, requests: Iterable[bytes], clients: int) -> None:
    """Sends all requests over `clients` connections; each must be answered by success."""
    left = iter(requests)
    await asyncio.gather(*(_send(port, left) for _ in range(clients)))


async def _send(port: int, left: Iterable[bytes]) -> None:
    connection = await Connection.open(port)
    try:
        for request in left:
            status, body = await connection.ask(request)
            if status != 200 or not json.loads(body)["success"]:
                raise RuntimeError(f"refused: {status} {body.decode()}")
    finally:
        await connection.close()


async def fetch(port: int, path: str) -> Any:
    """The JSON document at a path."""
    connection = await Connection.open(port)
    try:
        _, body = await connection.ask(get(path))
        return json.loads(body)
    finally:
        await connection.close()


async def quiet(port: int, limit_s: float = 120) -> None:
    """Returns when no fire is pending or running any more."""
    async with asyncio.timeout(limit_s):
        while await _busy(port):  # noqa: ASYNC110  (another process sets no event)
            await asyncio.sleep(0.2)


async def _busy(port: int) -> bool:
    # Pending twice: a running one may turn to it between the questions.
    for state in ("pending", "running", "pending"):
        if (await fetch(port, f"/api/v1/fires?state={state}&limit=1"))["items"]:
            return True
    return False


async def first_callback(sink_port: int, limit_s: float) -> float:
    """When the first callback arrived at a sink; raises TimeoutError where none does in time."""
    async with asyncio.timeout(limit_s):
        while not (rows := await fetch(sink_port, "/take")):  # noqa: ASYNC110  (another process sets no event)
            await asyncio.sleep(0.01)
    arrived: float = rows[0][2]
    return arrived
