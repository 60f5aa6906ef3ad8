"""Work done aside: answered by a process of its own, which goes with whoever asked, and may go before."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from dispatchserver import aside
from dispatchserver.aside import Aside, AsideGone
from tests.processes import runs, until


class Counting:
    """Knows how often it was asked, and where."""

    def __init__(self):
        self.asked = 0

    def __call__(self, question):
        if question == "fail":
            raise ValueError(question)
        self.asked += 1
        return os.getpid(), self.asked, question


async def counting():
    return await Aside.start(Counting)


async def test_questions_are_answered_in_order_by_one_that_remembers_elsewhere():
    there = await counting()
    try:
        answers = [await there.ask(question) for question in ("a", "b" * 3_000_000, None)]
    finally:
        await there.close()
    assert [(asked, question) for _, asked, question in answers] == [
        (1, "a"),
        (2, "b" * 3_000_000),
        (3, None),
    ]
    (pid,) = {pid for pid, _, _ in answers}
    assert pid != os.getpid()
    assert not runs(pid)


async def test_it_gives_way_to_whoever_asks():
    there = await counting()
    try:
        pid, _, _ = await there.ask("a")
        own = os.getpriority(os.PRIO_PROCESS, 0)
        assert os.getpriority(os.PRIO_PROCESS, pid) == min(own + aside.GIVES_WAY, 19)
    finally:
        await there.close()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
async def test_one_that_was_killed_is_told_as_gone(how):
    there = await counting()
    pid, _, _ = await there.ask("a")
    os.kill(pid, how)
    with pytest.raises(AsideGone):
        await there.ask("b")
    await there.close()


async def test_what_fails_there_is_shown_and_ends_it(capfd):
    there = await counting()
    with pytest.raises(AsideGone):
        await there.ask("fail")
    await there.close()
    assert "ValueError: fail" in capfd.readouterr().err


class Foreign:
    """Answers what nobody here can read, like one of another version."""

    def __call__(self, question):
        return self

    def __reduce__(self):
        return int, ("no number",)


async def test_one_whose_answers_cannot_be_read_here_is_told_as_gone():
    there = await Aside.start(Foreign)
    with pytest.raises(AsideGone, match="no number"):
        await there.ask("a")
    await there.close()


async def test_where_no_process_can_be_had_that_is_told_too(monkeypatch):
    monkeypatch.setattr(aside.sys, "executable", "/nowhere/python")
    with pytest.raises(AsideGone, match="/nowhere/python"):
        await counting()


WHO_ASKS = """
import asyncio
from dispatchserver.aside import Aside
from tests.test_aside import Counting

async def main():
    there = await Aside.start(Counting)
    print((await there.ask(""))[0], flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_it_ends_with_whoever_asked_however_that_ended():
    asking = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        WHO_ASKS,
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parent.parent,
    )
    pid = int(await asking.stdout.readline())
    assert runs(pid)
    asking.kill()
    await asking.wait()

    async def gone():
        return not runs(pid)

    await until(gone)
