"""Work done aside: in a process of its own, whose interpreter is its own too, so that this one is free meanwhile.

For pure work in plain values, which can as well be done here: a process may not be had, and may go at any time. It ends
with this one, however that ends, since nobody asks it any more.
"""

import asyncio
import os
import pickle
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import Any, BinaryIO, Generic, Self, TypeVar

from dispatchserver.garbage import look_seldom

Q = TypeVar("Q")
A = TypeVar("A")
SIZE_BYTES = 8
GIVES_WAY = 10
READ_AHEAD = 2**20
"""How much of an answer is taken in before somebody reads it: many steps of a pipe, which each cost a turn of the loop."""


class AsideGone(Exception):
    """There is no such process, or none any more: what was asked last has no answer."""


class Aside(Generic[Q, A]):
    """A process that answers one question after the other."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, make: Callable[[], Callable[[Q], A]]) -> Self:
        """Has questions answered by what `make` makes there, which is found by its name; raises AsideGone."""
        where = os.pathsep.join(path for path in sys.path if path)
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", __name__, make.__module__, make.__qualname__),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": where},
                limit=READ_AHEAD,
                start_new_session=True,  # Ctrl-C is for the server, which may still have questions
            )
        except OSError as error:
            raise AsideGone(str(error)) from error
        return cls(process)

    async def ask(self, question: Q) -> A:
        """The answer; raises AsideGone."""
        asked, answers = self._process.stdin, self._process.stdout
        assert asked is not None
        assert answers is not None
        try:
            asked.write(_framed(question))
            await asked.drain()
            size = int.from_bytes(await answers.readexactly(SIZE_BYTES))
            answer: A = pickle.loads(await answers.readexactly(size))
        except Exception as error:
            # it has ended, or is of another version than this one, which was installed meanwhile
            raise AsideGone(repr(error)) from error
        return answer

    async def close(self) -> None:
        """Ends the process, whatever it is at."""
        with suppress(ProcessLookupError):  # it has ended by itself
            self._process.kill()
        await self._process.wait()


def _framed(what: object) -> bytes:
    body = pickle.dumps(what, pickle.HIGHEST_PROTOCOL)
    return len(body).to_bytes(SIZE_BYTES) + body


def serve(answer: Callable[[Any], object], questions: BinaryIO, answers: BinaryIO) -> None:
    """Answers each question, until there are no more."""
    while size := questions.read(SIZE_BYTES):
        question = pickle.loads(questions.read(int.from_bytes(size)))
        answers.write(_framed(answer(question)))
        answers.flush()


def main(module: str, name: str) -> None:
    """The process: as what it is asked for by name, over its standard streams. Callbacks that are due go before it."""
    if hasattr(os, "nice"):
        os.nice(GIVES_WAY)
    answers, sys.stdout = sys.stdout.buffer, sys.stderr
    answer = getattr(import_module(module), name)()
    look_seldom()
    with suppress(BrokenPipeError, EOFError):  # nobody waits for it any more
        serve(answer, sys.stdin.buffer, answers)


if __name__ == "__main__":
    main(*sys.argv[1:])
