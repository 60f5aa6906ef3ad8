"""The guard at the moment of connecting: it judges the very address that is connected to, however it was found."""

import asyncio
import errno
import socket
from collections.abc import Sequence
from ipaddress import ip_address
from typing import TypeAlias

from dispatchserver.domain.egresspolicy import OF_THE_PORT, EgressPolicy
from dispatchserver.recalls.alarm import Alarm

AddressInfo: TypeAlias = tuple[
    int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[object, ...]
]
"""One answer of getaddrinfo: family, type, protocol, canonical name, socket address."""

REFUSED = errno.EXDEV
"""Stands for our own refusal: connect(2) never gives it, and it outlives the merging of several errors into one."""


class EgressRefused(OSError):
    """This address is never called; nothing was sent to it, not even a SYN."""

    def __init__(self, rule: str, address: str) -> None:
        super().__init__(REFUSED, f"{rule} forbids {address}")


def is_refusal(error: OSError) -> bool:
    """True where the guard refused the address, or every one of several."""
    return error.errno == REFUSED


class Guard:
    """Makes sockets for addresses that this server may call, and for no others."""

    def __init__(self, policy: EgressPolicy, *, raw: bool) -> None:
        self._policy = policy
        self._raw = raw

    def socket(self, host: str, info: AddressInfo) -> socket.socket:
        """A socket for this address, to which `host` led; raises EgressRefused where the policy forbids it."""
        family, kind, protocol, _, target = info
        address, port = str(target[0]), int(str(target[1]))
        rule = self._policy.refusal(host, ip_address(address), port, raw=self._raw)
        if rule is not None:
            raise EgressRefused(rule, f"{address}:{port}" if rule in OF_THE_PORT else address)
        sock = socket.socket(family, kind, protocol)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return sock


async def connect(
    guard: Guard, host: str, addresses: Sequence[AddressInfo], limit: float
) -> socket.socket:
    """A socket connected to the first address of the host that answers; raises what the last one failed with.

    Each address gets its share of `limit` seconds, so that a dead first one leaves time for the second.
    """
    failure: OSError = OSError("no address")
    for tried, info in enumerate(addresses):
        share = max(0.0, limit) / (len(addresses) - tried)
        began = asyncio.get_running_loop().time()
        try:
            async with Alarm(began + share):
                return await _connect_one(guard, host, info)
        except OSError as error:
            failure = error
        limit -= asyncio.get_running_loop().time() - began
    raise failure


async def _connect_one(guard: Guard, host: str, info: AddressInfo) -> socket.socket:
    sock = guard.socket(host, info)
    try:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, info[4])
    except BaseException:
        sock.close()
        raise
    return sock
