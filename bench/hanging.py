"""Callbacks that hang, and the others: how late a steady stream is while very many wait for a receiver that never answers.

Two servers with their defaults take the same stream in turns: one has nothing else to do, the other has all those
callbacks in flight, from before the stream begins until, a total timeout later, all of them are given up.
"""

import argparse
import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from bench.figures import middle, tell
from bench.processes import Child, child, folder, server
from bench.steady import begin, came
from bench.wire import add, fetch, send_all

SETTLE_S = 1.0


class Mute(asyncio.Protocol):
    """A connection that takes everything and says nothing; it is counted for as long as it is there."""

    open = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        Mute.open += 1

    def connection_lost(self, exc: Exception | None) -> None:
        Mute.open -= 1


async def main(hanging: int, receivers: int, rate: int, seconds: int, rounds: int) -> None:
    """Interleaves the two, and tells the medians."""
    alone: list[Mapping[str, Any]] = []
    beside: list[Mapping[str, Any]] = []
    async with child("bench.sink") as sink, mute(receivers) as ports:
        for _ in range(rounds):
            alone.append(await _round(sink, [], rate, seconds))
            urls = [f"http://127.0.0.1:{ports[n % receivers]}/" for n in range(hanging)]
            beside.append(await _round(sink, urls, rate, seconds))
    figures = {"alone": _middles(alone), "beside_hanging": _middles(beside)} | {
        f"{which}_ratio": middle(
            [
                b["late"][f"{which}_ms"] / a["late"][f"{which}_ms"]
                for a, b in zip(alone, beside, strict=True)
            ],
            2,
        )
        for which in ("p50", "p99")
    }
    settings = {
        "hanging": hanging,
        "receivers": receivers,
        "rate": rate,
        "seconds": seconds,
        "rounds": rounds,
    }
    tell("hanging", settings, figures)


@asynccontextmanager
async def mute(receivers: int) -> AsyncIterator[Sequence[int]]:
    """The ports of so many receivers that never answer, each a destination of its own."""
    async with AsyncExitStack() as stack:
        loop, ports = asyncio.get_running_loop(), []
        for _ in range(receivers):
            listening = await loop.create_server(Mute, "127.0.0.1", 0, backlog=1024)
            stack.callback(listening.close)
            ports.append(listening.sockets[0].getsockname()[1])
        yield ports


async def _round(sink: Child, hang_at: Sequence[str], rate: int, seconds: int) -> Mapping[str, Any]:
    with folder() as place:
        # What hangs would keep a stop waiting.
        async with server(Path(place) / "hanging.db", "--drain-timeout", "0") as serving:
            now_ms = int(time.time() * 1000)
            requests = (add(_once(n, now_ms), url, "x" * 200) for n, url in enumerate(hang_at))
            await send_all(serving.port, requests, clients=16)
            start = await begin(serving, sink, rate, seconds, 0.1, "healthy")
            await asyncio.sleep(start - time.time())
            hung, before = Mute.open, serving.cpu_seconds()
            await asyncio.sleep(start + seconds + SETTLE_S - time.time())
            cpu = serving.cpu_seconds() - before
            rows = await fetch(sink.port, "/take")
            return {
                **came(rows, rate * seconds),
                "cpu_us_per_fire": round(cpu / (rate * seconds) * 1e6),
                "hanging_at_start": hung,
                "hanging_at_end": Mute.open,
            }


def _once(number: int, due_ms: int) -> Mapping[str, object]:
    once = {"triggerType": "SimpleTrigger", "startDate": due_ms, "timeConfig": None}
    return once | {"groupCode": "hanging", "jobCode": f"task{number}"}


def _middles(rounds: Sequence[Mapping[str, Any]]) -> Mapping[str, object]:
    return {
        "p50_ms": middle([one["late"]["p50_ms"] for one in rounds]),
        "p99_ms": middle([one["late"]["p99_ms"] for one in rounds]),
        "max_ms": middle([one["late"]["max_ms"] for one in rounds]),
        "cpu_us_per_fire": middle([one["cpu_us_per_fire"] for one in rounds], 0),
        "lost_twice_early": [sum(one[w] for one in rounds) for w in ("lost", "twice", "early")],
        "hanging_from_to": [[one["hanging_at_start"], one["hanging_at_end"]] for one in rounds],
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--hanging", type=int, default=1_000, help="callbacks that are never answered"
    )
    parser.add_argument(
        "--receivers", type=int, default=16, help="that never answer; one takes 64 at once"
    )
    parser.add_argument(
        "--rate", type=int, default=100, help="of the stream: tasks, and so fires a second"
    )
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    asyncio.run(main(given.hanging, given.receivers, given.rate, given.seconds, given.rounds))
