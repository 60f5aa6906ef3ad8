"""How many files and sockets this process may hold open, and how many callbacks in flight that leaves room for."""

import logging
import resource

OTHERS = 400
"""What the server opens besides callbacks: its database, its clients, its logs."""

log = logging.getLogger(__name__)


def room_for(slots: int) -> int:
    """Asks the system for so many sockets as `slots` callbacks want; answers how many callbacks they allow."""
    wanted = slots + OTHERS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return slots
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if wanted > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    fitting = max(1, min(slots, max(wanted, soft) - OTHERS))
    if fitting < slots:
        log.warning(
            "serve.few_files", extra={"open_files": wanted, "slots": fitting, "asked": slots}
        )
    return fitting
