"""How many files and sockets this process may hold open, and how many callbacks and connections that leaves room for."""

import logging
import resource

OTHERS = 200
"""What the server opens besides callbacks and connections: its database, its logs, look-ups of names."""

log = logging.getLogger(__name__)


def room_for(slots: int, connections: int) -> tuple[int, int]:
    """Asks the system for as many sockets as callbacks and connections want; answers how many of each there may be.

    Where there are too few, neither takes the other's half: a crowd that comes in stops no callback, and
    callbacks shut nobody out.
    """
    wanted = slots + connections + OTHERS
    allowed = _allow(wanted)
    if allowed >= wanted:
        return slots, connections
    free = max(2, allowed - OTHERS)
    let_in = min(connections, free - min(slots, free // 2))
    in_flight = min(slots, free - let_in)
    log.warning(
        "serve.few_files",
        extra={"open_files": allowed, "wanted": wanted, "slots": in_flight, "connections": let_in},
    )
    return in_flight, let_in


def _allow(wanted: int) -> int:
    """How many files this process may open, after asking for so many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    possible = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (possible, hard))
    return possible
