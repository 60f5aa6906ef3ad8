"""Where callbacks go only if the admin says so: the pure rule on addresses, and the ways to spell one."""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from dispatchserver.domain.errors import Invalid

Address = IPv4Address | IPv6Address

LOCALHOST: Sequence[Address] = (ip_address("127.0.0.1"), ip_address("::1"))
METADATA_ADDRESSES: Sequence[Address] = tuple(
    ip_address(text)
    for text in (
        "169.254.169.254",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "fd00:ec2::254",
        "fd20:ce::254",
    )
)
METADATA_NAMES = frozenset(
    {
        "metadata.google.internal",
        "metadata.goog",
        "metadata.azure.internal",
        "metadata.tencentyun.com",
        "instance-data.ec2.internal",
    }
)
LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")
SUFFIX = (1 << 40) - 1
EMBEDDING = tuple(IPv6Network(text) for text in ("64:ff9b::/96", "64:ff9b:1::/48", "::/96"))
NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")


@lru_cache(maxsize=1_024)
def refusal(address: Address) -> str | None:
    """The message key of the rule that forbids calling this address, or None when it may be called.

    Loopback and private addresses may be called: the receivers are inner services.
    """
    address = unwrapped(address)
    if address in METADATA_ADDRESSES:
        return "egress.metadata"
    if address.is_loopback:
        return None
    if address.is_link_local:
        return "egress.link_local"
    if address.is_multicast:
        return "egress.multicast"
    return _never_a_host(address)


def _never_a_host(address: Address) -> str | None:
    if address.is_unspecified or (address.version == 4 and int(address) >> 24 == 0):
        return "egress.unspecified"
    if address == IPv4Address("255.255.255.255"):
        return "egress.broadcast"
    return "egress.reserved" if address.is_reserved else None


def unwrapped(address: Address) -> Address:
    """The IPv4 address that a mapped, compatible, NAT64, 6to4 or Teredo address leads to; others as they are."""
    if isinstance(address, IPv4Address):
        return address
    # a scope such as %eth0 would tell equal addresses apart
    address = IPv6Address(int(address))
    inner = address.ipv4_mapped or address.sixtofour
    if inner is not None:
        return inner
    if address.teredo is not None:
        return address.teredo[1]
    if address in LOCAL_NAT64 and int(address) & SUFFIX == 0:
        return _in_the_middle(int(address))
    # ::0.0.0.0/104 holds :: and ::1, which are no IPv4 addresses in disguise
    if any(address in network for network in EMBEDDING) and int(address) >> 24:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def _in_the_middle(bits: int) -> IPv4Address:
    """The address as RFC 6052 lays it out behind a prefix of 48 bits: in two halves, with an empty octet between."""
    return IPv4Address((bits >> 64 & 0xFFFF) << 16 | bits >> 40 & 0xFFFF)


def plain_name(host: str) -> str:
    """The host as a resolver takes it: of compatible characters the usual one, in small letters, without a last dot."""
    return unicodedata.normalize("NFKC", host).lower().replace("。", ".").rstrip(".")


def known_addresses(name: str) -> Sequence[Address]:
    """Where a plain name leads without being looked up; nothing where only looking it up would tell."""
    if name in METADATA_NAMES:
        return METADATA_ADDRESSES
    if name == "localhost" or name.endswith(".localhost"):
        return LOCALHOST
    address = read_address(name)
    return () if address is None else (address,)


def check_spelling(host: str) -> None:
    """Raises Invalid for an IPv4 address that is not in plain dotted form, since no two programs read it alike."""
    name = plain_name(host)
    address = read_address(name)
    if isinstance(address, IPv4Address) and host != str(address):
        raise Invalid("egress.spelling", host=host, plain=str(address))
    if address is None and all(NUMBER.fullmatch(part) for part in name.split(".")):
        raise Invalid("egress.number", host=host)


def read_address(name: str) -> Address | None:
    """The address that a host spells in any form a resolver might take, such as 0x7f000001 or 127.1; else None."""
    try:
        return ip_address(name)
    except ValueError:
        return _read_old_spelling(name)


def _read_old_spelling(name: str) -> IPv4Address | None:
    """One to four numbers, decimal, octal or hexadecimal; the last one fills all bytes that are left."""
    parts = name.split(".")
    numbers = [_read_number(part) for part in parts]
    if len(parts) > 4 or None in numbers:
        return None
    *high, low = (number for number in numbers if number is not None)
    if any(number > 255 for number in high) or low >= 256 ** (4 - len(high)):
        return None
    return IPv4Address(sum(n << (24 - 8 * place) for place, n in enumerate(high)) + low)


def _read_number(text: str) -> int | None:
    if not text.isascii() or not NUMBER.fullmatch(text) or len(text) > 20:
        return None
    if text.startswith("0x"):
        return int(text[2:] or "0", 16)
    try:
        return int(text, 8 if text.startswith("0") and len(text) > 1 else 10)
    except ValueError:
        return None
