"""Group E: receivers over HTTP with bad manners, or behind a bad net, called by a whole server."""

import asyncio
import os
import random
import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from yarl import URL

from tests.faults import chaos
from tests.faults.card import Line, is_long, note, rounds
from tests.faults.chaos import bad_net
from tests.faults.names import Names
from tests.faults.rows import RESETS, a_street, hold
from tests.faults.street import NEIGHBOURS, NO_RETRY, Street, peer
from tests.forwarding import forwarding
from tests.processes import each_second, http, many_files, ms, now, sink, until
from tests.recalls import manners as m
from tests.recalls.modes import BY_HTTP

pytestmark = pytest.mark.needs("proc")
asynchronous = pytest.mark.asyncio(loop_scope="module")

ROWS = {
    "E1": ["endless body", "endless chunks", "huge body"],
    "E2": ["dripping body", "dripping headers"],
    "E3": [
        "endless headers",
        "huge header",
        "bad status",
        "garbage",
        "TLS bytes",
        "two lengths",
    ],
    "E4": ["endless 100"],
    "E5": ["packed bomb"],
    "E6": ["302", "redirect loop"],
    "E7": [
        "reset on accept",
        "reset after reading",
        "reset in the reply",
        "end without a reply",
        "end in the head",
        "end in the body",
    ],
    "E8": ["kept connection closed"],
    "E9": ["silence", "never reads", "no first byte", "nobody listens", "black hole"],
    "E11": ["500", "408", "429", "503", "404", "410", "says no", "wants no other call"],
    "E12": ["forged second reply"],
    "E13": ["cookie"],
    "E14": ["self-signed", "expired", "wrong host", "TLS 1.0"],
    "E15": ["unknown name", "slow name", "rebound name"],
}
KEPT = {"E6", "E8", "E11", "E13"}  # whose connections may be used again


def test_every_bad_manner_has_its_row() -> None:
    assert sorted(chain.from_iterable(ROWS.values())) == sorted(mode.name for mode in BY_HTTP)


@asynchronous
@pytest.mark.parametrize("row", ROWS)
async def test_whatever_a_receiver_does_costs_nobody_else(
    here: Street, certificates: Path, row: str
) -> None:
    modes = [mode for mode in BY_HTTP if mode.name in ROWS[row]]
    await hold(here, row, modes, certificates, rounds(6, 100), kept=row in KEPT and not is_long())


PROXYS_OWN = {"nobody listens", "black hole", "unknown name", "slow name", "rebound name"}
"""Whom a proxy does not reach, it tells in its own way: see tests/recalls/test_proxy.py."""
BY_PROXY = {row: set(names) - PROXYS_OWN for row, names in ROWS.items() if set(names) - PROXYS_OWN}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def behind_a_proxy(
    tmp_path_factory: pytest.TempPathFactory, certificates: Path
) -> AsyncIterator[Street]:
    """A server that calls everybody through a proxy."""
    folder = tmp_path_factory.mktemp("proxied")
    async with forwarding() as proxy:
        flags = ("--callback-proxy", proxy.url)
        async with a_street(folder, certificates / "authority.pem", *flags) as (here, _):
            yield here


@asynchronous
@pytest.mark.parametrize("row", BY_PROXY)
async def test_behind_a_proxy_a_receiver_may_do_no_more(
    behind_a_proxy: Street, certificates: Path, row: str
) -> None:
    modes = [mode for mode in BY_HTTP if mode.name in BY_PROXY[row]]
    kept = row in KEPT and not is_long()
    await hold(
        behind_a_proxy, row, modes, certificates, rounds(6, 100), kept=kept, way="by proxy: "
    )


def loop_time() -> float:
    return asyncio.get_running_loop().time()


def took_s(attempt: dict[str, Any]) -> float:
    began, ended = (datetime.fromisoformat(attempt[key]) for key in ("started_at", "ended_at"))
    return (ended - began).total_seconds()


@asynchronous
async def test_a_drip_ends_with_its_time_limit_and_no_later(here: Street) -> None:
    limit, spare = 2, 0.1 if is_long() else 0.5
    async with peer(m.http(m.a_reply(b"x")[:20], m.floods(b"X: y\r\n", 0.03))) as dripping:
        urls = [dripping.url(n) for n in range(rounds(10, 100))]
        async with here.watch() as seen:
            fires = await here.call([http(url) for url in urls], timeout=f"{limit}s")
    times = [took_s(fire["attempt_log"][0]) for fire in fires]
    assert {fire["reason"] for fire in fires} == {"timeout"}
    assert limit * 0.99 <= min(times) and max(times) <= limit * (1 + spare), times
    told = f"of {limit} s they took {min(times):.2f} to {max(times):.2f} s; {seen}"
    note(Line(fault="E2", what="a reply that drips for ever", rounds=len(fires), seen=told))


@asynchronous
async def test_a_redirect_leads_nowhere(here: Street) -> None:
    count = rounds(2, 20)
    async with peer(m.polite()) as trap, here.watch() as seen, AsyncExitStack() as stack:
        urls = []
        for status in (301, 302, 303, 307, 308):
            for there in (trap.url(), "http://169.254.169.254/latest/meta-data"):
                sends = m.polite(b"%d Go" % status, b"Location: " + there.encode())
                sending = await stack.enter_async_context(peer(sends))
                urls += [sending.url(n) for n in range(count)]
        fires = await here.call([http(url) for url in urls])
        assert {(fire["state"], fire["reason"]) for fire in fires} == {("failed", "status")}
        assert trap.connects == 0
    told = f"0 connections to where it led; {seen}"
    note(Line(fault="E6", what="redirects inside", rounds=len(fires), seen=told))


BAD_NETS: dict[chaos.Mode, tuple[str, str | None, bool]] = {
    # the row, what the log says of the first attempt, and whether the receiver heard it
    "refuse": ("E9", "connect", False),
    "blackhole": ("E9", "timeout", False),
    "rst": ("E7", "reset", False),
    "rst_mid": ("E7", "reset", True),
    "half_up": ("E7", "timeout", True),
    "corrupt": ("E3", "protocol", True),
    "delay": ("E2", None, True),
    "rate": ("E2", None, True),
}


@asynchronous
async def test_what_a_bad_net_swallows_comes_again_under_the_same_id(here: Street) -> None:
    count = rounds(5, 15)
    async with here.watch() as seen:
        took = await asyncio.gather(*(behind(here, mode, count) for mode in BAD_NETS))
    for (mode, (row, _, _)), healed_s in zip(BAD_NETS.items(), took, strict=True):
        what = f"bad net: {mode}"
        note(Line(fault=row, what=what, rounds=count, recovered_s=healed_s, seen=str(seen)))


async def behind(here: Street, mode: chaos.Mode, count: int) -> float:
    """Calls an honest receiver over a net that is bad in this way, and then heals; answers how long it took then."""
    _, reason, heard = BAD_NETS[mode]
    async with sink() as honest, bad_net(URL(honest.url).port or 0, mode) as net:
        recalls = [http(f"http://127.0.0.1:{net.port}/{n}") for n in range(count)]
        retry = {"delays": ["700ms", "700ms", "700ms"]}
        # what only comes slowly has time: a machine that is busy with other things may stand still for a second
        timeout = "1500ms" if reason == "timeout" else "15s"
        group = await here.ask(recalls, timeout=timeout, retry=retry)

        async def tried() -> list[dict[str, Any]]:
            fires = [await here.api.get(f"/fires/{fire['id']}") for fire in await here.fires(group)]
            return fires if len(fires) == count and all(f["attempt_log"] for f in fires) else []

        fires = await until(tried)
        first_reasons = {fire["attempt_log"][0]["outcome"]["reason"] for fire in fires}
        assert first_reasons <= (RESETS if mode == "rst" else {reason}), (mode, first_reasons)
        first = {arrival.fire for arrival in honest.arrivals if arrival.attempt == 1}
        assert first == ({fire["id"] for fire in fires} if heard else set())
        await net.become("pass")
        healed = loop_time()
        ended = await here.ended(group, count)
        took = loop_time() - healed
        assert net.taken >= (1 if mode == "refuse" else count)
    assert {fire["state"] for fire in ended} == {"succeeded"}, mode
    calls = [(arrival.fire, arrival.attempt) for arrival in honest.arrivals]
    assert len(calls) == len(set(calls)), "an attempt came twice"
    if reason is None:
        assert {fire["attempts"] for fire in ended} == {1}, mode
    else:
        assert min(fire["attempts"] for fire in ended) >= 2, mode
    return took


DOOMED_S = 3


@dataclass
class Fickle:
    """Answers, and gives the connection up as it pleases, often just when the next request is on its way."""

    chance: random.Random
    taken: Counter[str] = field(default_factory=Counter)
    unread: int = 0

    async def talk(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: Any
    ) -> None:
        ways = {"stay": 40, "close": 15, "reset": 15, "half": 10, "doom": 20}
        while True:
            head, _body = await m.read_request(reader)
            self.taken[head.decode("latin-1").lower().split("x-dispatch-fire-id: ")[1][:32]] += 1
            way = self.chance.choices([*ways], [*ways.values()])[0]
            if way == "doom":
                writer.transport.pause_reading()  # type: ignore[attr-defined]
            writer.write(m.a_reply(b'{"success":"true"}'))
            if way != "stay":
                await self._end(way, writer)
                return

    async def _end(self, way: str, writer: asyncio.StreamWriter) -> None:
        if way == "doom":  # what comes now is never read: its sender is told so by a reset
            await self._wait_for_more(writer)
            return
        await asyncio.sleep(self.chance.choice([0, 0, self.chance.uniform(0, 0.03)]))
        if way == "half":
            writer.write_eof()
            await asyncio.sleep(0.01)
        if way == "reset":
            m.reset(writer)

    async def _wait_for_more(self, writer: asyncio.StreamWriter) -> None:
        loop, more = asyncio.get_running_loop(), asyncio.Event()
        there = os.dup(writer.get_extra_info("socket").fileno())
        loop.add_reader(there, more.set)
        with socket.socket(fileno=there) as sock, suppress(TimeoutError):
            try:
                await asyncio.wait_for(more.wait(), DOOMED_S)
                self.unread += bool(sock.recv(1, socket.MSG_PEEK))
            finally:
                loop.remove_reader(there)


@asynchronous
async def test_no_callback_fails_because_its_kept_connection_was_given_up(here: Street) -> None:
    seed = random.SystemRandom().randrange(2**32)
    fickle, tasks, times = Fickle(random.Random(seed)), 100, rounds(4, 100)
    async with here.watch(grown_mb=15, peak_mb=30) as seen, peer(fickle.talk) as found:
        group = f"fickle{seed}"
        for n in range(tasks):
            start = ms(now()) + fickle.chance.randrange(1_000)
            task = each_second(f"t{n}", times) | {"groupCode": group, "startDate": start}
            reply = await here.api.add(task | {"policies": NO_RETRY}, http(found.url(n % 3)))
            assert reply["success"] is True, reply
        await asyncio.sleep(times)
        fires = await here.ended(group, tasks * times)
    assert (seed, Counter(fire["state"] for fire in fires)) == (seed, {"succeeded": tasks * times})
    assert {fire["attempts"] for fire in fires} == {1}
    doubled = sum(count > 1 for count in fickle.taken.values())
    assert (len(fickle.taken), doubled) == (len(fires), 0)
    assert fickle.unread > len(fires) // 50, "the race was hardly ever lost"
    told = (
        f"{found.connects} connections, {fickle.unread} requests on one that was given up; {seen}"
    )
    note(Line(fault="E8", what="kept connections given up", rounds=len(fires), seen=told))


@asynchronous
async def test_hanging_receivers_hold_up_no_neighbour(here: Street) -> None:
    hanging, held_s = rounds(200, 1_000), rounds(2, 20)
    with many_files():
        async with (
            peer(m.http(then=m.stays)) as silent,
            here.watch(grown_mb=40, peak_mb=80) as seen,
        ):
            recalls = [http(silent.url(n)) for n in range(hanging)]
            group = await here.ask(recalls, timeout=f"{held_s + 5}s")

            async def all_hang() -> bool:
                return len(silent.heard) == hanging

            await until(all_hang)
            since = len(here.neighbour.arrivals)
            await asyncio.sleep(held_s)
            called = len(here.neighbour.arrivals) - since
            fires = await here.ended(group, hanging)
    assert {fire["reason"] for fire in fires} == {"timeout"}
    assert called > held_s * NEIGHBOURS * 0.8
    what = f"{hanging} hanging receivers, {NEIGHBOURS} healthy ones"
    note(Line(fault="E10", what=what, rounds=called, seen=str(seen)))


REPEATS = {
    # what a receiver answers, how often it is called then, and after how many seconds at least
    "500": (m.polite(b"500 Oops"), 2, 0.3),
    "429": (m.polite(b"429 Wait", b"Retry-After: 2"), 2, 2.0),
    "410": (m.polite(b"410 Gone"), 1, 0.0),
    "404": (m.polite(b"404 Not here"), 1, 0.0),
}


@asynchronous
@pytest.mark.parametrize("status", REPEATS)
async def test_a_refusal_is_repeated_as_the_receiver_and_the_policy_say(
    here: Street, status: str
) -> None:
    talk, attempts, pause_s = REPEATS[status]
    async with here.watch() as seen, peer(talk) as found:
        recalls = [http(found.url(n)) for n in range(rounds(5, 50))]
        fires = await here.call(recalls, retry={"delays": ["300ms"]})
        for fire in fires:
            log = fire["attempt_log"]
            assert (fire["state"], fire["reason"], len(log)) == ("failed", "status", attempts)
            moments = [datetime.fromisoformat(one["started_at"]) for one in log]
            assert (moments[-1] - moments[0]).total_seconds() >= pause_s
            assert sum(fire["id"] in str(heard) for heard in found.heard) == attempts
    what = f"{status}, {attempts - 1} repeats by the policy"
    note(Line(fault="E11", what=what, rounds=len(fires), seen=str(seen)))


@asynchronous
async def test_a_reply_that_nobody_asked_for_answers_nothing(here: Street) -> None:
    own, forged = (m.a_reply(b'{"success":"%b","resultValue":"%b"}' % pair) for pair in FORGING)
    written = 0

    async def talk(reader: Any, writer: Any, heard: list[Any]) -> None:
        nonlocal written
        while True:
            heard.append(await m.read_request(reader))
            at_once = len(heard) % 2
            writer.write(own + forged if at_once else own)
            if not at_once:
                await asyncio.sleep(0.02)
                writer.write(forged)
            written += 1

    async with here.watch() as seen, peer(talk) as found:
        fires: list[dict[str, Any]] = []
        for _ in range(rounds(6, 60)):
            fires += await here.call([http(found.url())])
            while written < len(fires):  # noqa: ASYNC110  (before the next request: after it, nobody could tell)
                await asyncio.sleep(0.02)
            await asyncio.sleep(0.02)
    assert {(fire["state"], fire["result"]) for fire in fires} == {("succeeded", "own")}
    note(Line(fault="E12", what="forged second replies", rounds=len(fires), seen=str(seen)))


FORGING = ((b"true", b"own"), (b"false", b"forged"))


@asynchronous
async def test_a_cookie_is_never_sent_back(here: Street) -> None:
    sets = m.polite(b"200 OK", b"Set-Cookie: a=b; Path=/")
    async with peer(sets) as found, here.watch() as seen:
        fires = [one for _ in range(rounds(6, 60)) for one in await here.call([http(found.url())])]
        assert len(found.heard) == len(fires)
        assert not any(b"cookie" in head.lower() for head, _ in found.heard)
    told = f"no cookie in {len(fires)} requests on {found.connects} connections; {seen}"
    note(Line(fault="E13", what="cookies", rounds=len(fires), seen=told))


@asynchronous
async def test_a_name_that_leads_inside_the_second_time_is_not_followed(
    place: tuple[Street, Names],
) -> None:
    here, named = place
    own, count = URL(here.url).port or 0, rounds(5, 50)
    for n in range(count):
        inside = "127.0.0.1" if n % 2 else "169.254.169.254"  # the server's own door, or metadata
        named.answers[f"host{n}.test"] = ["127.0.0.2", inside]
    named.asked.clear()
    recalls = [http(f"http://host{n}.test:{own}/healthz") for n in range(count)]
    async with here.watch() as seen, m.talking(hangs_up, "127.0.0.2", own):
        before = await here.call(recalls)
        await asyncio.sleep(0.5)  # the first answers are forgotten
        after = await here.call(recalls)
    assert {fire["state"] for fire in before} == {"succeeded"}
    log = [fire["attempt_log"][0]["outcome"] for fire in after]
    told = {(one["delivery"], one["reason"], one["connect_ms"]) for one in log}
    assert (told, named.asked.total()) == ({("not_sent", "egress", None)}, 2 * count)
    what = "names rebound to an inner address"
    note(Line(fault="E15", what=what, rounds=count, seen=f"0 connections inside; {seen}"))


async def hangs_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await m.http(m.a_reply(b"{}"))(reader, writer, [])
