"""A server that is wrong in one way: `python -m tests.faults.mutants NAME serve …`. What finds faults must find these."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from dispatchserver.__main__ import main
from dispatchserver.clock import SystemClock
from dispatchserver.domain.fire import Fire
from dispatchserver.engine import executor, loop
from dispatchserver.engine.dispatcher import Dispatcher
from dispatchserver.engine.engine import Engine
from dispatchserver.stores import groupcommit, sql

EARLY = timedelta(milliseconds=30)


class EarlyClock(SystemClock):
    """Goes ahead of the time."""

    def now(self) -> datetime:
        return super().now() + EARLY

    async def sleep_until(self, moment: datetime) -> None:
        await super().sleep_until(moment - EARLY)


def no_recovery() -> None:
    """What an earlier run left in flight stays as it is."""

    async def forget(engine: Engine) -> int:
        return 0

    Engine.recover = forget  # type: ignore[method-assign]


def claims_early() -> None:
    """The dispatcher sends fires before they are due."""
    Dispatcher.__init__ = with_clock(Dispatcher.__init__, 2)  # type: ignore[method-assign]
    begin = loop.Loop.__init__

    def begin_early(this: loop.Loop, name: str, run: Any, clock: Any, *more: Any) -> None:
        begin(this, name, run, EarlyClock() if name == "dispatcher" else clock, *more)

    loop.Loop.__init__ = begin_early  # type: ignore[assignment,method-assign]


def with_clock(function: Callable[..., Any], place: int) -> Callable[..., Any]:
    """The function, given the early clock in this place."""

    def changed(*arguments: Any) -> Any:
        return function(*arguments[:place], EarlyClock(), *arguments[place + 1 :])

    return changed


def answers_before_commit() -> None:
    """A write is answered a while before it is durable."""
    in_transaction = groupcommit.GroupCommit._in_transaction
    resolve = groupcommit._resolve

    async def answer_first(
        this: groupcommit.GroupCommit, groups: Any, run: Callable[[Any], Awaitable[Any]]
    ) -> list[Any]:
        async def run_and_answer(group: Any) -> Any:
            results = await run(group)
            for entry, result in zip(group, results, strict=True):
                resolve(entry.future, result)
            await asyncio.sleep(0.1)
            return results

        return await in_transaction(this, groups, run_and_answer)

    groupcommit.GroupCommit._in_transaction = answer_first  # type: ignore[method-assign]


def one_number_for_all_attempts() -> None:
    """Receivers cannot tell a repeat."""
    render = executor.render_headers

    def first(fire: Fire, sent_at: datetime) -> Any:
        return render(replace(fire, attempts=1), sent_at)

    executor.render_headers = first


def pause_forgets_pending() -> None:
    """What was planned before a pause is sent all the same."""
    sql.HOLD += " AND 0"
    sql.TAKE_BACK += " AND 0"


MUTANTS = {
    mutant.__name__: mutant
    for mutant in (
        no_recovery,
        claims_early,
        answers_before_commit,
        one_number_for_all_attempts,
        pause_forgets_pending,
    )
}

if __name__ == "__main__":
    MUTANTS[sys.argv.pop(1)]()
    main()
