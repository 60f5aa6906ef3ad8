"""Bad manners of receivers, each as the talk of one connection: what it reads, what it writes, how it ends.

A talk takes the connection's reader and writer and `heard`, where it puts each request that it read.
"""

import asyncio
import gzip
import socket
import struct
from contextlib import asynccontextmanager, contextmanager

FOR_EVER = 30
BOMB = gzip.compress(b"\0" * 20_000_000)


def reset(writer):
    """Ends a connection with RST."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def flood(writer, data, pause=0.0):
    """Writes the same bytes for ever."""
    while True:
        writer.write(data)
        await writer.drain()
        await asyncio.sleep(pause)


async def read_request(reader):
    """One HTTP request, its head and its body."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
    )
    return head, await reader.readexactly(length)


def a_reply(body=b"", status=b"200 OK", *headers):
    lines = [b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


@asynccontextmanager
async def talking(talk, host="127.0.0.1", port=0, window=None, **options):
    """The port of a receiver that talks so with each connection, while the block runs.

    Its system takes in no more than about `window` bytes that it has not read.
    """
    tasks = set()

    async def on_connect(reader, writer):
        task = asyncio.current_task()
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        try:
            await talk(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    listening = await asyncio.start_server(on_connect, host, port, **options)
    if window is not None:
        listening.sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()
        ending = list(tasks)
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
        await asyncio.sleep(0)


@contextmanager
def full_listener():
    """The port of a listener whose queue is full: connecting to it hangs."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        port = server.getsockname()[1]
        callers = [socket.socket() for _ in range(4)]
        for caller in callers:
            caller.setblocking(False)
            caller.connect_ex(("127.0.0.1", port))
        yield port
        for caller in callers:
            caller.close()


# How a connection ends, or goes on


async def stays(writer):
    await asyncio.sleep(FOR_EVER)


async def hangs_up(writer):
    pass


async def resets(writer):
    reset(writer)


async def resets_soon(writer):
    await asyncio.sleep(0.05)
    reset(writer)


def floods(data, pause=0.0):
    async def write(writer):
        await flood(writer, data, pause)

    return write


# HTTP


def http(data=b"", then=hangs_up):
    """Reads the request, writes these bytes, and goes on as `then` says."""

    async def talk(reader, writer, heard):
        heard.append(await read_request(reader))
        writer.write(data)
        await writer.drain()
        await then(writer)

    return talk


def polite(status=b"200 OK", *headers, body=b""):
    """Answers each request, as often as it is asked."""

    async def talk(reader, writer, heard):
        while True:
            heard.append(await read_request(reader))
            writer.write(a_reply(body, status, *headers))
            await writer.drain()

    return talk


async def loops(reader, writer, heard):
    """Sends whoever asks to itself."""
    while True:
        request = await read_request(reader)
        heard.append(request)
        host = request[0].lower().split(b"host: ")[1].split(b"\r\n")[0]
        writer.write(a_reply(b"", b"307 Again", b"Location: http://" + host + b"/x"))
        await writer.drain()


async def too_old(reader, writer, heard):
    """What a server of TLS 1.0 says to a greeting that asks for more: the alert `protocol version`."""
    await reader.read(4096)
    writer.write(b"\x15\x03\x01\x00\x02\x02\x46")
    await writer.drain()


# Any kind


async def resets_at_once(reader, writer, heard):
    reset(writer)


async def never_reads(reader, writer, heard):
    writer.transport.pause_reading()
    await asyncio.sleep(FOR_EVER)


# Sockets


def line(data=b"", then=hangs_up):
    """Reads one line, writes these bytes, and goes on as `then` says."""

    async def talk(reader, writer, heard):
        heard.append(await reader.readuntil(b"\n"))
        writer.write(data)
        await writer.drain()
        await then(writer)

    return talk


def frame(data=b"", then=hangs_up):
    """The same, of a frame with its length before it."""

    async def talk(reader, writer, heard):
        (length,) = struct.unpack(">I", await reader.readexactly(4))
        heard.append(await reader.readexactly(length))
        writer.write(data)
        await writer.drain()
        await then(writer)

    return talk
