"""Requests through a trusted proxy: whose they are, and whether they came over TLS, is what the proxy says."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TypeAlias

from aiohttp import web
from aiohttp.typedefs import Handler

from dispatchserver.domain.egress import Address

Networks: TypeAlias = Sequence[IPv4Network | IPv6Network]

FOR, PROTO = "X-Forwarded-For", "X-Forwarded-Proto"
SCHEMES = ("http", "https")


def peer_address(text: str) -> Address | None:
    """The address of a peer, IPv4 as itself also where it comes through an IPv6 socket; None where it is none."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def is_within(address: Address, networks: Networks) -> bool:
    """Whether the address is in one of the networks."""
    return any(address in network for network in networks if network.version == address.version)


class Proxies:
    """Believes what a proxy of these networks forwards, and nobody else."""

    def __init__(self, trusted: Networks) -> None:
        self._trusted = trusted

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """From here on `request.remote` is the client, and `request.secure` is true where it used TLS."""
        if not self._trusts(request.remote or ""):
            return await handler(request)
        scheme = _listed(request, PROTO)[-1:]
        return await handler(
            request.clone(
                remote=self._client(request),
                scheme=scheme[0].lower() if scheme and scheme[0].lower() in SCHEMES else "http",
            )
        )

    def _client(self, request: web.Request) -> str:
        """The last hop that is no proxy of ours: whatever stands before it, anybody can have written."""
        hops = [request.remote or "", *reversed(_listed(request, FOR))]
        client = hops[0]
        for hop in hops:
            if peer_address(hop) is None:
                return client
            client = hop
            if not self._trusts(hop):
                return client
        return client

    def _trusts(self, text: str) -> bool:
        address = peer_address(text)
        return address is not None and is_within(address, self._trusted)


def _listed(request: web.Request, name: str) -> list[str]:
    """The values of a header that each proxy adds one to."""
    return [part.strip() for line in request.headers.getall(name, []) for part in line.split(",")]
