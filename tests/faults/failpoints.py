"""A server with hooks in it: `python -m tests.faults.failpoints HOOK[:VALUE],… serve …`.

`after_send:3` ends it, as SIGKILL would, when it comes by that point for the third time; `poison:NAME` whenever it has
sent a callback of that task; at SIGUSR1, `stall:2` holds its loop up for two seconds and `eat` takes all memory;
`losses:3` gives a fire up that was lost so often; `asyncio` leaves uvloop out.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from itertools import count
from typing import Any
from urllib.parse import quote

from dispatchserver import eventloop
from dispatchserver.__main__ import main
from dispatchserver.cli import serve
from dispatchserver.domain import judging
from dispatchserver.domain.planning import Plan
from dispatchserver.ports import SendOrder
from dispatchserver.recalls.connection import Connection
from dispatchserver.recalls.http import HttpTarget
from dispatchserver.stores import claims, firewrites
from dispatchserver.stores.store import SqlStore

KILLED = 137
UNDER_WAY_S = 0.02
"""So long after a request was written it lies with its receiver, and its answer does not."""

Call = Callable[..., Awaitable[Any]]
Passes = Callable[[], None]


def die() -> None:
    os._exit(KILLED)


def nth(number: str) -> Passes:
    """Counts those who come by; the one of this number is the end."""
    passed = count(1)

    def passes() -> None:
        if next(passed) == int(number):
            die()

    return passes


def after(call: Call, passes: Callable[[Any], None]) -> Call:
    """The call, and what is to be done with its answer."""

    async def changed(*arguments: Any, **named: Any) -> Any:
        answer = await call(*arguments, **named)
        passes(answer)
        return answer

    return changed


def before_claim_commit(number: str) -> None:
    """Fires are given out in a transaction that is not committed."""
    passes = nth(number)
    claims.claim = after(  # type: ignore[assignment]
        claims.claim,
        lambda given: passes() if any(claimed.assignments for claimed in given) else None,
    )


def after_claim_commit(number: str) -> None:
    """They are given out for good, and not sent."""
    passes = nth(number)
    SqlStore.claim = after(  # type: ignore[method-assign]
        SqlStore.claim, lambda claimed: passes() if claimed.assignments else None
    )


def after_send(number: str) -> None:
    """A receiver has a request, and has not answered it."""
    passes = nth(number)
    exchange = Connection.exchange

    async def exchange_and_pass(this: Connection, request: bytes, seen: Any) -> None:
        asyncio.get_running_loop().call_later(UNDER_WAY_S, passes)
        await exchange(this, request, seen)

    Connection.exchange = exchange_and_pass  # type: ignore[method-assign]


def after_response(number: str) -> None:
    """A receiver's answer is here, and nothing is made of it."""
    passes = nth(number)
    HttpTarget.send = after(HttpTarget.send, lambda _: passes())  # type: ignore[method-assign]


def before_result_commit(number: str) -> None:
    """Results are written in a transaction that is not committed."""
    passes = nth(number)
    firewrites.settle = after(  # type: ignore[assignment]
        firewrites.settle, lambda settled: passes() if settled else None
    )


def after_materialise(number: str) -> None:
    """Fires are planned for good."""
    passes = nth(number)
    record = SqlStore.record_plans

    async def record_and_pass(this: SqlStore, plans: Sequence[Plan], *more: Any) -> int:
        recorded = await record(this, plans, *more)
        if any(plan.fires for plan in plans):
            passes()
        return recorded

    SqlStore.record_plans = record_and_pass  # type: ignore[method-assign]


def poison(name: str) -> None:
    """One task's callback is the end of whoever sends it."""
    line = f"X-Dispatch-Name: {quote(name)}\r\n"
    send = HttpTarget.send

    async def send_or_die(this: HttpTarget, order: SendOrder) -> Any:
        if line in order.told:
            asyncio.get_running_loop().call_later(UNDER_WAY_S, die)
        return await send(this, order)

    HttpTarget.send = send_or_die  # type: ignore[method-assign]


def losses(most: str) -> None:
    """A fire may be lost so often before it is given up."""
    judging.LOST_LIMIT = int(most)


def stall(seconds: str) -> None:
    """At SIGUSR1 the loop does nothing for a while."""
    _at_signal(partial(time.sleep, float(seconds)))


def eat(_: str) -> None:
    """At SIGUSR1 it takes all memory that there is."""

    def take() -> None:
        eaten = []
        while True:
            eaten.append(b"x" * (1 << 20))

    _at_signal(take)


def _at_signal(act: Callable[[], object]) -> None:
    make = serve.new_event_loop

    def with_handler() -> asyncio.AbstractEventLoop:
        loop = make()
        loop.add_signal_handler(signal.SIGUSR1, act)
        return loop

    serve.new_event_loop = with_handler


def plain(_: str) -> None:
    """Runs on asyncio's own loop."""
    eventloop.find_spec = lambda name: None


POINTS = {
    point.__name__: point
    for point in (
        before_claim_commit,
        after_claim_commit,
        after_send,
        after_response,
        before_result_commit,
        after_materialise,
    )
}
HOOKS = {
    **POINTS,
    "poison": poison,
    "losses": losses,
    "stall": stall,
    "eat": eat,
    "asyncio": plain,
}

if __name__ == "__main__":
    for asked in sys.argv.pop(1).split(","):
        hook, _, value = asked.partition(":")
        HOOKS[hook](value)
    main()
