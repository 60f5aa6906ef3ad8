"""What is this server's own, and therefore never called back: what it listens on, whichever way it is spelled."""

import socket
from collections.abc import Iterable

from dispatchserver.domain.egress import LOCALHOST, Address

ANY_PORT = 9


class Own:
    """Holds (address, port) where it is listened on there.

    A wildcard listens on every address of this machine; whether an address is one is asked of the routes at the
    moment of the question, since addresses come and go. `localhost` is two addresses: who listens on one of them
    is meant by that name, and so by the other as well.
    """

    def __init__(self, places: Iterable[tuple[Address, int]]) -> None:
        told = frozenset(places)
        ports = {port for address, port in told if address in LOCALHOST}
        self._places = told | {(address, port) for address in LOCALHOST for port in ports}
        self._wildcards = {
            (address.version, port) for address, port in told if address.is_unspecified
        }

    def __contains__(self, place: object) -> bool:
        if place in self._places:
            return True
        if not isinstance(place, tuple):
            return False
        address, port = place
        return (address.version, port) in self._wildcards and is_this_machine(address)


def is_this_machine(address: Address) -> bool:
    """Whether this machine has the address: then whoever calls it from here has it too. Sends nothing."""
    if address.is_loopback:
        return True
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect((str(address), ANY_PORT))
            found: str = sock.getsockname()[0]
    except OSError:  # no way leads there
        return False
    return found == str(address)
