"""What a callback of a burst costs at the least: its statements alone, as the server said them, and its request alone, as the server
sends it; beside what it costs with all that decides, books and tells around them."""

import argparse
import asyncio
import json
import pickle
import signal
import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

from bench.burst import begin, fire
from bench.figures import middle, tell
from bench.processes import Child, child, folder, run, server
from bench.recording import Said, replay, say
from bench.wire import fetch, quiet
from dispatchserver.domain.recall import HttpRecall
from dispatchserver.ports import SendOrder
from dispatchserver.recalls.http import HttpTarget

SETTLING_S = 0.5
HEADERS = 12
HEADER = "X-Dispatch-Some-Header: 0123456789abcdef0123456789abcdef\r\n"
AMPLE = timedelta(seconds=30)


async def main(tasks: int, rounds: int, size: int, connections: int) -> None:
    """Interleaves the three, and tells the medians."""
    whole: list[float] = []
    statements: list[float] = []
    requests: list[float] = []
    with folder() as place:
        async with child("bench.sink") as sink, server(Path(place) / "whole.db") as serving:
            for number in range(rounds):
                took = await fire(serving, sink, number, tasks, size, f"{sink.url}/")
                whole.append(took["cpu_us"])
                recorded, mark = await _recorded(Path(place), number, sink, tasks, size)
                statements.append(_statements(Path(place), number, recorded, mark) / tasks)
                requests.append(await _requests(sink, tasks, size, connections) / tasks)
    figures = {
        "cpu_us_per_fire": middle(whole, 0),
        "statements_us": middle(statements),
        "request_us": middle(requests),
        "floor_share": middle(
            [(s + r) / w for s, r, w in zip(statements, requests, whole, strict=True)], 2
        ),
    }
    tell("floor", {"tasks": tasks, "rounds": rounds, "connections": connections}, figures)


async def _recorded(
    place: Path, number: int, sink: Child, tasks: int, size: int
) -> tuple[list[Said], int]:
    """What a server said to its database in a burst, and how much of it before the tasks were planned."""
    told = place / f"said{number}.pickle"
    where = ("--port", "0", "--database-url", f"sqlite:///{place}/recorded{number}.db")
    arguments = ("bench.recording", str(told), "serve", *where, "--log-level", "warning")
    async with child(*arguments) as serving:
        due = await begin(serving, number, tasks, size, f"{sink.url}/")
        serving.process.send_signal(signal.SIGUSR1)
        await asyncio.sleep(due - time.time() + SETTLING_S)
        await quiet(serving.port)
    await fetch(sink.port, "/take")
    recorded, (mark,) = pickle.loads(told.read_bytes())
    return recorded, mark


def _statements(place: Path, number: int, recorded: list[Said], mark: int) -> float:
    """Microseconds of processor time that the statements from the mark on take, where nothing else runs."""
    connection = replay(place / f"replayed{number}.db", recorded[:mark])
    began = time.thread_time()
    say(connection, recorded[mark:])
    took = time.thread_time() - began
    connection.close()
    return took * 1e6


async def _requests(sink: Child, count: int, size: int, connections: int) -> float:
    """The same of the requests."""
    arguments = {"url": f"{sink.url}/", "count": count, "size": size, "connections": connections}
    said = await run("bench.floor", *(f"--{name}={value}" for name, value in arguments.items()))
    await fetch(sink.port, "/take")
    took: Mapping[str, float] = json.loads(said)
    return took["cpu_seconds"] * 1e6


async def send(url: str, count: int, size: int, connections: int) -> None:
    """Sends so many requests that are ready to be sent; prints CPU seconds."""
    target, left = HttpTarget(), iter(range(count))
    cpu = time.process_time()
    await asyncio.gather(*(_send(target, url, left, size) for _ in range(connections)))
    print(json.dumps({"cpu_seconds": time.process_time() - cpu}))
    await target.close()


async def _send(target: HttpTarget, url: str, left: Iterator[int], size: int) -> None:
    recall = HttpRecall(url=url, data="x" * size)
    for number in left:
        body = b'{"data":"%s","tasklogid":"%032x"}' % (b"x" * size, number)
        order = SendOrder(
            recall=recall,
            body=body,
            told=HEADER * HEADERS,
            connect_timeout=AMPLE,
            total_timeout=AMPLE,
            dns_timeout=AMPLE,
        )
        outcome = await target.send(order)
        if outcome.status != 200:
            raise RuntimeError(str(outcome))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=4_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=int, default=200, help="bytes of data in a body")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--url", help="only send requests there")
    parser.add_argument("--count", type=int, default=1_000, help="how many of them")
    given = parser.parse_args()
    if given.url is None:
        asyncio.run(main(given.tasks, given.rounds, given.size, given.connections))
    else:
        from dispatchserver.eventloop import new_event_loop

        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(send(given.url, given.count, given.size, given.connections))
