"""A receiver of many moods that writes down what it saw itself."""

import asyncio
import json
import random
import struct
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from socket import SO_LINGER, SOL_SOCKET
from typing import Any
from urllib.parse import unquote

from tests.faults.checker import Callback, moment
from tests.processes import now

GOOD = b'{"success":"true","resultValue":"taken"}'
MOODS = {"ok": 80, "refused": 8, "reset": 7, "hang": 5}
HOLD_S = (0.0, 0.06)


def clock() -> float:
    """The present moment in milliseconds."""
    return now().timestamp() * 1000


@dataclass
class Receiver:
    """Answers as its mood of the moment is; each callback is recorded when it is over, or when the block ends.

    It listens in several places, each with an address of its own.
    """

    chance: random.Random
    moods: Mapping[str, int] = field(default_factory=lambda: dict(MOODS))
    hold_s: tuple[float, float] = HOLD_S
    callbacks: list[Callback] = field(default_factory=list)
    hosts: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """The address of the first place."""
        return f"http://{next(iter(self.hosts.values()))}/"

    async def take(
        self, place: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """One connection, until either side ends it."""
        with suppress(OSError, asyncio.IncompleteReadError):
            while await self._answer(place, reader, writer):
                pass
        writer.close()

    async def _answer(
        self, place: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """One request; whether the connection goes on."""
        headers = _headers(await reader.readuntil(b"\r\n\r\n"))
        at = clock()
        body = json.loads(await reader.readexactly(int(headers["content-length"])))
        mood = self.chance.choices([*self.moods], [*self.moods.values()])[0]
        outcome = "cut"
        try:
            if await self._behave(mood, reader, writer):
                outcome = mood
        finally:
            self.callbacks.append(_callback(place, headers, body, at, outcome))
        return outcome != "cut"

    async def _behave(
        self, mood: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Acts a mood out; whether a whole answer was written."""
        if mood == "hang":
            await reader.read()
            return False
        await asyncio.sleep(self.chance.uniform(*self.hold_s))
        if mood == "reset":
            writer.get_extra_info("socket").setsockopt(
                SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0)
            )
            return False
        line = b"200 OK" if mood == "ok" else b"500 Internal Server Error"
        body = GOOD if mood == "ok" else b"no"
        writer.write(b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (line, len(body), body))
        await writer.drain()
        return True


def _headers(head: bytes) -> dict[str, str]:
    lines = head.decode("latin-1").split("\r\n")[1:-2]
    return {name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)}


def _callback(
    place: str, headers: Mapping[str, str], body: Any, at: float, outcome: str
) -> Callback:
    return Callback(
        place=place,
        at=at,
        ended=clock(),
        outcome=outcome,
        fire=headers["x-dispatch-fire-id"],
        attempt=int(headers["x-dispatch-attempt"]),
        kind=headers["x-dispatch-kind"],
        task=unquote(headers["x-dispatch-name"]),
        due=moment(headers["x-dispatch-scheduled-time"]),
        data=body["data"],
        body_id=body["tasklogid"],
    )


@asynccontextmanager
async def receiving(
    chance: random.Random, places: Sequence[str] = ("",)
) -> AsyncIterator[Receiver]:
    """A receiver that listens in these places while the block runs."""
    receiver, tasks = Receiver(chance), set[asyncio.Task[Any]]()

    async def take(place: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        await receiver.take(place, reader, writer)

    try:
        async with AsyncExitStack() as stack:
            for place in places:
                taking = partial(take, place)
                listening = await asyncio.start_server(taking, "127.0.0.1", 0, backlog=1_000)
                stack.callback(listening.close)
                receiver.hosts[place] = f"127.0.0.1:{listening.sockets[0].getsockname()[1]}"
            yield receiver
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
