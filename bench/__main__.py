"""Runs every measurement, small: `python -m bench`; each alone: `python -m bench.burst --help`."""

import asyncio

from bench import (
    adds,
    burst,
    calls,
    floor,
    hanging,
    imports,
    memory,
    planning,
    skeleton,
    sockets,
    start,
    steady,
    triggers,
)


async def main() -> None:
    """Names each, and runs it."""
    print(
        "bench.burst, bench.calls, bench.floor, bench.skeleton, bench.sockets, bench.steady, bench.hanging, bench.adds, bench.imports, bench.memory,"
        " bench.planning, bench.start, bench.triggers; a line of JSON each or more, about 6 minutes"
    )
    await burst.main(tasks=1_000, rounds=3, size=200, connections=64, slots=2_000)
    await calls.main(tasks=1_000, most=0)
    await floor.main(tasks=1_000, rounds=3, size=200, connections=64)
    await skeleton.main(tasks=1_000, rounds=3, size=200, connections=64)
    await sockets.main(tasks=1_000, rounds=3, size=200, connections=64, slots=100)
    await steady.main(rate=200, seconds=10, cron_share=0.1, slots=2_000)
    await hanging.main(hanging=1_000, receivers=16, rate=100, seconds=30, rounds=1)
    await adds.main(adds=500, rounds=3, clients=[1, 8, 64])
    await imports.main(tasks=50_000, kinds=["mixed"])
    await memory.main(counts=[0, 10_000, 100_000], idle=5, rounds=1)
    await planning.main(tasks=20_000)
    await start.main(tasks=[0], starts=5)
    triggers.main(steps=20, repeats=3)


if __name__ == "__main__":
    asyncio.run(main())
