"""The guard at the moment of connecting: it judges the very address that is connected to, however it was found."""

import asyncio
import errno
import socket
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache, partial
from ipaddress import ip_address
from typing import TypeAlias, TypeVar

from dispatchserver.domain.egresspolicy import OF_THE_PORT, EgressPolicy
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.fire import Outcome, Reason
from dispatchserver.recalls.alarm import Alarm
from dispatchserver.recalls.seen import Seen, why

T = TypeVar("T")
_address = lru_cache(maxsize=1_024)(ip_address)

AddressInfo: TypeAlias = tuple[
    int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[object, ...]
]
"""One answer of getaddrinfo: family, type, protocol, canonical name, socket address."""

REFUSED = errno.EXDEV
"""Stands for our own refusal: connect(2) never gives it, and it outlives the merging of several errors into one."""


SHORTAGES = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EAGAIN))
"""This machine has no file, no memory or no thread left to try it with."""


class EgressRefused(OSError):
    """This address is never called; nothing was sent to it, not even a SYN."""

    def __init__(self, rule: str, address: str) -> None:
        super().__init__(REFUSED, f"{rule} forbids {address}")


def is_refusal(error: OSError) -> bool:
    """True where the guard refused the address, or every one of several."""
    return error.errno == REFUSED


def is_shortage(error: OSError) -> bool:
    """True where it was this machine that could not, and nothing is known of the receiver."""
    return error.errno in SHORTAGES


def nothing_left(error: OSError, seen: Seen) -> Outcome:
    """That such a shortage kept it from being tried."""
    return seen.not_sent(Reason.SHORTAGE, f"nothing left to call {seen.peer} with: {why(error)}")


class Guard:
    """Judges whatever is to be connected to."""

    def __init__(self, policy: EgressPolicy, *, raw: bool) -> None:
        self._policy = policy
        self._raw = raw

    def check(self, host: str, info: AddressInfo) -> tuple[str, int]:
        """The address and the port, to which `host` led; raises EgressRefused where the policy forbids them."""
        target = info[4]
        address, port = str(target[0]), int(str(target[1]))
        rule = self._policy.refusal(host, _address(address), port, raw=self._raw)
        if rule is not None:
            raise EgressRefused(rule, f"{address}:{port}" if rule in OF_THE_PORT else address)
        return address, port

    def check_unseen(self, address: str) -> None:
        """What somebody else is to connect to, such as a proxy, is judged by how it is called: where a name leads from
        there, nobody knows here. Raises EgressRefused.
        """
        try:
            self._policy.check(address, raw=self._raw)
        except Invalid as invalid:
            raise EgressRefused(invalid.code, str(invalid.params["host"])) from invalid


async def connect(
    guard: Guard | None, host: str, addresses: Sequence[AddressInfo], limit: float
) -> socket.socket:
    """A socket connected to the first address of the host that answers; raises what the last one failed with.

    Without a guard any may be called: what the admin has set, not the owner of a task.
    """
    return await first_of(addresses, limit, partial(_connect_one, guard, host))


async def first_of(
    addresses: Sequence[AddressInfo], limit: float, attempt: Callable[[AddressInfo], Awaitable[T]]
) -> T:
    """What the attempt makes of the first address that answers; raises what the last one failed with.

    Each address gets its share of `limit` seconds, so that a dead first one leaves time for the second.
    """
    failure: OSError = OSError("no address")
    loop = asyncio.get_running_loop()
    alarm = Alarm(loop)
    for tried, info in enumerate(addresses):
        share = max(0.0, limit) / (len(addresses) - tried)
        began = loop.time()
        try:
            with alarm.until(began + share):
                return await attempt(info)
        except OSError as error:
            failure = error
        finally:
            alarm.close()
        limit -= loop.time() - began
    raise failure


async def _connect_one(guard: Guard | None, host: str, info: AddressInfo) -> socket.socket:
    if guard is not None:
        guard.check(host, info)
    family, kind, protocol, _, _ = info
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, info[4])
    except BaseException:
        sock.close()
        raise
    return sock
