"""The yardstick of the burst: an aiohttp client that does nothing but POST."""

import argparse
import asyncio
import json
import time
from collections.abc import Iterator

import aiohttp


async def main(url: str, count: int, size: int, connections: int) -> None:
    """Posts `count` bodies over `connections` connections; prints seconds and CPU seconds."""
    numbers = iter(range(count))
    connector = aiohttp.TCPConnector(limit=connections)
    jar = aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(connector=connector, cookie_jar=jar) as session:
        began, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(_post(session, url, numbers, size) for _ in range(connections)))
        took, cpu = time.perf_counter() - began, time.process_time() - cpu
    print(json.dumps({"seconds": took, "cpu_seconds": cpu}))


async def _post(
    session: aiohttp.ClientSession, url: str, numbers: Iterator[int], size: int
) -> None:
    headers = {"Content-Type": "application/json; charset=utf-8"}
    for number in numbers:
        body = json.dumps({"data": "x" * size, "tasklogid": f"{number:032x}"}).encode()
        async with session.post(url, data=body, headers=headers) as reply:
            await reply.read()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    for name in ("count", "size", "connections"):
        parser.add_argument(f"--{name}", type=int, required=True)
    given = parser.parse_args()
    asyncio.run(main(given.url, given.count, given.size, given.connections))
