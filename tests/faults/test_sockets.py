"""Group F: receivers over plain connections with bad manners, called by a whole server."""

import json
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from tests.faults.card import Line, note, rounds
from tests.faults.rows import hold
from tests.faults.street import Street, peer
from tests.processes import nth_loopback
from tests.recalls import manners as m
from tests.recalls.modes import BY_SOCKET

pytestmark = pytest.mark.needs("proc")
asynchronous = pytest.mark.asyncio(loop_scope="module")

ROWS = {
    "F2": ["orderly end", "end where a reply is due"],
    "F3": ["reset on accept"],
    "F4": ["reset after reading"],
    "F5": ["never reads"],
    "F6": ["endless reply"],
    "F7": ["half open", "no first byte"],
    "F8": ["partial line", "partial frame"],
    "F10": ["says no", "nobody listens", "black hole", "unknown name", "slow name", "rebound"],
}
YES = b'{"success":"true","resultValue":"one"}\n'
REPLIES = {
    # what comes back, and what the log makes of it
    "a line": (YES, "succeeded", "one"),
    "a line and another": (YES + b'{"success":"false"}\n', "succeeded", "one"),
    "a line with \\r\\n": (YES.replace(b"\n", b"\r\n"), "succeeded", "one"),
    "NULs": (b'{"success":"false","resultValue":"a\\u0000b\\n"}\n', "failed", None),
}
AWKWARD = {"text": 'line\nbreak\r\ntab\t"quoted" \x7f \u2028 {"success":"false"}\n'}


def test_every_bad_manner_has_its_row() -> None:
    ruled = sorted(f"socket: {name}" for name in chain.from_iterable(ROWS.values()))
    assert ruled == sorted(mode.name for mode in BY_SOCKET)


@asynchronous
@pytest.mark.parametrize("row", ROWS)
async def test_whatever_a_receiver_does_costs_nobody_else(
    here: Street, certificates: Path, row: str
) -> None:
    modes = [mode for mode in BY_SOCKET if mode.name.removeprefix("socket: ") in ROWS[row]]
    await hold(here, row, modes, certificates, rounds(6, 100))


def to(port: int, n: int, data: Any = None, **option: str) -> dict[str, Any]:
    """A recallConfig of the n-th address."""
    whom = {"host": nth_loopback(n), "port": port, **option}
    return {"recallType": "SOCKET", "option": whom, "data": data}


@asynchronous
async def test_a_line_is_an_answer_and_only_the_first(here: Street) -> None:
    for what, (reply, state, result) in REPLIES.items():
        async with here.watch() as seen, peer(m.line(reply, m.stays)) as found:
            count = rounds(3, 50)
            fires = await here.call([to(found.port, n) for n in range(count)])
            await here.flat(seen)  # our side hangs up, though the other stays
        assert {fire["state"] for fire in fires} == {state}, (what, fires[0])
        assert result is None or {fire["result"] for fire in fires} == {result}
        note(Line(fault="F1", what=f"reply: {what}", rounds=count, seen=str(seen)))


@asynchronous
@pytest.mark.parametrize("framing", ["line", "len4"])
async def test_no_data_break_out_of_their_frame(here: Street, framing: str) -> None:
    reply = YES if framing == "line" else len(YES).to_bytes(4, "big") + YES
    talk = m.line(reply) if framing == "line" else m.frame(reply)
    async with here.watch() as seen, peer(talk) as found:
        recalls = [to(found.port, n, AWKWARD, framing=framing) for n in range(rounds(3, 50))]
        fires = await here.call(recalls)
        heard = [json.loads(frame) for frame in found.heard]
    assert {fire["state"] for fire in fires} == {"succeeded"}
    assert [one["data"] for one in heard] == [AWKWARD] * len(fires)
    note(Line(fault="F9", what=f"awkward data, {framing}", rounds=len(fires), seen=str(seen)))


@asynchronous
async def test_a_message_that_nobody_reads_blocks_only_its_own_call(here: Street) -> None:
    count = rounds(4, 20)
    async with peer(m.never_reads, window=4_096) as found:

        async def call_all() -> list[dict[str, Any]]:
            large = [to(found.port, n, "x" * 250_000) for n in range(count)]
            return await here.call(large, timeout="1s")

        await call_all()  # caches fill once
        async with here.watch() as seen:
            fires = await call_all()
    assert {fire["reason"] for fire in fires} == {"timeout"}
    what = "never reads, 250 kB each"
    note(Line(fault="F5", what=what, rounds=len(fires), seen=str(seen)))
