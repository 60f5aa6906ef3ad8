"""The settings of a task as labelled lines: when it fires, and by which policies. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from dispatchserver.domain.dayinterval import DayIntervalTrigger
from dispatchserver.domain.fixeddelay import FixedDelayTrigger
from dispatchserver.domain.retrypolicy import Retry
from dispatchserver.domain.task import Policies, Task
from dispatchserver.domain.trigger import CronTrigger, SimpleTrigger
from dispatchserver.domain.triggers import Trigger
from dispatchserver.domain.uniontrigger import Line, UnionTrigger
from dispatchserver.domain.windowtrigger import WindowTrigger
from dispatchserver.pages.overlapfields import key_words, overlap_words
from dispatchserver.pages.policyfields import misfire_words
from dispatchserver.pages.queries import link
from dispatchserver.pages.retryfields import cause_words, pause_words, repeats
from dispatchserver.pages.triggerfields import bounds, clock
from dispatchserver.pages.words import Viewer, visible
from dispatchserver.wording import describe, say_its_days


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One line of settings: its label, its value, whether that is text to the letter, and where it leads."""

    label: str
    value: str
    code: bool = False
    url: str = ""


def schedule_facts(trigger: Trigger, viewer: Viewer) -> list[Fact]:
    """What the sentence of the when rule says, one by one."""
    facts = [*_facts_of(trigger, viewer), Fact(label="form.zone.label", value=trigger.zone.key)]
    start, end = bounds(trigger)
    for label, at in (("form.start.label", start), ("form.end.label", end)):
        if at is not None:
            facts.append(Fact(label=label, value=_moment(at, trigger.zone, viewer)))
    return facts


def _facts_of(trigger: Trigger, viewer: Viewer) -> list[Fact]:
    match trigger:
        case SimpleTrigger():
            return []
        case CronTrigger(expression=expression):
            text = Fact(label="form.cron.label", value=expression.text, code=True)
            return [text, *_reading(trigger, viewer)]
        case WindowTrigger():
            return [*_window_facts(trigger, viewer), _dst(trigger, viewer)]
        case DayIntervalTrigger(at=at, first_date=first):
            return [
                Fact(label="page.fact.days", value=say_its_days(trigger, viewer.lang)),
                Fact(label="form.at.label", value=clock(at)),
                Fact(label="form.first_date.label", value=first.isoformat()),
                _dst(trigger, viewer),
            ]
        case UnionTrigger():
            return _line_facts(trigger, viewer)
        case FixedDelayTrigger(delay=delay):
            return [Fact(label="form.delay.label", value=viewer.span(delay))]


def _reading(trigger: CronTrigger, viewer: Viewer) -> list[Fact]:
    """How an expression is read."""
    dialect = viewer.say(f"form.dialect.{trigger.dialect}")
    return [Fact(label="form.dialect.label", value=dialect), _dst(trigger, viewer)]


def _dst(trigger: CronTrigger | WindowTrigger | DayIntervalTrigger, viewer: Viewer) -> Fact:
    return Fact(label="form.dst.label", value=viewer.say(f"form.dst.{trigger.dst}"))


def _window_facts(trigger: WindowTrigger, viewer: Viewer) -> list[Fact]:
    days = Fact(label="page.fact.days", value=say_its_days(trigger, viewer.lang))
    if trigger.closes is None or trigger.every is None:
        return [days, Fact(label="form.at.label", value=clock(trigger.opens))]
    hours = f"{clock(trigger.opens)} – {clock(trigger.closes)}"
    return [
        days,
        Fact(label="form.opens.label", value=hours),
        Fact(label="form.step.label", value=viewer.span(trigger.every)),
    ]


def _line_facts(trigger: UnionTrigger, viewer: Viewer) -> list[Fact]:
    """Each line, and how they are read where all are read alike."""
    facts = [_line_fact(line, trigger.zone, viewer) for line in trigger.lines]
    ways = [_reading(line, viewer) for line in trigger.lines if isinstance(line, CronTrigger)]
    alike = bool(ways) and all(way == ways[0] for way in ways)
    return facts + (ways[0] if alike else [])


def _line_fact(line: Line, zone: ZoneInfo, viewer: Viewer) -> Fact:
    """One line, with its time zone where that is not the one that is told for all."""
    other = "" if line.zone.key == zone.key else f" ({line.zone.key})"
    if isinstance(line, CronTrigger):
        return Fact(label="page.fact.line", value=line.expression.text + other, code=True)
    return Fact(label="page.fact.line", value=describe(line, viewer.lang) + other)


def rule_facts(task: Task, viewer: Viewer) -> list[Fact]:
    """Priority, policies, labels and versions."""
    spec, zone = task.spec, task.spec.trigger.zone
    labels = [visible(f"{key}={value}") for key, value in spec.labels.items()]
    return [
        Fact(label="form.priority.label", value=str(spec.priority)),
        *_calendar_facts(task, viewer),
        *_lateness_facts(spec.policies, viewer),
        *_restart_facts(task, viewer),
        *_retry_facts(spec.policies.retry, viewer),
        *_overlap_facts(spec.policies, viewer),
        *_timeout_facts(spec.policies, viewer),
        *(Fact(label="page.fact.label", value=label) for label in labels),
        Fact(label="page.fact.version", value=str(task.version)),
        Fact(label="page.fact.created", value=_moment(task.created_at, zone, viewer)),
        Fact(label="page.fact.updated", value=_moment(task.updated_at, zone, viewer)),
    ]


def policy_facts(policies: Policies, viewer: Viewer) -> list[Fact]:
    """Policies alone, as tasks of a group would have them; a calendar goes by its name."""
    facts = [
        *_lateness_facts(policies, viewer),
        *_retry_facts(policies.retry, viewer),
        *_overlap_facts(policies, viewer),
        *_timeout_facts(policies, viewer),
    ]
    if policies.calendar is None:
        return facts
    url, shift = link("/calendar", name=policies.calendar), f"form.shift.{policies.shift}"
    return [
        Fact(label="form.calendar.label", value=visible(policies.calendar), url=url),
        Fact(label="form.shift.label", value=viewer.say(shift)),
        *facts,
    ]


def _calendar_facts(task: Task, viewer: Viewer) -> Sequence[Fact]:
    edition, shift = task.edition, task.spec.policies.shift
    if edition is None:
        return ()
    known = viewer.say("page.calendar", name=visible(edition.name), version=edition.version)
    return (
        Fact(label="form.calendar.label", value=known, url=link("/calendar", name=edition.name)),
        Fact(label="form.shift.label", value=viewer.say(f"form.shift.{shift}")),
    )


def _lateness_facts(policies: Policies, viewer: Viewer) -> list[Fact]:
    grace = policies.misfire_grace
    windows = {"spread": policies.spread, "jitter": policies.jitter}
    facts = [
        Fact(label="form.misfire.label", value=misfire_words(policies.misfire, viewer)),
        Fact(label="form.misfire_grace.label", value=viewer.span(grace)),
    ]
    return facts + [
        Fact(label=f"form.{name}.label", value=viewer.span(window))
        for name, window in windows.items()
        if window is not None
    ]


def _retry_facts(retry: Retry, viewer: Viewer) -> list[Fact]:
    facts = [Fact(label="form.retry.label", value=pause_words(retry, viewer))]
    if repeats(retry):
        facts.append(Fact(label="form.retry_on.label", value=cause_words(retry, viewer)))
        facts.append(Fact(label="form.retry_age.label", value=viewer.span(retry.max_age)))
    return facts


def _overlap_facts(policies: Policies, viewer: Viewer) -> list[Fact]:
    key = policies.concurrency
    facts = [Fact(label="form.overlap.label", value=overlap_words(policies.overlap, viewer))]
    if key is not None:
        facts.append(Fact(label="form.key_name.label", value=key_words(key, viewer)))
    return facts


def _restart_facts(task: Task, viewer: Viewer) -> Sequence[Fact]:
    """Since when a simple trigger counts anew, where one of Quartz's instructions had it begin again."""
    if task.restart is None:
        return ()
    since = _moment(task.restart.at, task.spec.trigger.zone, viewer)
    return (Fact(label="page.fact.restart", value=since),)


def _timeout_facts(policies: Policies, viewer: Viewer) -> list[Fact]:
    spans: Mapping[str, timedelta | None] = {
        "connect_timeout": policies.connect_timeout,
        "first_byte_timeout": policies.first_byte_timeout,
        "total_timeout": policies.total_timeout,
        "report_timeout": policies.report_timeout,
    }
    usual = viewer.say("page.usual")
    return [
        Fact(label=f"form.{name}.label", value=viewer.span(span) if span else usual)
        for name, span in spans.items()
    ]


def _moment(at: datetime, zone: ZoneInfo, viewer: Viewer) -> str:
    moment = viewer.moment(at, zone)
    return f"{moment.text} {moment.offset}"
