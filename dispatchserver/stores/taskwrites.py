"""Commands on tasks as batched writes: load, decide, write."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from dispatchserver.domain.changing import Action, Change, Decide, PendingRule
from dispatchserver.domain.concurrency import OverlapRule
from dispatchserver.domain.errors import CalendarChanged, DispatchError, TaskUnreadable
from dispatchserver.domain.jsontext import dumps
from dispatchserver.domain.moments import to_ms
from dispatchserver.domain.recall import auth_of
from dispatchserver.domain.secrets import SecretKey
from dispatchserver.domain.task import Task, TaskKey
from dispatchserver.domain.values import value
from dispatchserver.ports import Actor
from dispatchserver.stores import rows, sql
from dispatchserver.stores.admissions import give_back
from dispatchserver.stores.batches import put, put_and_tell
from dispatchserver.stores.calendarspecs import editions_of
from dispatchserver.stores.driver import Row, Tx
from dispatchserver.stores.secrets import missing
from dispatchserver.stores.triggerspecs import ms

BEFORE_ALL = -(2**62)

Struck = Mapping[str, tuple[str, ...]]
"""By task, the ids of fires that were claimed a moment early and are taken back."""


@value(frozen=True, slots=True)
class Command:
    """One change asked of one task."""

    key: TaskKey
    decide: Decide
    actor: Actor
    now: datetime


@dataclass(frozen=True, slots=True)
class Batch:
    """Many changes that are written together. With `stop`, nothing is, from the first one on that is refused."""

    commands: Sequence[Command]
    stop: bool


async def change_tasks(tx: Tx, commands: Sequence[Command]) -> Sequence[Change | Exception]:
    """Carries out commands in order; those on different keys share their statements."""
    return await _change_all(tx, Batch(commands, stop=False))


async def change_batches(
    tx: Tx, batches: Sequence[Batch]
) -> Sequence[Sequence[Change | Exception]]:
    """Carries out batches in order; the answers of one that stops end with the refusal."""
    return [await _change_all(tx, batch) for batch in batches]


async def _change_all(tx: Tx, batch: Batch) -> list[Change | Exception]:
    results: list[Change | Exception] = []
    while len(results) < len(batch.commands):
        round_ = Batch(_distinct(batch.commands[len(results) :]), batch.stop)
        results += await _change_round(tx, round_)
        if batch.stop and isinstance(results[-1], Exception):
            break
    return results


def _distinct(commands: Sequence[Command]) -> Sequence[Command]:
    """The leading commands up to the second one on the same key, which must see what the first did."""
    seen: set[TaskKey] = set()
    for index, command in enumerate(commands):
        if command.key in seen:
            return commands[:index]
        seen.add(command.key)
    return commands


async def _change_round(tx: Tx, batch: Batch) -> list[Change | Exception]:
    commands = batch.commands
    keys = [[c.key.namespace, c.key.group, c.key.name] for c in commands]
    found = await tx.fetch(sql.FIND_TASKS, dumps(keys))
    standing = await _standing(tx, found)
    results = [_decide(command, standing.get(command.key)) for command in commands]
    results = await _with_calendars_as_planned(tx, results)
    results = [
        await _with_its_secret(tx, result) if _secret_of(result) else result for result in results
    ]
    if batch.stop:
        results = _up_to_a_refusal(results)
    decided = [
        (command, change)
        for command, change in zip(commands, results, strict=False)
        if isinstance(change, Change)
    ]
    struck = await write_changes(tx, decided)
    done = [(command, change) for command, change in decided if not _says_again(change)]
    await put(tx, sql.PUT_AUDIT, [_audit_row(command, change) for command, change in done])
    return [_with_struck(result, struck) for result in results] if struck else results


async def _standing(tx: Tx, found: Sequence[Row]) -> Mapping[TaskKey, Task | TaskUnreadable]:
    """The tasks of these rows. One that cannot be read stands in nobody's way but its own."""
    editions = await editions_of(tx, found)
    standing: dict[TaskKey, Task | TaskUnreadable] = {}
    for row in found:
        key = TaskKey(namespace=row["namespace"], group=row["grp"], name=row["name"])
        try:
            standing[key] = rows.read_task(row, editions)
        except TaskUnreadable as error:
            standing[key] = error
    return standing


def _up_to_a_refusal(results: list[Change | Exception]) -> list[Change | Exception]:
    refused = (number for number, each in enumerate(results, 1) if isinstance(each, Exception))
    return results[: next(refused, len(results))]


def _says_again(change: Change) -> bool:
    """Whether a task was only said as it stands, which is nothing that was done to it."""
    return change.action is Action.REPLACED and change.after is change.before


async def write_changes(tx: Tx, decided: Sequence[tuple[Command, Change]]) -> Struck:
    """Writes what was decided, but for the audit; answers which claimed fires were taken back."""
    struck = await _treat_pending(tx, decided)
    await _write_tasks(tx, decided)
    fires = [rows.fire_row(fire) for _, change in decided for fire in change.fires]
    await put(tx, sql.PUT_FIRES, fires)
    return struck


def _with_struck(result: Change | Exception, struck: Struck) -> Change | Exception:
    if isinstance(result, Exception) or result.before is None:
        return result
    return replace(result, struck=struck.get(result.before.id, ()))


async def _with_calendars_as_planned(
    tx: Tx, results: Sequence[Change | Exception]
) -> list[Change | Exception]:
    """Refuses what was decided by a calendar that meanwhile was changed or deleted."""
    named = [_calendar_of(result) for result in results]
    wanted = sorted({key for key in named if key is not None})
    found = await tx.fetch(sql.FIND_CALENDARS, dumps(wanted)) if wanted else []
    standing = {(row["namespace"], row["name"], row["version"]) for row in found}
    return [
        result if key is None or (*key, _version(result)) in standing else CalendarChanged(key[1])
        for result, key in zip(results, named, strict=True)
    ]


async def _with_its_secret(tx: Tx, result: Change | Exception) -> Change | Exception:
    """Refuses a new version whose recall names a secret that is not there."""
    key = _secret_of(result)
    return result if key is None else await missing(tx, key) or result


def _secret_of(result: Change | Exception) -> SecretKey | None:
    """The secret that a new version names."""
    if not isinstance(result, Change) or result.after is None or not _is_fresh(result):
        return None
    auth, namespace = auth_of(result.after.spec.recall), result.after.key.namespace
    return None if auth is None else SecretKey(namespace=namespace, name=auth.secret)


def _is_fresh(change: Change) -> bool:
    """Whether the task is new, or of a new version."""
    before, after = change.before, change.after
    return after is not None and (before is None or before.version != after.version)


def _calendar_of(result: Change | Exception) -> tuple[str, str] | None:
    """The calendar that a changed task names."""
    if not isinstance(result, Change) or result.after is None or result.after == result.before:
        return None
    name = result.after.spec.policies.calendar
    return None if name is None else (result.after.key.namespace, name)


def _version(result: Change | Exception) -> int | None:
    task = result.after if isinstance(result, Change) else None
    return None if task is None or task.edition is None else task.edition.version


def _decide(command: Command, task: Task | TaskUnreadable | None) -> Change | Exception:
    if isinstance(task, TaskUnreadable):
        return task
    try:
        return command.decide(task)
    except DispatchError as refusal:
        return refusal


async def _treat_pending(tx: Tx, decided: Sequence[tuple[Command, Change]]) -> Struck:
    """Takes back, holds, releases or cancels what the tasks had pending before the change; answers what was claimed of
    what is taken back.
    """
    by_rule: dict[PendingRule, list[tuple[Command, Change]]] = {rule: [] for rule in PendingRule}
    for command, change in decided:
        if change.pending is not PendingRule.KEEP:
            by_rule[change.pending].append((command, change))
    cancelled = by_rule[PendingRule.CANCEL]
    stopped = [*by_rule[PendingRule.HOLD], *cancelled, *by_rule[PendingRule.TAKE_BACK]]
    # first of all, for what is taken back leaves no trace of what it held
    await give_back(tx, [_from_when(change) for _, change in stopped if _asks(_before(change))])
    struck = await _take_back(tx, stopped)
    await put(tx, sql.HOLD, [[_before(change).id] for _, change in by_rule[PendingRule.HOLD]])
    await put(tx, sql.RELEASE, [[_before(change).id] for _, change in by_rule[PendingRule.RELEASE]])
    await put(
        tx,
        sql.CANCEL,
        [[_before(change).id, change.reason, to_ms(command.now)] for command, change in cancelled],
    )
    return struck


def _from_when(change: Change) -> tuple[str, int]:
    """The task of a change, and from which moment on its fires stand back: those that are merely planned anew, from then on."""
    done_until = change.done_until if change.pending is PendingRule.TAKE_BACK else None
    return _before(change).id, BEFORE_ALL if done_until is None else to_ms(done_until)


async def _take_back(tx: Tx, stopped: Sequence[tuple[Command, Change]]) -> Struck:
    steps = [[_before(change).id, ms(change.done_until)] for _, change in stopped]
    await put(tx, sql.TAKE_BACK, steps)
    under = [
        step for step, (_, change) in zip(steps, stopped, strict=True) if _before(change).edition
    ]
    await put(tx, sql.TAKE_BACK_EXCLUDED, under)
    await put(tx, sql.TRIM_EXCLUDED, under)
    # what is due by now may be on its way, whatever the change says is done
    claimed = [
        [_before(change).id, to_ms(max(change.done_until, command.now)), to_ms(command.now)]
        for command, change in stopped
        if change.done_until is not None
    ]
    struck: dict[str, tuple[str, ...]] = {}
    for row in await put_and_tell(tx, sql.TAKE_BACK_CLAIMED, claimed):
        struck[row["task_id"]] = (*struck.get(row["task_id"], ()), row["id"])
    return struck


def _asks(task: Task) -> bool:
    """Whether fires of this task wait for others."""
    policies = task.spec.policies
    return policies.concurrency is not None or policies.overlap.rule is not OverlapRule.ALLOW


def _before(change: Change) -> Task:
    """The task that a rule on pending fires is about: only an existing one can have any."""
    if change.before is None:
        raise ValueError(change.action)
    return change.before


async def _write_tasks(tx: Tx, decided: Sequence[tuple[Command, Change]]) -> None:
    standing = [
        (c, change.after) for c, change in decided if change.after and change.after != change.before
    ]
    gone = [_before(change) for _, change in decided if change.after is None]
    fresh = [
        rows.version_row(after, command.actor.who)
        for command, change in decided
        if (after := change.after) and _is_fresh(change)
    ]
    await put(tx, sql.PUT_TASKS, [rows.task_row(task) for _, task in standing])
    await put(tx, sql.PUT_VERSIONS, fresh)
    await put(tx, sql.NAME_VERSIONS, [[task.id] for task in gone])
    await put(tx, sql.DELETE_TASKS, [[task.id] for task in gone])


def _audit_row(command: Command, change: Change) -> list[object]:
    fire = change.fires[0].id if change.fires else None
    task = change.after or _before(change)
    return [*audit_head(command.actor, command.now, change.action, task), fire, ""]


def audit_head(actor: Actor, now: datetime, action: Action, task: Task) -> list[object]:
    """The columns of an audit row that say who did what to which task."""
    key = task.key
    who = [to_ms(now), actor.who, actor.door, action]
    return [*who, key.namespace, key.group, key.name, task.version]
