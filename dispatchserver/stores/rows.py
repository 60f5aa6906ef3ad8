"""Between rows and domain values; moments are milliseconds in the store."""

import json
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dispatchserver.domain.calendar import Edition
from dispatchserver.domain.errors import Invalid, TaskUnreadable
from dispatchserver.domain.fire import (
    Attempt,
    Decision,
    Delivery,
    Fire,
    FireKind,
    FireState,
    MissedRun,
    Outcome,
    Reason,
    Turn,
    Verdict,
)
from dispatchserver.domain.jsontext import dumps
from dispatchserver.domain.judging import Standing, storable
from dispatchserver.domain.listing import Assignment, TaskStatus
from dispatchserver.domain.moments import from_ms, to_ms
from dispatchserver.domain.recall import auth_of, with_data
from dispatchserver.domain.task import Restart, Task, TaskKey, TaskSpec, TaskState
from dispatchserver.stores.driver import Row
from dispatchserver.stores.progressrows import read_progress
from dispatchserver.stores.specs import (
    key_columns,
    policies_json,
    read_policies,
    read_recall,
    recall_json,
)
from dispatchserver.stores.sql import FIRE_COLUMNS, IN_HAND, TASK_COLUMNS
from dispatchserver.stores.triggerspecs import moment, ms, read_delay, read_trigger, trigger_json

EXCERPT_LIMIT = 4096
NO_LABELS = "{}"
FIRE_NAMES = FIRE_COLUMNS.replace("\n", " ").replace(" ", "").split(",")
FIRE_WIDTH = len(FIRE_NAMES)
TASK_NAMES = [column.split()[-1].rpartition(".")[2] for column in TASK_COLUMNS.split(",")]
TASK_WIDTH = len(TASK_NAMES)
# Rows are read by place: finding a column by its name takes longer the further back it stands.
_record: Callable[[str, Sequence[str]], Callable[..., Any]] = namedtuple
_FireRow = _record("_FireRow", FIRE_NAMES)
_TaskRow = _record("_TaskRow", TASK_NAMES)
# Looked up in a table, a member costs a tenth of what its class asks for it.
TASK_STATES = {str(state): state for state in TaskState}
STATES = {str(state): state for state in FireState}
KINDS = {str(kind): kind for kind in FireKind}
REASONS = {str(reason): reason for reason in Reason}
TURNS = {int(turn): turn for turn in Turn}

Editions = Mapping[tuple[str, str], Edition]
"""Calendars as they stand, by namespace and name."""


def read_task(row: Row, editions: Editions | None = None) -> Task:
    """The task of a row that begins with TASK_COLUMNS; raises TaskUnreadable where its documents say what is not understood here."""
    try:
        return _read_task(row, editions)
    except (LookupError, ValueError, TypeError, AttributeError, Invalid) as error:
        why = f"{type(error).__name__}: {error.args[0] if error.args else error}"
        raise TaskUnreadable(row["grp"], row["name"], why) from error


def _read_task(row: Row, editions: Editions | None) -> Task:
    said = _TaskRow(*row[:TASK_WIDTH])
    labels: Mapping[str, str] = (
        {} if said.labels_json == NO_LABELS else json.loads(said.labels_json)
    )
    spec = TaskSpec(
        trigger=read_trigger(said.trigger_json),
        recall=read_recall(said.recall_json),
        priority=said.priority,
        policies=read_policies(said.policies_json),
        note=said.note,
        labels=labels,
    )
    at = said.restarted_at
    return Task(
        id=said.id,
        key=TaskKey(namespace=said.namespace, group=said.grp, name=said.name),
        version=said.version,
        state=TASK_STATES[said.state],
        spec=spec,
        next_fire_at=moment(said.next_fire_at),
        created_at=from_ms(said.created_at),
        updated_at=from_ms(said.updated_at),
        edition=None if editions is None else editions.get((said.namespace, said.calendar)),
        spec_since=from_ms(said.spec_since),
        restart=None if at is None else Restart(at=from_ms(at), count=said.restarted_count),
    )


def restart_columns(restart: Restart | None) -> list[object]:
    return [None, None] if restart is None else [to_ms(restart.at), restart.count]


def read_status(row: Row, editions: Editions | None = None) -> TaskStatus:
    return TaskStatus(
        task=read_task(row, editions),
        succeeded=row["succeeded"],
        failed=row["failed"],
        waiting=row["waiting"],
        last_fire_id=row["last_fire_id"],
        last_state=None if row["last_state"] is None else FireState(row["last_state"]),
        last_finished_at=moment(row["last_finished_at"]),
    )


def task_row(task: Task) -> list[object]:
    key = task.key
    return [
        task.id,
        key.group,
        key.name,
        task.version,
        ms(task.next_fire_at),
        to_ms(task.created_at),
        to_ms(task.updated_at),
        key.namespace,
        task.state,
        task.spec.policies.calendar,
        *restart_columns(task.restart),
        *key_columns(task.spec.policies),
    ]


def version_row(task: Task, who: str) -> list[object]:
    spec = task.spec
    auth = auth_of(spec.recall)
    return [
        task.id,
        task.version,
        trigger_json(spec.trigger),
        recall_json(spec.recall),
        policies_json(spec.policies),
        spec.priority,
        spec.note,
        dumps(spec.labels) if spec.labels else NO_LABELS,
        to_ms(task.updated_at),
        who,
        auth and auth.secret,
    ]


def fire_row(fire: Fire, behind: str | None = None) -> list[object]:
    missed = fire.missed
    return [
        fire.id,
        fire.task_id,
        fire.key.group,
        fire.key.name,
        fire.version,
        fire.priority,
        to_ms(fire.due_at),
        to_ms(fire.run_at),
        ms(fire.deadline_at),
        fire.key.namespace,
        fire.kind,
        fire.state,
        fire.reason,
        ms(fire.finished_at),
        missed and to_ms(missed.first),
        missed and to_ms(missed.last),
        missed and missed.count,
        fire.turn,
        int(fire.serial),
        fire.key_name,
        fire.replay_of,
        fire.data_json,
        fire.shard,
        fire.shards,
        behind,
    ]


def read_fire(row: Row) -> Fire:
    """The fire of a row that begins with FIRE_COLUMNS."""
    said = _FireRow(*row[:FIRE_WIDTH])
    first, last = moment(said.missed_first), moment(said.missed_last)
    return Fire(
        id=said.id,
        task_id=said.task_id,
        key=TaskKey(namespace=said.namespace, group=said.grp, name=said.name),
        version=said.version,
        kind=KINDS[said.kind],
        priority=said.priority,
        due_at=from_ms(said.due_at),
        run_at=from_ms(said.run_at),
        state=STATES[said.state],
        reason=_reason(said.reason),
        held=bool(said.held),
        attempts=said.attempts,
        losses=said.losses,
        give_up_at=moment(said.give_up_at),
        claimed_by=said.claimed_by,
        claimed_at=moment(said.claimed_at),
        deadline_at=moment(said.deadline_at),
        finished_at=moment(said.finished_at),
        result=said.result,
        missed=MissedRun(first=first, last=last, count=said.missed_count)
        if first and last
        else None,
        turn=TURNS[said.turn],
        serial=bool(said.serial),
        key_name=said.ckey,
        replay_of=said.replay_of,
        data_json=said.data_json,
        behind=None if said.behind == IN_HAND else said.behind,
        shard=said.shard,
        shards=said.shards,
        tried=said.tried,
        failovers=said.failovers,
        progress=read_progress(said.progress_json),
    )


def read_standing(row: Row) -> Standing:
    policies = read_policies(row["policies_json"])
    return Standing(
        current=bool(row["current"]),
        deleted=row["current"] is None,
        held=bool(row["held"]),
        retry=policies.retry,
        report_timeout=policies.report_timeout,
    )


def read_assignment(row: Row) -> Assignment:
    return Assignment(
        fire=read_fire(row),
        recall=with_data(read_recall(row["recall_json"]), row["data_json"]),
        policies=read_policies(row["policies_json"]),
        delay=read_delay(row["trigger_json"]),
        signing_keys=tuple((row["signing_keys"] or "").split()),
        secret=row["secret"],
    )


def attempt_row(attempt: Attempt) -> list[object]:
    outcome, verdict = attempt.outcome, attempt.verdict
    return [
        attempt.fire_id,
        attempt.number,
        to_ms(attempt.started_at),
        to_ms(attempt.ended_at),
        storable(outcome.body[:EXCERPT_LIMIT].decode("utf-8", "replace")),
        outcome.connect_ms,
        outcome.first_byte_ms,
        verdict.result,
        attempt.address,
        attempt.node,
        outcome.delivery,
        outcome.reason,
        storable(outcome.detail),
        outcome.status,
        int(outcome.truncated or len(outcome.body) > EXCERPT_LIMIT),
        verdict.decision,
        verdict.reason,
        ms(verdict.at),
    ]


def read_attempt(row: Row) -> Attempt:
    return Attempt(
        fire_id=row["fire_id"],
        number=row["number"],
        node=row["node"],
        started_at=from_ms(row["started_at"]),
        ended_at=from_ms(row["ended_at"]),
        outcome=Outcome(
            delivery=Delivery(row["delivery"]),
            reason=_reason(row["reason"]),
            detail=row["detail"],
            status=row["status"],
            body=row["excerpt"].encode(),
            truncated=bool(row["truncated"]),
            connect_ms=row["connect_ms"],
            first_byte_ms=row["first_byte_ms"],
        ),
        verdict=Verdict(
            decision=Decision(row["verdict"]),
            reason=_reason(row["verdict_reason"]),
            result=row["result"],
            at=moment(row["verdict_at"]),
        ),
        address=row["address"],
    )


def _reason(value: Any) -> Reason | None:
    return None if value is None else REASONS[value]
