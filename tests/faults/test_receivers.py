"""Group E: receivers over HTTP with bad manners, or behind a bad net, called by a whole server."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.certificates import make_chain, showing
from tests.faults import names
from tests.faults.card import Line, note, rounds
from tests.faults.chaos import free_port
from tests.faults.names import Names, naming
from tests.faults.street import Peer, Seen, Street, peer, recall_of, street
from tests.processes import nth_loopback
from tests.recalls import manners as m
from tests.recalls.modes import AT_ONCE, BY_HTTP, FIRST_BYTE, HASTY, Mode

pytestmark = pytest.mark.needs("proc")
asynchronous = pytest.mark.asyncio(loop_scope="module")

LIMIT_S = 1  # of those who end only by a time limit
ONE_PLACE = 12  # so many calls of one and the same address are made; 20 failures on end would open its circuit
POLICIES = {
    HASTY: {"timeout": f"{LIMIT_S}s"},
    AT_ONCE: {"connectTimeout": f"{LIMIT_S}s"},
    FIRST_BYTE: {"firstByteTimeout": f"{LIMIT_S}s"},
}
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


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_chain(tmp_path_factory.mktemp("tls"))


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


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(
    tmp_path_factory: pytest.TempPathFactory, certificates: Path
) -> AsyncIterator[tuple[Street, Names]]:
    folder = tmp_path_factory.mktemp("street")
    async with a_street(folder, certificates / "authority.pem") as found:
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here(place: tuple[Street, Names]) -> Street:
    return place[0]


def test_every_bad_manner_has_its_row() -> None:
    assert sorted(chain.from_iterable(ROWS.values())) == sorted(mode.name for mode in BY_HTTP)


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
        assert re.search(words, attempt["outcome"]["detail"]), told
        if mode.failure is None:
            assert (fire["state"], attempt["outcome"]["delivery"]) == ("succeeded", "answered"), (
                told
            )
        else:
            assert (fire["state"], fire["reason"]) == ("failed", mode.reason), told


async def called(here: Street, mode: Mode, certificates: Path, count: int) -> None:
    """Calls whoever misbehaves so, so often, and holds what came of it."""
    fixed = "localhost" in mode.url or mode.name.endswith("black hole")
    count = min(count, ONE_PLACE) if fixed else count
    policies = POLICIES.get(mode.limits, {"timeout": "20s"})
    async with acting(mode, certificates) as found:
        recalls = [elsewhere(mode, found.port, n) for n in range(count)]
        fires = await here.call(recalls, **policies)
        assert len(fires) == count
        judge(mode, fires)
        for fire in fires:
            assert sum(fire["id"] in str(heard) for heard in found.heard) <= 1, (
                "it was called twice"
            )
        assert mode.reason not in ("dns", "egress", "tls") or not found.heard


async def hold(here: Street, row: str, modes: list[Mode], certificates: Path, count: int) -> Seen:
    """A row of the table: every way of it at the same time, `count` times each."""

    async def all_ways(times: int) -> None:
        await asyncio.gather(*(called(here, mode, certificates, times) for mode in modes))

    await all_ways(1)  # what is loaded once is no growth
    async with here.watch() as seen:
        await all_ways(count)
    what = ", ".join(mode.name for mode in modes)
    note(Line(fault=row, what=what, rounds=count * len(modes), seen=str(seen)))
    return seen


@asynchronous
@pytest.mark.parametrize("row", ROWS)
async def test_whatever_a_receiver_does_costs_nobody_else(
    here: Street, certificates: Path, row: str
) -> None:
    modes = [mode for mode in BY_HTTP if mode.name in ROWS[row]]
    await hold(here, row, modes, certificates, rounds(5, 100) // (1 if row == "E1" else 2))
