"""Where this server may call: its profile, what its admin allows besides, and ports that no callback belongs to. Pure.

The rules of egress.py on addresses that are never called stand before it; only the admin's list goes before them.
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from urllib.parse import urlsplit

from dispatchserver.domain.egress import (
    Address,
    known_addresses,
    plain_name,
    refusal,
    unwrapped,
)
from dispatchserver.domain.errors import Invalid

PORT_LIMIT = 65_535
WELL_KNOWN = 1_024
SERVICE_PORTS = frozenset(
    {
        1433,  # SQL Server
        1521,  # Oracle
        2181,  # ZooKeeper
        2375,  # Docker
        2376,
        2379,  # etcd
        2380,
        3306,  # MySQL
        4369,  # Erlang
        5432,  # PostgreSQL
        5672,  # AMQP
        5984,  # CouchDB
        6379,  # Redis
        6443,  # Kubernetes
        7000,  # Cassandra
        8500,  # Consul
        9042,
        9092,  # Kafka
        9200,  # Elasticsearch
        9300,
        10_250,  # kubelet
        11_211,  # memcached
        27_017,  # MongoDB
    }
)
"""Services that take what they are sent for commands; a SOCKET recall sends whatever its owner likes."""

PORTS = {"http": 80, "https": 443}
OF_THE_PORT = ("egress.port", "egress.own")
"""Rules that forbid a port of an address, and not all of it."""

Network = IPv4Network | IPv6Network


class Profile(StrEnum):
    """INTERNAL: private and public addresses. PUBLIC: public ones only. ALLOWLIST: what is listed, nothing else."""

    INTERNAL = "internal"
    PUBLIC = "public"
    ALLOWLIST = "allowlist"


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """One line of the admin's list: a network, or a name (`*.example.com` for all below it), and perhaps a port."""

    network: Network | None = None
    name: str = ""
    port: int | None = None

    def covers(self, host: str, address: Address, port: int) -> bool:
        """Whether this line allows to call this address, reached by this name."""
        if self.network is None:
            return self.may_cover(host, port)
        fits = address.version == self.network.version and address in self.network
        return fits and self.may_cover(host, port)

    def may_cover(self, host: str, port: int) -> bool:
        """Whether this line allows to call some address that this name may lead to."""
        if self.port is not None and self.port != port:
            return False
        return self.network is not None or fnmatchcase(host.lower().rstrip("."), self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class EgressPolicy:
    """What this server may call. `loopback` says that it may call its own machine, as one does that only that machine
    can reach; `own` are addresses and ports that are its own, such as those that it listens on.
    """

    profile: Profile = Profile.INTERNAL
    allowed: Sequence[Allowed] = ()
    loopback: bool = True
    own: Container[tuple[Address, int]] = frozenset()

    def check(self, address: str, *, raw: bool) -> None:
        """Raises Invalid where a call to this URL, or to this host:port, will be forbidden whatever its name leads to.

        No name is looked up: it may lead elsewhere when it is called, and is judged then.
        """
        place = _place_of(address)
        rule = self._certain_refusal(place, raw)
        if rule is not None:
            raise Invalid(rule, host=place.shown if rule in OF_THE_PORT else place.host)

    def _certain_refusal(self, place: "_Place", raw: bool) -> str | None:
        name, port = place.name, place.port
        if place.known:
            rules = [self.refusal(name, address, port, raw=raw) for address in place.known]
            return None if None in rules else rules[0]
        if any(line.may_cover(name, port) for line in self.allowed):
            return None
        if self.profile is Profile.ALLOWLIST:
            return "egress.not_listed"
        return self._by_port(port, raw)

    def refusal(self, host: str, address: Address, port: int, *, raw: bool = False) -> str | None:
        """The message key of the rule that forbids this call, or None when it may be made.

        `host` is the name that led to the address; `raw` says that any bytes may be sent there, as a SOCKET
        recall does.
        """
        address = unwrapped(address)
        if any(line.covers(host, address, port) for line in self.allowed):
            return None
        if (address, port) in self.own:
            return "egress.own"
        if address.is_loopback and self.loopback:
            return "egress.port" if raw and is_service(port) else None
        return refusal(address) or self._by_profile(address) or self._by_port(port, raw)

    def _by_profile(self, address: Address) -> str | None:
        if self.profile is Profile.ALLOWLIST:
            return "egress.not_listed"
        if address.is_loopback:
            return "egress.loopback"
        return (
            "egress.private" if self.profile is Profile.PUBLIC and not address.is_global else None
        )

    def _by_port(self, port: int, raw: bool) -> str | None:
        return "egress.port" if raw and is_service(port) else None


@dataclass(frozen=True, slots=True)
class _Place:
    """What an address says by itself: its host as written and as a resolver takes it, and where it leads for certain."""

    host: str
    port: int
    shown: str
    name: str
    known: Sequence[Address]


@lru_cache(maxsize=1_024)
def _place_of(address: str) -> _Place:
    parts = urlsplit(address if "://" in address else f"//{address}")
    host, port = parts.hostname or "", parts.port or PORTS.get(parts.scheme, 0)
    name = plain_name(host)
    return _Place(host, port, parts.netloc.rpartition("@")[2], name, known_addresses(name))


USUAL = EgressPolicy()
"""What a server may call that nobody configured, and that only its own machine can reach."""


def is_service(port: int) -> bool:
    """Whether a well-known service listens there, which no raw message is meant for."""
    return port < WELL_KNOWN or port in SERVICE_PORTS


def read_allowed(text: str) -> Allowed:
    """One line of the list: `10.1.0.0/16`, `10.0.0.7:6379`, `[fd00::/8]:443`, `hooks.example.com:443`, `*.example.com`;
    raises Invalid.
    """
    host, port = _split_port(text.strip())
    try:
        return Allowed(network=ip_network(host), port=port)
    except ValueError:
        name = host.lower().rstrip(".")
        if "/" in name or not name or not all(c.isalnum() or c in "-._*" for c in name):
            raise Invalid("egress.allowed") from None
        if "*" in name.removeprefix("*."):
            raise Invalid("egress.allowed") from None
        return Allowed(name=name, port=port)


def _split_port(text: str) -> tuple[str, int | None]:
    """The host or network, and the port behind its last colon; an IPv6 address with a port stands in brackets."""
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        return host, _port(rest.removeprefix(":")) if rest else None
    if text.count(":") == 1:
        host, _, rest = text.partition(":")
        return host, _port(rest)
    return text, None


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:6]) <= PORT_LIMIT):
        raise Invalid("egress.allowed")
    return int(text)
