"""Builders of domain values for tests: each names only what the test is about."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from dispatchserver.domain.cron import CronExpression
from dispatchserver.domain.fire import (
    Attempt,
    Decision,
    Delivery,
    Fire,
    FireKind,
    Outcome,
    Verdict,
)
from dispatchserver.domain.moments import from_ms, to_ms
from dispatchserver.domain.recall import HttpRecall
from dispatchserver.domain.task import Task, TaskKey, TaskSpec, TaskState
from dispatchserver.domain.trigger import CronTrigger, SimpleTrigger
from dispatchserver.ports import Actor

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
UTC_ZONE = ZoneInfo("UTC")
RECALL = HttpRecall(url="http://receiver.test/", data={"a": 1})
ALICE = Actor(who="alice", door="test")


def at(seconds=0.0, **more):
    """The moment this long after NOON, in whole milliseconds."""
    return from_ms(to_ms(NOON + timedelta(seconds=seconds, **more)))


def a_key(name="task", group="group", namespace="default"):
    return TaskKey(namespace=namespace, group=group, name=name)


def every(interval, *, start=NOON, count=None, end=None):
    """A simple trigger; `interval` in seconds or as a timedelta."""
    span = interval if isinstance(interval, timedelta) else timedelta(seconds=interval)
    return SimpleTrigger(start=start, interval=span, count=count, end=end, zone=UTC_ZONE)


def once(start=NOON):
    return SimpleTrigger(start=start, zone=UTC_ZONE)


def cron(text, zone="UTC", **more):
    return CronTrigger(expression=CronExpression.parse(text), zone=ZoneInfo(zone), **more)


def a_spec(trigger=None, *, recall=RECALL, **more):
    return TaskSpec(trigger=trigger or every(60), recall=recall, **more)


def a_task(
    trigger=None,
    *,
    name="task",
    next_fire_at=NOON,
    state=TaskState.ACTIVE,
    version=1,
    **spec,
):
    """A stored task; what is not of the task is of its spec: a_task(priority=9)."""
    return Task(
        id=f"id-of-{name}",
        key=a_key(name),
        version=version,
        state=state,
        spec=a_spec(trigger, **spec),
        next_fire_at=next_fire_at,
        created_at=NOON,
        updated_at=NOON,
    )


def a_fire(due_at=NOON, **more):
    """A pending fire of `a_task()`."""
    basis = Fire(
        id="f" * 32,
        task_id="id-of-task",
        key=a_key(),
        version=1,
        kind=FireKind.SCHEDULED,
        priority=0,
        due_at=due_at,
        run_at=due_at,
        deadline_at=due_at + timedelta(hours=24),
    )
    return replace(basis, **more)


def an_outcome(body=b"", *, status=200, delivery=Delivery.ANSWERED, **more):
    """An answered send; `an_outcome(status=None, delivery=…)` for others."""
    return Outcome(delivery=delivery, status=status, body=body, **more)


def an_attempt(fire, decision=Decision.SUCCESS, *, now=NOON, outcome=None, **verdict):
    """An ended attempt of a claimed fire: an_attempt(fire, Decision.RETRY, at=…)."""
    return Attempt(
        fire_id=fire.id,
        number=fire.attempts,
        node=fire.claimed_by or "",
        started_at=fire.claimed_at or fire.run_at,
        ended_at=now,
        outcome=outcome or an_outcome(b"ok"),
        verdict=Verdict(decision=decision, **verdict),
    )
