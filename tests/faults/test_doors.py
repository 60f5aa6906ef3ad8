"""Group G: callers that abuse the doors of a whole server, while others are served."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from yarl import URL

from tests import abuses
from tests.abuses import DO, FORM, LOGIN, REST
from tests.faults.card import Line, is_long, note, rounds
from tests.faults.street import LATE_S, Seen, Street, percentile
from tests.processes import Process, Server, http, many_files, one_shot, server

pytestmark = pytest.mark.needs("proc")
asynchronous = pytest.mark.asyncio(loop_scope="module")

HEADS = {"do": DO + FORM, "rest": REST, "page": LOGIN + FORM}
HEAD_S, BODY_S, KEEP_S = 10, 15, 75  # the server's own limits
SPARE_S = 1.5 if is_long() else 4.0
NUL, DEEP, ASCII = ("NUL",), ("at most 64 levels",), ("UTF-8",)


async def said(port: int, data: bytes) -> bytes:
    """All that the server answers to these bytes, until it hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(data)
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.transport.abort()


def status(reply: bytes) -> int:
    """0 of none."""
    return int(reply.split()[1]) if reply else 0


def with_length(head: bytes, body: bytes) -> bytes:
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


async def tasks_of(here: Street) -> list[Any]:
    return sorted(
        (task["group"], task["name"], task["version"]) for task in await here.api.all("/tasks")
    )


@asynccontextmanager
async def unchanged(here: Street, **limits: float) -> AsyncIterator[tuple[int, Seen]]:
    """Whatever is said to the port in the block, no task is other than before, and nobody else is held up."""
    before, port = await tasks_of(here), URL(here.url).port
    assert port is not None
    async with here.watch(**limits) as seen:
        yield port, seen
    assert await tasks_of(here) == before


async def refused(
    here: Street, fault: str, what: str, requests: Sequence[tuple[bytes, set[int]]]
) -> None:
    """Each of these is refused with one of its statuses, over and over, and changes nothing."""
    times = rounds(1, 20)
    for data, _ in requests:  # what is loaded once is no growth
        await said(URL(here.url).port or 0, data)
    async with unchanged(here) as (port, seen):
        for _ in range(times):
            replies = await asyncio.gather(*(said(port, data) for data, _ in requests))
            for reply, (data, allowed) in zip(replies, requests, strict=True):
                assert status(reply) in allowed, (data[:200], reply[:300])
    note(Line(fault=fault, what=what, rounds=times * len(requests), seen=str(seen)))


@asynchronous
async def test_who_takes_their_time_is_cut_off_and_the_others_are_served(here: Street) -> None:
    clock = asyncio.get_running_loop().time

    async def time_of(port: int, data: bytes, status_due: int | None) -> float:
        began = clock()
        reply = await said(port, data)
        assert status(reply) == (status_due or 0), (data[:100], reply[:200])
        return clock() - began

    slow_heads = [*abuses.SLOW.values()] * rounds(60, 260)
    bodies = [head + body for head in HEADS.values() for body in abuses.SLOW_BODIES.values()]
    stopping = [data for data in bodies if b"3;" not in data] * rounds(2, 5)
    extended = [data for data in bodies if b"3;" in data] * rounds(2, 5)
    with many_files():
        async with unchanged(here, grown_mb=20, peak_mb=60) as (port, seen):
            asked = (
                *(time_of(port, data, None) for data in slow_heads),
                *(time_of(port, data, 408) for data in (*stopping, *extended)),
            )
            drips = drip(port)
            idle = keeps_quiet(port) if is_long() else asyncio.sleep(0, KEEP_S)
            *took, dripped, kept = await asyncio.gather(*asked, drips, idle)
    heads, rest = [*took[: len(slow_heads)], dripped], took[len(slow_heads) :]
    assert min(heads) >= HEAD_S - 0.1 and max(heads) < HEAD_S + SPARE_S, (min(heads), max(heads))
    assert min(rest) >= BODY_S - 0.1 and max(rest) < BODY_S + 2 + SPARE_S, (min(rest), max(rest))
    told = f"cut off after {min(heads):.1f} to {max(heads):.1f} s; {seen}"
    note(Line(fault="G1", what="slow and silent heads", rounds=len(heads), seen=told))
    told = f"408 after {min(rest):.1f} to {max(rest):.1f} s; {seen}"
    note(Line(fault="G2", what="slow bodies", rounds=len(stopping), seen=told))
    note(Line(fault="G10", what="endless chunk extensions", rounds=len(extended), seen=told))
    if is_long():
        assert KEEP_S - 1 <= kept < KEEP_S + 2 + SPARE_S, kept
        told = f"closed after {kept:.1f} s"
        note(Line(fault="G12", what="an idle kept connection", rounds=1, seen=told))


async def drip(port: int) -> float:
    """Sends a head byte by byte for ever; answers how long that was let go on."""
    began = asyncio.get_running_loop().time()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(abuses.GET + b"X: ")
        while not reader.at_eof():
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)
    except ConnectionError:
        pass
    finally:
        writer.transport.abort()
    return asyncio.get_running_loop().time() - began


async def keeps_quiet(port: int) -> float:
    """Asks once, and says nothing more; answers how long the connection was kept."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(abuses.GET + b"Host: 127.0.0.1\r\n\r\n")
    await reader.readuntil(b"}")
    began = asyncio.get_running_loop().time()
    assert await reader.read() == b""
    writer.transport.abort()
    return asyncio.get_running_loop().time() - began


@asynchronous
async def test_bodies_too_large_however_packed_are_refused(here: Street) -> None:
    bombs = []
    for head in HEADS.values():
        for headers, body in abuses.BOMBS.values():
            length = b"" if b"chunked" in headers else b"Content-Length: %d\r\n" % len(body)
            bombs.append((head + headers + length + b"\r\n" + body, {413}))
    many = [
        (with_length(DO + FORM, abuses.MANY_FIELDS), {400}),
        (with_length(LOGIN + FORM, abuses.MANY_FIELDS), {400}),
        (with_length(DO + abuses.PARTS, abuses.MANY_PARTS), {400}),
    ]
    await refused(here, "G3", "bodies over 1 MiB, plain and packed", bombs)
    await refused(here, "G3", "100,000 fields, 10,000 parts", many)


JSON_ROWS: dict[str, tuple[str, Callable[[str], bool]]] = {
    "G4": ("deep JSON", lambda words: words in DEEP),
    "G5": ("odd JSON", lambda words: words not in NUL + DEEP + ASCII),
    "G6": ("NUL in data", lambda words: words in NUL),
    "G7": ("no UTF-8", lambda words: words in ASCII),
}


@asynchronous
@pytest.mark.parametrize("row", JSON_ROWS)
async def test_odd_json_is_refused_by_every_door(here: Street, row: str) -> None:
    what, belongs = JSON_ROWS[row]
    bodies = [body for body, words in abuses.ODD if belongs(words)]
    assert bodies
    requests = [(with_length(REST, body), {400}) for body in bodies]
    for body in bodies:
        form = b"taskConfig=" + quote(body).encode() + b"&recallConfig=%7B%7D"
        # `.do` answers 200 with success: false, as its callers know it
        requests.append((with_length(DO + FORM, form), {200, 400, 413}))
    await refused(here, row, what, requests)


@asynchronous
async def test_another_charset_is_refused(here: Street) -> None:
    kinds = [b"Content-Type: application/json; charset=" + name for name in abuses.CHARSETS]
    requests = [
        (with_length(head + kind + b"\r\n", b"{}"), {415}) for head in (DO, REST) for kind in kinds
    ]
    await refused(here, "G7", "other charsets", requests)


@asynchronous
async def test_control_characters_are_in_no_name(here: Street) -> None:
    async with unchanged(here) as (_, seen):
        for odd in (*map(chr, range(32)), "\x7f"):
            reply = await here.api.add(one_shot(f"a{odd}b", 1_000), http("http://127.0.0.1:9/"))
            assert reply["success"] is False and "taskConfig" in reply["error"], (odd, reply)
    note(Line(fault="G6", what="control characters in names", rounds=33, seen=str(seen)))


LOOK_ALIKES = [
    "paypal",
    "p\u0430ypal",
    "caf\u00e9",
    "cafe\u0301",
    "a\u202eb",
    "x\u200by",
    "\U0001f600",
]


@asynchronous
async def test_names_that_look_alike_are_not_the_same(here: Street) -> None:
    count = len(here.neighbour.arrivals)
    async with here.watch() as seen:
        for name in LOOK_ALIKES:
            task = one_shot(name, groupCode="alike")
            assert (await here.api.add(task, http(here.neighbour.url, name)))["success"] is True
        await here.ended("alike", len(LOOK_ALIKES))
    came = {(one.name, one.body["data"]) for one in here.neighbour.arrivals[count:]}
    assert {(name, name) for name in LOOK_ALIKES} <= came
    stored = [task["name"] for task in await here.api.all("/tasks", group="alike")]
    assert sorted(stored) == sorted(LOOK_ALIKES)
    note(Line(fault="G8", what="look-alike names", rounds=len(LOOK_ALIKES), seen=str(seen)))


@asynchronous
async def test_what_breaks_the_rules_of_http_is_refused(here: Street) -> None:
    broken = [(data, {400}) for data in abuses.BROKEN.values()]
    await refused(here, "G9", "requests that break the rules of HTTP", broken)


@asynchronous
async def test_no_trick_of_spelling_leads_to_a_call(here: Street) -> None:
    requests = [
        (with_length(DO.replace(b"/dispatchserver/add.do", path), b"{}"), {400, 404})
        for path in abuses.TRICKS
    ]
    await refused(here, "G11", "tricks of spelling", requests)


@asynchronous
async def test_dear_schedules_cost_nobody_time(here: Street) -> None:
    bombs = [*abuses.CRON_BOMBS, *abuses.LONG_CRON_BOMBS]
    times = rounds(1, 20)
    async with here.watch() as seen:
        for n, bomb in enumerate(bombs * times):
            task = {"triggerType": "CronTrigger", "groupCode": "bombs", "jobCode": f"t{n}"}
            reply = await here.api.add(task | {"cronExpress": bomb}, http(here.neighbour.url))
            assert reply["success"] or "cronExpress" in reply["error"], (bomb, reply)
            if reply["success"]:
                await here.api.do("delete", jobName=f"t{n}", groupName="bombs")
    note(Line(fault="G13", what="cron bombs", rounds=len(bombs) * times, seen=str(seen)))


async def a_token(folder: Path, name: str) -> str:
    """Made as an admin makes it, right in the database."""
    where = ("--database-url", "sqlite:///dispatch.db")
    making = await Process.start(folder, "token", "create", name, "--json", *where)
    made = json.loads(await making.line())
    assert await making.ended() == 0
    return str(made["token"])


@asynccontextmanager
async def guarded(
    folder: Path, *flags: str
) -> AsyncIterator[tuple[Server, list[aiohttp.ClientSession]]]:
    """A server that asks for tokens, and two applications that have one each."""
    tokens = [await a_token(folder, name) for name in ("one", "two")]
    async with server(folder, "--auth", "token", *flags) as running:
        one, two = ({"Authorization": f"Bearer {token}"} for token in tokens)
        async with (
            aiohttp.ClientSession(running.url, headers=one) as first,
            aiohttp.ClientSession(running.url, headers=two) as second,
        ):
            yield running, [first, second]


async def add(session: aiohttp.ClientSession, name: str) -> tuple[int, str | None, float]:
    """The status, how long to wait, and how long the answer took."""
    began = asyncio.get_running_loop().time()
    form = {
        "taskConfig": json.dumps(one_shot(name, 1_000)),
        "recallConfig": json.dumps(http("http://127.0.0.1:9/")),
        "replace": "false",
    }
    async with session.post("/dispatchserver/add.do", data=form) as reply:
        await reply.read()
        took = asyncio.get_running_loop().time() - began
        return reply.status, reply.headers.get("Retry-After"), took


@asynchronous
async def test_a_flood_of_adds_is_slowed_and_slows_nobody_else(tmp_path: Path) -> None:
    rate, burst, flood = 50, 100, rounds(600, 6_000)
    limits = ("--rate-limit", str(rate), "--rate-burst", str(burst))
    async with guarded(tmp_path, *limits) as (_, (one, two)):
        clock = asyncio.get_running_loop().time
        began, gate = clock(), asyncio.Semaphore(50)

        async def flooding(n: int) -> tuple[int, str | None, float]:
            async with gate:
                return await add(one, f"flood{n}")

        async def well_behaved() -> list[tuple[int, str | None, float]]:
            replies = []
            for n in range(20):
                replies.append(await add(two, f"well{n}"))
                await asyncio.sleep(0.05)
            return replies

        *replies, well = await asyncio.gather(*map(flooding, range(flood)), well_behaved())
        took = clock() - began
        async with two.get("/api/v1/tasks", params={"limit": "500", "q": "flood"}) as reply:
            stored = len((await reply.json())["items"])
    found = Counter(status for status, _, _ in replies)
    assert set(found) == {200, 429}
    assert all(wait and int(wait) >= 1 for status, wait, _ in replies if status == 429)
    assert burst <= found[200] <= burst + rate * took + 1
    assert stored == min(500, found[200])
    assert {status for status, _, _ in well} == {200}
    slowest = percentile([took for _, _, took in well])
    assert slowest < 2 * LATE_S
    told = f"{found[200]} taken in {took:.1f} s, {found[429]} refused; another token's adds took {slowest * 1000:.0f} ms"
    note(Line(fault="G14", what=f"a flood of adds, at {rate}/s", rounds=flood, seen=told))


@asynchronous
async def test_another_spelling_of_a_call_meets_the_same_guard(tmp_path: Path) -> None:
    async with guarded(tmp_path) as (running, _):
        port = URL(running.url).port or 0
        for path in (b"/dispatchserver/add.do", *abuses.SPELLINGS):
            data = with_length(DO.replace(b"/dispatchserver/add.do", path), b"{}")
            assert status(await said(port, data)) == 401, path
    note(Line(fault="G11", what="spellings without a token", rounds=1 + len(abuses.SPELLINGS)))
