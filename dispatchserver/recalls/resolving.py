"""Finds the addresses of hosts in threads that nobody else uses, so that a name server that hangs holds up nothing else."""

import asyncio
import errno
import socket
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address

from dispatchserver.recalls.egress import AddressInfo
from dispatchserver.recalls.seen import now

PLACES = 32
FRESH_S = 10.0
JOIN_S = 5.0
NAMES_LIMIT = 1_000

Asked = tuple[str, int]
Found = Sequence[AddressInfo]


@dataclass(frozen=True, slots=True)
class _LookUp:
    """A look-up under way, for all who ask for this name meanwhile."""

    began: float
    answer: "asyncio.Future[Found]"


class Resolver:
    """Looks a name up once for all who ask at the same time, and remembers what was found for ten seconds.

    Nobody can call off the system's look-up. One that hangs keeps its thread, one of `places`, until the system
    gives up; who waits for its answer, or for a thread, is called off by its own time limit and has sent nothing.
    """

    def __init__(self, places: int = PLACES) -> None:
        self._places = asyncio.Semaphore(places)
        self._under_way: dict[Asked, _LookUp] = {}
        self._found: dict[Asked, tuple[float, Found]] = {}

    async def look_up(self, host: str, port: int) -> Found:
        """All addresses of a host, at least one; raises gaierror, or ValueError for what can be no host name."""
        if is_address(host):
            return _of_address(host, port)
        asked = (host, port)
        if not self._is_known(asked):
            await self._places.acquire()
            if self._is_known(asked):  # somebody else began while this one waited for a thread
                self._places.release()
            else:
                self._begin(asked)
        if asked in self._under_way:
            return await asyncio.shield(self._under_way[asked].answer)
        return self._remembered(asked)

    def _is_known(self, asked: Asked) -> bool:
        """Whether the answer is here or soon will be. A look-up that hangs is not joined for ever."""
        found, running = self._found.get(asked), self._under_way.get(asked)
        if running is not None:
            return now() - running.began < JOIN_S
        return found is not None and now() < found[0]

    def _remembered(self, asked: Asked) -> Found:
        """The next time another address comes first, so that all of a name's are called."""
        until, found = self._found[asked]
        self._found[asked] = until, (*found[1:], found[0])
        return found

    def _begin(self, asked: Asked) -> None:
        loop = asyncio.get_running_loop()
        look_up = _LookUp(now(), loop.create_future())
        look_up.answer.add_done_callback(_looked_at)
        self._under_way[asked] = look_up

        def work() -> None:
            answer = _ask_system(*asked)
            with suppress(RuntimeError):  # the loop has ended meanwhile, and with it all who asked
                loop.call_soon_threadsafe(self._ended, asked, look_up, answer)

        # A thread of a pool would be waited for when the server stops; this one is not.
        try:
            threading.Thread(target=work, name=f"look-up of {asked[0]}", daemon=True).start()
        except RuntimeError as error:
            self._ended(asked, look_up, OSError(errno.EAGAIN, str(error)))

    def _ended(self, asked: Asked, look_up: _LookUp, answer: Found | Exception) -> None:
        self._places.release()
        if self._under_way.get(asked) is look_up:
            del self._under_way[asked]
        if isinstance(answer, Exception):
            look_up.answer.set_exception(answer)
            return
        if len(self._found) >= NAMES_LIMIT:
            self._found.clear()
        self._found[asked] = now() + FRESH_S, answer
        look_up.answer.set_result(answer)


@lru_cache(maxsize=NAMES_LIMIT)
def _of_address(host: str, port: int) -> Found:
    """What the system makes of an address, which is always the same."""
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


@lru_cache(maxsize=NAMES_LIMIT)
def is_address(host: str) -> bool:
    """Whether there is nothing to look up."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _ask_system(host: str, port: int) -> Found | Exception:
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM) or socket.gaierror(
            socket.EAI_NONAME, "no address"
        )
    except (OSError, ValueError, ArithmeticError) as error:
        return error


def _looked_at(answer: "asyncio.Future[Found]") -> None:
    """Nobody may be left to hear of a failure, and that is no fault."""
    answer.exception()
