"""What the task pages show, as plain values: no template works anything out. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from dispatchserver.domain import timetable
from dispatchserver.domain.listing import TaskStatus
from dispatchserver.domain.recall import HttpRecall, Recall
from dispatchserver.domain.task import Task, TaskState
from dispatchserver.domain.trigger import CronTrigger
from dispatchserver.domain.triggers import Trigger
from dispatchserver.pages.authfields import auth_words
from dispatchserver.pages.facts import Fact, rule_facts, schedule_facts
from dispatchserver.pages.fields import pretty
from dispatchserver.pages.previews import awaited
from dispatchserver.pages.queries import link
from dispatchserver.pages.routefields import address_lines, route_words
from dispatchserver.pages.words import Badge, Moment, Viewer, one_line, visible
from dispatchserver.wording import describe

ADDRESS_LIMIT = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When a task fires: in words, with the cron expression where there is one."""

    words: str
    expression: str
    zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LastResult:
    """The last ended fire of a task."""

    url: str
    badge: Badge
    at: Moment | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRow:
    """One task in the list."""

    group: str
    name: str
    note: str
    url: str
    edit_url: str
    log_url: str
    delete_url: str
    state: Badge
    paused: bool
    schedule: Schedule
    kind: str
    address: str
    more: str
    priority: int
    last: LastResult | None
    next: Moment | None
    awaits: str
    succeeded: int
    failed: int
    waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupLink:
    """One group beside the list; `name` is empty for all of them."""

    name: str
    count: int
    url: str
    current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskPage:
    """One task with all its settings."""

    row: TaskRow
    note: str
    schedule: Sequence[Fact]
    target: Sequence[Fact]
    rules: Sequence[Fact]
    data: str


def group_links(groups: Sequence[tuple[str, int]], values: Mapping[str, str]) -> list[GroupLink]:
    """All groups and each of them, with the other filters kept."""
    named = [("", sum(count for _, count in groups)), *groups]
    return [
        GroupLink(
            name=name,
            count=count,
            url=link("/tasks", **{**values, "group": name}),
            current=name == values["group"],
        )
        for name, count in named
    ]


def task_row(status: TaskStatus, viewer: Viewer) -> TaskRow:
    """One line of the task list."""
    task = status.task
    group, name = task.key.group, task.key.name
    recall = task.spec.recall
    return TaskRow(
        group=group,
        name=name,
        note=one_line(task.spec.note, 120),
        url=link("/task", group=group, name=name),
        edit_url=link("/task/edit", group=group, name=name),
        log_url=link("/fires", group=group, name=name),
        delete_url=link("/task/delete", group=group, name=name),
        state=viewer.task_state(task.state),
        paused=task.state is TaskState.PAUSED,
        schedule=schedule(task.spec.trigger, viewer),
        kind=recall.kind.value,
        address=short_address(recall),
        more=_more_addresses(recall, viewer),
        priority=task.spec.priority,
        last=_last(status, viewer),
        next=viewer.moment_if_any(next_fire(task, viewer.now), task.spec.trigger.zone),
        awaits=awaited(task, viewer),
        succeeded=status.succeeded,
        failed=status.failed,
        waiting=status.waiting,
    )


def next_fire(task: Task, now: datetime) -> datetime | None:
    """When an active task fires next: a fire may be planned already, and one may be overdue."""
    if task.state is not TaskState.ACTIVE:
        return None
    found = (timetable.next_fire(task), timetable.timetable(task).next_after(now))
    return min((at for at in found if at is not None), default=None)


def _last(status: TaskStatus, viewer: Viewer) -> LastResult | None:
    if status.last_fire_id is None or status.last_state is None:
        return None
    zone = status.task.spec.trigger.zone
    return LastResult(
        url=link("/fire", id=status.last_fire_id),
        badge=viewer.fire_state(status.last_state),
        at=viewer.moment_if_any(status.last_finished_at, zone),
    )


def short_address(recall: Recall) -> str:
    """Whom to call, without the query, which is long and may hold secrets."""
    if isinstance(recall, HttpRecall):
        parts = urlsplit(recall.url)
        return one_line(f"{parts.netloc}{parts.path}", ADDRESS_LIMIT)
    return recall.address


def _more_addresses(recall: Recall, viewer: Viewer) -> str:
    return viewer.say("page.task.more_addresses", count=len(recall.also)) if recall.also else ""


def schedule(trigger: Trigger, viewer: Viewer) -> Schedule:
    """The trigger in words, and to the letter."""
    return Schedule(
        words=describe(trigger, viewer.lang),
        expression=trigger.expression.text if isinstance(trigger, CronTrigger) else "",
        zone=trigger.zone.key,
    )


def task_page(status: TaskStatus, viewer: Viewer) -> TaskPage:
    """All there is to say of one task."""
    spec = status.task.spec
    data = spec.recall.data
    return TaskPage(
        row=task_row(status, viewer),
        note=visible(spec.note),
        schedule=schedule_facts(spec.trigger, viewer),
        target=_target_facts(spec.recall, viewer),
        rules=rule_facts(status.task, viewer),
        data="" if data is None else visible(data if isinstance(data, str) else pretty(data)),
    )


def _address_facts(recall: Recall, viewer: Viewer) -> list[Fact]:
    if not recall.also:
        return [Fact(label="page.fact.address", value=visible(recall.address), code=True)]
    return [
        Fact(label="page.fact.addresses", value=address_lines(recall), code=True),
        Fact(label="page.fact.route", value=route_words(recall.route, viewer)),
    ]


def _auth_facts(recall: HttpRecall, viewer: Viewer) -> list[Fact]:
    """How the callback authenticates, by which secret, and its fixed headers."""
    auth, facts = recall.auth, []
    if auth is not None:
        facts = [
            Fact(label="form.auth.label", value=auth_words(auth, viewer)),
            Fact(label="form.auth_secret.label", value=auth.secret, url="/secrets"),
        ]
    return facts + [
        Fact(label="page.fact.header", value=f"{name}: {value}", code=True)
        for name, value in recall.headers
    ]


def _target_facts(recall: Recall, viewer: Viewer) -> list[Fact]:
    facts = [
        Fact(label="form.recall.label", value=recall.kind.value),
        *_address_facts(recall, viewer),
        Fact(
            label="form.body_shape.label", value=viewer.say(f"form.body_shape.{recall.body_shape}")
        ),
    ]
    if isinstance(recall, HttpRecall):
        rule = viewer.say(f"form.reply_rule.{recall.reply_rule}")
        return [
            *facts,
            *_auth_facts(recall, viewer),
            Fact(label="form.reply_rule.label", value=rule),
        ]
    framing = viewer.say(f"form.framing.{recall.framing}")
    facts.append(Fact(label="form.framing.label", value=framing))
    return [*facts, Fact(label="form.ack.label", value=viewer.say(f"form.ack.{recall.ack}"))]
