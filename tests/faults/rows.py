"""Rows of the fault matrix: who misbehaves as the table in tests/recalls/modes.py says, called by a whole server."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from dispatchserver.recalls.resolving import PLACES
from tests.certificates import showing
from tests.faults import names
from tests.faults.card import Line, is_long, note
from tests.faults.chaos import free_port
from tests.faults.names import Names, naming
from tests.faults.street import Peer, Street, peer, recall_of, street
from tests.processes import nth_loopback
from tests.recalls import manners as m
from tests.recalls.modes import AT_ONCE, FIRST_BYTE, HASTY, Mode

LIMIT_S = 1  # of those who end only by a time limit
RESETS = {"reset", "connect"}  # a reset on accept comes before the request is sent, or after it
ONE_PLACE = 12  # so many calls of one and the same address are made; 20 failures on end would open its circuit
POLICIES = {
    HASTY: {"timeout": f"{LIMIT_S}s"},
    AT_ONCE: {"connectTimeout": f"{LIMIT_S}s"},
    FIRST_BYTE: {"firstByteTimeout": f"{LIMIT_S}s"},
}


@asynccontextmanager
async def a_street(
    folder: Path, authority: Path, *flags: str
) -> AsyncIterator[tuple[Street, Names]]:
    """A street whose server asks our name server, and trusts our authority."""
    async with naming() as named:
        more = {names.PORT: str(named.port), "SSL_CERT_FILE": str(authority)}
        flags = ("--dns-timeout", str(LIMIT_S), *flags)
        async with street(folder, *flags, module="tests.faults.names", **more) as here:
            yield here, named


@asynccontextmanager
async def acting(mode: Mode, certificates: Path) -> AsyncIterator[Peer]:
    """Whoever misbehaves so."""
    if mode.name.endswith("black hole"):
        with m.full_listener() as port:
            yield Peer(port)
    elif mode.talk is None and not mode.tls:
        yield Peer(free_port())
    else:
        tls = showing(certificates, mode.tls) if mode.tls else None
        async with peer(mode.talk or m.polite(), tls) as found:
            yield found


def elsewhere(mode: Mode, port: int, n: int) -> dict[str, Any]:
    """The mode's recall, at the n-th address."""
    recall = recall_of(mode.recall(port))
    option = recall["option"]
    for key in ("url", "host"):
        if key in option and not mode.name.endswith("black hole"):
            text = option[key].replace("127.0.0.1", nth_loopback(n))
            option[key] = re.sub(r"(\w+\.test)", rf"n{n}.\1", text)
    return recall


def judge(mode: Mode, fires: list[dict[str, Any]]) -> None:
    """The log says what happened, in the right words."""
    for fire in fires:
        (attempt,) = fire["attempt_log"]
        told = (fire["state"], fire["reason"], attempt["outcome"])
        words = mode.words.format(limit=rf"{LIMIT_S}\.0")
        if mode.talk is m.resets_at_once:
            assert fire["reason"] in RESETS and "reset" in attempt["outcome"]["detail"], told
            continue
        assert re.search(words, attempt["outcome"]["detail"]), told
        state = "succeeded" if mode.failure is None else "failed"
        assert (fire["state"], fire["reason"]) == (state, mode.reason), told


async def called(here: Street, mode: Mode, found: Peer, count: int) -> int:
    """Calls whoever misbehaves so, so often, and holds what came of it; answers how often it was."""
    if "localhost" in mode.url or mode.name.endswith("black hole"):
        count = min(count, ONE_PLACE)
    if mode.name.endswith("slow name"):
        # whoever waits for a name server takes a place of those who want another name
        count = min(count, PLACES // 4)
    recalls = [elsewhere(mode, found.port, n) for n in range(count)]
    fires = await here.call(recalls, **POLICIES.get(mode.limits, {"timeout": "20s"}))
    assert len(fires) == count
    judge(mode, fires)
    for fire in fires:
        assert sum(fire["id"] in str(heard) for heard in found.heard) <= 1, "it was called twice"
    assert mode.reason not in ("dns", "egress", "tls") or not found.heard
    return count


async def hold(
    here: Street,
    row: str,
    modes: list[Mode],
    certificates: Path,
    count: int,
    *,
    kept: bool = False,
    way: str = "",
) -> None:
    """A row of the table: every way of it at the same time, `count` times each; `kept`: connections may be used again.
    The report card names the `way` on which they are called, where that is not the usual one.
    """

    async def all_ways(times: int, stack: AsyncExitStack) -> int:
        found = [await stack.enter_async_context(acting(mode, certificates)) for mode in modes]
        ways = zip(modes, found, strict=True)
        return sum(await asyncio.gather(*(called(here, mode, one, times) for mode, one in ways)))

    # What the same took before is no growth: what is loaded once, and room for as many replies as come at the same time.
    for times in (1, count, count) if is_long() else (1,):
        async with AsyncExitStack() as stack:
            await all_ways(times, stack)
    hundreds = max(1, len(modes) * count // 100)
    async with here.watch(5 * hundreds, 15 * hundreds) as seen, AsyncExitStack() as stack:
        made = await all_ways(count, stack)
        if not kept:  # else the peers hang up, and nobody need wait for the server to do so
            await here.flat(seen)
    what = way + ", ".join(mode.name for mode in modes)
    note(Line(fault=row, what=what, rounds=made, seen=str(seen)))
