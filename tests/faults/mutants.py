"""A server that is wrong in one way: `python -m tests.faults.mutants NAME serve …`. What finds faults must find these."""

import asyncio
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from dispatchserver.__main__ import main
from dispatchserver.clock import SystemClock
from dispatchserver.domain import changing
from dispatchserver.domain.admission import Admission
from dispatchserver.domain.changing import Addition, Change, PendingRule
from dispatchserver.domain.fire import Decision, Fire, Outcome, Reason, Verdict
from dispatchserver.domain.moments import MILLISECOND
from dispatchserver.domain.planning import Plan
from dispatchserver.domain.task import Task
from dispatchserver.engine import executor, loop, planner
from dispatchserver.engine.dispatcher import Dispatcher
from dispatchserver.engine.engine import Engine
from dispatchserver.engine.executor import Executor
from dispatchserver.stores import admissions, moves
from dispatchserver.stores.store import SqlStore

EARLY = timedelta(milliseconds=30)
LATE = timedelta(milliseconds=20)
AHEAD_OF_COMMIT_S = 0.1


# Time


class EarlyClock(SystemClock):
    """Goes ahead of the time."""

    def now(self) -> datetime:
        return super().now() + EARLY

    async def sleep_until(self, moment: datetime) -> None:
        await super().sleep_until(moment - EARLY)


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


def late_is_forgotten() -> None:
    """An occasion that passed while the server stood still is neither sent nor recorded."""
    plan = planner.plan

    def plan_what_is_new(task: Task, now: datetime, horizon: datetime) -> Plan:
        planned = plan(task, now, horizon)
        return replace(planned, fires=tuple(f for f in planned.fires if f.due_at > now - LATE))

    planner.plan = plan_what_is_new


# Starting again


def at_recovery(statement: str) -> None:
    """Spoils the database when a server starts, before it looks at what an earlier one left."""
    recover = Engine.recover

    async def spoil_and_recover(engine: Engine) -> int:
        with closing(sqlite3.connect("dispatch.db")) as database, database:
            database.execute(statement)
        return await recover(engine)

    Engine.recover = spoil_and_recover  # type: ignore[method-assign]


def no_recovery() -> None:
    """What an earlier run left in flight stays as it is."""

    async def forget(engine: Engine) -> int:
        return 0

    Engine.recover = forget  # type: ignore[method-assign]


def claim_not_kept() -> None:
    """What was sent before its claim was durable: after an end, nobody knows of that attempt."""
    at_recovery(
        "UPDATE fires SET state = 'pending', attempts = attempts - 1, claimed_by = NULL WHERE state = 'running'"
    )


def one_fire_more_after_a_start() -> None:
    """A task that has fired as often as it should fires once more."""
    at_recovery(
        "UPDATE tasks SET state = 'active', next_fire_at = unixepoch() * 1000 WHERE state = 'finished'"
    )


# Doors


def answers_before_commit() -> None:
    """A change is answered a while before it is durable."""
    change = SqlStore.change_task
    writing = set[asyncio.Task[Any]]()

    async def answer_first(this: SqlStore, key: Any, decide: Any, *more: Any) -> Change:
        status = await this.find_task(key)
        decided = decide(None if status is None else status.task)

        async def write() -> None:
            await asyncio.sleep(AHEAD_OF_COMMIT_S)
            await change(this, key, decide, *more)

        writing.add(asyncio.create_task(write()))
        return decided  # type: ignore[no-any-return]

    SqlStore.change_task = answer_first  # type: ignore[assignment,method-assign]


def keep_pending(name: str) -> None:
    """This command leaves alone what was planned before it."""
    command = getattr(changing, name)

    def leave(*arguments: Any) -> Callable[[Task | None], Change]:
        decide = command(*arguments)
        return lambda task: replace(decide(task), pending=PendingRule.KEEP)

    setattr(changing, name, leave)


def pause_forgets_pending() -> None:
    """What was planned before a pause is sent all the same."""
    keep_pending("pause")


def delete_leaves_pending() -> None:
    """What was planned before a delete is sent all the same."""
    keep_pending("delete")


def a_replacement_forgets_its_own_moment() -> None:
    """What is due in the millisecond in which its task is replaced leaves no trace, though the new version begins later."""
    add = changing.add

    def add_and_forget(addition: Addition, *, new_id: str) -> Any:
        decide, before = add(addition, new_id=new_id), addition.at - MILLISECOND

        def forget(existing: Task | None) -> Change:
            change = decide(existing)
            if existing is None:
                return change
            fires = changing._unserved(existing, before, Reason.REPLACED)
            return replace(change, done_until=before, fires=fires)

        return forget

    changing.add = add_and_forget


def smallest_priority_first() -> None:
    """The larger its number, the longer a task waits."""
    add = changing.add

    def add_upside_down(addition: Addition, *, new_id: str) -> Any:
        spec = replace(addition.spec, priority=-addition.spec.priority)
        return add(replace(addition, spec=spec), new_id=new_id)

    changing.add = add_upside_down


def nobody_waits_for_the_one_before() -> None:
    """Fires of a task overlap, whatever it wants."""
    admissions.admit = lambda *_, **__: Admission()


def nobody_tells_the_next() -> None:
    """What waits for its turn is told by nobody that the turn has come."""

    async def say_nothing(*_: Any) -> None:
        return

    moves.make_way = say_nothing


# Attempts


def one_number_for_all_attempts() -> None:
    """Receivers cannot tell a repeat."""
    headers_show(lambda fire: replace(fire, attempts=1))


def a_new_id_for_a_repeat() -> None:
    """Receivers take a repeat for something new."""
    headers_show(lambda fire: fire if fire.attempts == 1 else replace(fire, id=uuid4().hex))


def headers_show(changed: Callable[[Fire], Fire]) -> None:
    """What receivers are told is this of a fire."""
    render = executor.render_headers
    executor.render_headers = lambda fire, sent_at: render(changed(fire), sent_at)


def data_of_the_first_version() -> None:
    """A replaced task goes on sending what it sent before."""
    order, recalls = Executor._order, dict[str, Any]()

    def order_the_first(this: Executor, assignment: Any, *more: Any) -> Any:
        recall = recalls.setdefault(assignment.fire.task_id, assignment.recall)
        return order(this, replace(assignment, recall=recall), *more)

    Executor._order = order_the_first  # type: ignore[method-assign]


def sends_again_what_succeeded() -> None:
    """Every success is sent twice."""
    send = Executor._send

    async def send_twice(this: Executor, *arguments: Any) -> Outcome:
        outcome = await send(this, *arguments)
        return await send(this, *arguments) if outcome.status == 200 else outcome

    Executor._send = send_twice  # type: ignore[method-assign]


def judged(changed: Callable[[Outcome, Verdict, datetime], Verdict]) -> None:
    """An attempt means this."""
    judge = executor.judge

    def judge_wrongly(fire: Fire, outcome: Outcome, terms: Any, now: datetime) -> Verdict:
        return changed(outcome, judge(fire, outcome, terms, now), now)

    executor.judge = judge_wrongly


def any_answer_is_success() -> None:
    """The log says success, and the receiver said 500."""
    success = Verdict(decision=Decision.SUCCESS)
    judged(lambda outcome, verdict, _: success if outcome.status == 500 else verdict)


def gives_up_at_once() -> None:
    """A failure is final, whatever the task says of repetitions."""
    judged(
        lambda _, verdict, __: (
            replace(verdict, decision=Decision.FAILURE, at=None)
            if verdict.decision is Decision.RETRY
            else verdict
        )
    )


def repeats_at_once() -> None:
    """A failure is repeated without a pause."""
    judged(
        lambda _, verdict, now: (
            replace(verdict, at=now) if verdict.decision is Decision.RETRY else verdict
        )
    )


MUTANTS = {
    mutant.__name__: mutant
    for mutant in (
        claims_early,
        late_is_forgotten,
        no_recovery,
        claim_not_kept,
        one_fire_more_after_a_start,
        answers_before_commit,
        pause_forgets_pending,
        delete_leaves_pending,
        a_replacement_forgets_its_own_moment,
        smallest_priority_first,
        nobody_waits_for_the_one_before,
        nobody_tells_the_next,
        one_number_for_all_attempts,
        a_new_id_for_a_repeat,
        data_of_the_first_version,
        sends_again_what_succeeded,
        any_answer_is_success,
        gives_up_at_once,
        repeats_at_once,
    )
}

if __name__ == "__main__":
    MUTANTS[sys.argv.pop(1)]()
    main()
