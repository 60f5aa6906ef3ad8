"""A receiver as fast as asyncio allows: answers success at once, keeps each request with its time of arrival.

A message that begins with a brace is a socket's, and ends with its line. `GET /take` hands over what came since the last time, as JSON rows [fire id, due, arrival in epoch seconds].
Requests are only looked into there, so that looking does not slow the receiving.
"""

import asyncio
import json
import re
import signal
import time
from datetime import datetime

REPLY_BODY = b'{"success":"true","resultValue":"ok"}'
REPLY = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    % len(REPLY_BODY)
) + REPLY_BODY
ID = re.compile(rb'"tasklogid"\s*:\s*"([^"]+)"')
DUE = re.compile(rb"\r\nx-dispatch-scheduled-time:\s*([^\r]+)", re.IGNORECASE)
LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)

Record = list[tuple[float, bytes]]


class Sink(asyncio.Protocol):
    """One connection."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        arrived = time.time()
        self._buffer += data
        if self._buffer.startswith(b"{"):
            self._take_line(arrived)
            return
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            found = LENGTH.search(self._buffer, 0, end)
            size = end + 4 + (int(found[1]) if found else 0)
            if len(self._buffer) < size:
                return
            request, self._buffer = self._buffer[:size], self._buffer[size:]
            self._answer(arrived, request)

    def _take_line(self, arrived: float) -> None:
        """A socket's message: one line, one line back, and the end."""
        if self._transport is not None and self._buffer.endswith(b"\n"):
            self._record.append((arrived, self._buffer))
            self._transport.write(REPLY_BODY + b"\n")
            self._transport.close()

    def _answer(self, arrived: float, request: bytes) -> None:
        assert self._transport is not None
        if request.startswith(b"POST"):
            self._record.append((arrived, request))
            self._transport.write(REPLY)
            return
        body = json.dumps([_row(*entry) for entry in self._record]).encode()
        self._record.clear()
        self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


def _row(arrived: float, request: bytes) -> tuple[str, float | None, float]:
    fire, due = ID.search(request), DUE.search(request)
    moment = datetime.fromisoformat(due[1].decode()).timestamp() if due else None
    return fire[1].decode() if fire else "", moment, arrived


async def main() -> None:
    """Receives until told to end."""
    loop, record, stopped = asyncio.get_running_loop(), Record(), asyncio.Event()
    listening = await loop.create_server(lambda: Sink(record), "127.0.0.1", 0, backlog=1024)
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    print(f"sink on 127.0.0.1:{listening.sockets[0].getsockname()[1]}", flush=True)
    await stopped.wait()


if __name__ == "__main__":
    asyncio.run(main())
