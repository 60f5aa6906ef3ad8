"""Fields of a `.do` request to domain values, every fault of the request at once. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from dispatchserver.dialects.iuap.recalls import read_recall
from dispatchserver.dialects.iuap.wire import Fields
from dispatchserver.domain import jsontext
from dispatchserver.domain.changing import Addition
from dispatchserver.domain.cron import CronExpression, DstRule
from dispatchserver.domain.errors import Faults, Invalid
from dispatchserver.domain.fields import (
    FieldReader,
    as_boolean,
    as_duration,
    as_integer,
    as_member,
    as_moment,
    as_text,
)
from dispatchserver.domain.jsontext import JsonValue
from dispatchserver.domain.judging import Report
from dispatchserver.domain.task import (
    LONGEST_REPORT,
    LONGEST_TIMEOUT,
    Policies,
    TaskKey,
    TaskSpec,
    check_name,
    check_note,
    check_priority,
    check_timeout,
)
from dispatchserver.domain.trigger import (
    COUNT_LIMIT,
    CronTrigger,
    SimpleTrigger,
    check_end,
    check_interval,
    find_zone,
)
from dispatchserver.domain.triggers import Trigger, first_fire

ZONE_LIMIT = 64


class RepeatCount(StrEnum):
    """What `repeatCount` counts: all fires, or those after the first as in Quartz."""

    TOTAL = "total"
    EXTRA = "extra"


class TriggerType(StrEnum):
    """The dialect's names of the trigger shapes."""

    SIMPLE = "SimpleTrigger"
    CRON = "CronTrigger"


class IntervalType(StrEnum):
    """The dialect's units; NULL means that there is no interval, so the task fires once."""

    NULL = "NULL"
    MILLISECOND = "MILLISECOND"
    SECOND = "SECOND"
    MINUTE = "MINUTE"
    HOUR = "HOUR"


UNITS = {
    IntervalType.MILLISECOND: timedelta(milliseconds=1),
    IntervalType.SECOND: timedelta(seconds=1),
    IntervalType.MINUTE: timedelta(minutes=1),
    IntervalType.HOUR: timedelta(hours=1),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """What this server takes for granted where a request says nothing."""

    zone: ZoneInfo
    repeat_count: RepeatCount = RepeatCount.TOTAL


def read_add(fields: Fields, now: datetime, habits: Habits) -> Addition:
    """What add.do asks for; raises Refused with every fault."""
    faults = Faults()
    top = FieldReader(fields, faults)
    overwrite = top.take("replace", as_boolean, False)
    note = top.take("note", lambda value: check_note(as_text(value)), "")
    recall_reader, task_reader = top.inside("recallConfig"), top.inside("taskConfig")
    recall = read_recall(recall_reader) if recall_reader else None
    task = _read_task(task_reader, now, habits, faults) if task_reader else None
    faults.raise_if_any()
    if recall is None or task is None:  # unreachable: what is missing was booked
        raise Invalid("fault.required")
    key, trigger, priority, policies = task
    spec = TaskSpec(trigger=trigger, recall=recall, priority=priority, policies=policies, note=note)
    return Addition(key=key, spec=spec, at=now, overwrite=overwrite)


def read_key(fields: Fields) -> TaskKey:
    """The task that pause.do and its like name; raises Refused."""
    faults = Faults()
    reader = FieldReader(fields, faults)
    name = reader.need(("jobName", "jobCode"), _name)
    group = reader.need(("groupName", "groupCode"), _name)
    faults.raise_if_any()
    return TaskKey(group=group or "", name=name or "")


def read_report(fields: Fields) -> Report:
    """What updateTaskLog reports: "true" is success, anything else failure; raises Refused."""
    faults = Faults()
    fire_id = FieldReader(fields, faults).need(("id", "tasklogid"), as_text)
    faults.raise_if_any()
    success, result = fields.get("success"), fields.get("resultValue")
    return Report(
        fire_id=(fire_id or "").strip(),
        success=success is True or str(success).strip().lower() == "true",
        result=result if result is None or isinstance(result, str) else jsontext.dumps(result),
    )


def _name(value: JsonValue) -> str:
    return check_name(as_text(value))


def _read_task(
    reader: FieldReader, now: datetime, habits: Habits, faults: Faults
) -> tuple[TaskKey, Trigger, int, Policies] | None:
    name = reader.need(("jobCode", "jobName"), _name)
    group = reader.need(("groupCode", "groupName"), _name)
    priority = reader.take("priority", lambda value: check_priority(as_integer(value)), 0)
    policies = _read_policies(reader)
    zone = reader.take("timeZone", _zone, habits.zone)
    kind = reader.need(("triggerType",), lambda value: as_member(value, TriggerType))
    if kind is None:
        return None
    read = _read_cron if kind is TriggerType.CRON else _read_simple
    trigger = read(reader, zone, now, habits)
    if trigger is None:
        return None
    _check_span(trigger, reader, now, faults)
    return TaskKey(group=group or "", name=name or ""), trigger, priority, policies


def _zone(value: JsonValue) -> ZoneInfo:
    # Longer than any zone's name is enough to be refused; all of a long text would be compared with every name.
    return find_zone(as_text(value)[:ZONE_LIMIT])


def _check_span(trigger: Trigger, reader: FieldReader, now: datetime, faults: Faults) -> None:
    """Books an end that is not after the start, or else a trigger that has no fire left."""
    end = reader.take("endDate", lambda value: value, None)
    try:
        check_end(trigger.start, trigger.end)
        first_fire(trigger.anchored(now), now)
    except Invalid as invalid:
        if _matches_nothing(trigger, now):
            text = reader.take("cronExpress", as_text, None)
            faults.add("taskConfig.cronExpress", "trigger.never_matches", text)
        else:
            faults.add("taskConfig.endDate", invalid.code, end, **invalid.params)


def _matches_nothing(trigger: Trigger, now: datetime) -> bool:
    """Whether it is the expression that never fires, whatever start and end may be."""
    if not isinstance(trigger, CronTrigger):
        return False
    return trigger.expression.next_after(now, trigger.zone, trigger.dst) is None


def _read_policies(reader: FieldReader) -> Policies:
    inner = reader.inside_if_any("policies")
    if inner is None:
        return Policies()
    return Policies(
        connect_timeout=inner.take("connectTimeout", _timeout, None),
        total_timeout=inner.take("timeout", _timeout, None),
        report_timeout=inner.take("reportTimeout", lambda v: _timeout(v, LONGEST_REPORT), None),
    )


def _timeout(value: JsonValue, longest: timedelta = LONGEST_TIMEOUT) -> timedelta:
    return check_timeout(as_duration(value), longest)


def _read_cron(
    reader: FieldReader, zone: ZoneInfo, now: datetime, habits: Habits
) -> CronTrigger | None:
    expression = reader.need(
        ("cronExpress",), lambda value: CronExpression.parse(as_text(value).strip())
    )
    dst = reader.take("dst", lambda value: as_member(value, DstRule), DstRule.EXACTLY_ONCE)
    start = reader.take("startDate", lambda value: as_moment(value, zone), None)
    end = reader.take("endDate", lambda value: as_moment(value, zone), None)
    if expression is None:
        return None
    return CronTrigger(expression=expression, zone=zone, dst=dst, start=start, end=end)


def _read_simple(
    reader: FieldReader, zone: ZoneInfo, now: datetime, habits: Habits
) -> SimpleTrigger:
    start = reader.take("startDate", lambda value: as_moment(value, zone), None) or now
    end = reader.take("endDate", lambda value: as_moment(value, zone), None)
    times = reader.inside_if_any("timeConfig")
    interval, count = _read_times(times, habits.repeat_count) if times else (None, 1)
    return SimpleTrigger(start=start, interval=interval, count=count, end=end, zone=zone)


def _read_times(reader: FieldReader, counts: RepeatCount) -> tuple[timedelta | None, int | None]:
    """Interval and number of fires (None: for ever) of a timeConfig."""
    unit = reader.take("intervalType", lambda v: as_member(v, IntervalType), IntervalType.NULL)
    forever = reader.take("isForever", as_boolean, False)
    repeats = reader.take("repeatCount", lambda value: _check_repeats(value, counts), None)
    if unit is IntervalType.NULL and forever:
        reader.refuse("intervalType", "trigger.forever_without_interval")
    if unit is IntervalType.NULL:
        return None, 1
    count = _count(repeats, counts, forever)
    if count == 1:
        reader.take("interval", as_integer, None)
        return None, 1
    interval = reader.need(
        ("interval",), lambda v: check_interval(_times(as_integer(v), UNITS[unit]))
    )
    return interval, count


def _times(number: int, unit: timedelta) -> timedelta:
    try:
        return number * unit
    except OverflowError:
        return timedelta.max


def _check_repeats(value: JsonValue, counts: RepeatCount) -> int:
    repeats = as_integer(value)
    least = -1 if counts is RepeatCount.EXTRA else 0
    if not least <= repeats <= COUNT_LIMIT:
        raise Invalid("trigger.repeat_count", least=least, most=COUNT_LIMIT)
    return repeats


def _count(repeats: int | None, counts: RepeatCount, forever: bool) -> int | None:
    if forever or repeats == -1:
        return None
    if counts is RepeatCount.EXTRA:
        return (repeats or 0) + 1
    return max(repeats or 1, 1)
