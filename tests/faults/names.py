"""A server that asks a name server of ours for names in `.test`: `python -m tests.faults.names serve …`; and the name server.

The system's own resolver is left alone: it belongs to the whole machine.
"""

import asyncio
import os
import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from dispatchserver.__main__ import main
from dispatchserver.recalls import resolving

PORT = "TEST_NAMES"
UNKNOWN = ""
SILENT_S = 3  # the thread and the file of a look-up are held so long, whatever we do


@dataclass
class Names:
    """Answers with the next address of a name, the last one for ever; UNKNOWN for none, None for silence."""

    answers: dict[str, list[str | None]] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    port: int = 0

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        name = (await reader.readline()).decode().strip()
        self.asked[name] += 1
        # n3.slow.test is slow, too: each its own name, so that nobody waits for the answer of another
        known = self.answers.get(name) or self.answers.get(name.partition(".")[2]) or ["127.0.0.1"]
        answer = known.pop(0) if len(known) > 1 else known[0]
        if answer is None:
            await reader.read()
        else:
            writer.write(answer.encode() + b"\n")
        writer.close()


@asynccontextmanager
async def naming() -> AsyncIterator[Names]:
    """A name server that listens while the block runs."""
    names = Names(
        {"unknown.test": [UNKNOWN], "slow.test": [None], "rebound.test": ["169.254.169.254"]}
    )
    listening = await asyncio.start_server(names.take, "127.0.0.1", 0, backlog=200)
    names.port = listening.sockets[0].getsockname()[1]
    try:
        yield names
    finally:
        listening.close()


def ask(name: str) -> str:
    """The address; UNKNOWN where nobody answers."""
    with socket.create_connection(("127.0.0.1", int(os.environ[PORT])), SILENT_S) as line:
        line.sendall(name.encode() + b"\n")
        return line.makefile().readline().strip()


def getaddrinfo(host: Any, port: Any, *more: Any, **other: Any) -> Any:
    """As the system's, but for names in `.test`."""
    if not str(host).endswith(".test"):
        return SYSTEM(host, port, *more, **other)
    address = ask(host)
    if address == UNKNOWN:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return SYSTEM(address, port, *more, **other)


SYSTEM = socket.getaddrinfo

if __name__ == "__main__":
    resolving.FRESH_S = (
        0.3  # an answer is remembered no longer, so that nobody must wait for the next
    )
    socket.getaddrinfo = getaddrinfo
    main()
