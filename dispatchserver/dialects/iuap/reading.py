"""Fields of a `.do` request to domain values, every fault of the request at once. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from dispatchserver.dialects.iuap.wire import Fields
from dispatchserver.domain.cron import CronExpression, DstRule
from dispatchserver.domain.errors import Faults, Invalid
from dispatchserver.domain.fields import (
    FieldReader,
    as_boolean,
    as_duration,
    as_integer,
    as_member,
    as_moment,
    as_object,
    as_text,
)
from dispatchserver.domain.jsontext import JsonValue
from dispatchserver.domain.judging import Report
from dispatchserver.domain.recall import (
    Ack,
    BodyShape,
    Framing,
    HttpRecall,
    Recall,
    RecallKind,
    ReplyRule,
    SocketRecall,
    check_data,
    check_host,
    check_url,
)
from dispatchserver.domain.task import (
    LONGEST_REPORT,
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
    Trigger,
    check_end,
    check_interval,
    find_zone,
    first_fire,
)


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
class AddRequest:
    """What add.do asks for."""

    key: TaskKey
    spec: TaskSpec
    overwrite: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """What this server takes for granted where a request says nothing."""

    zone: ZoneInfo
    repeat_count: RepeatCount = RepeatCount.TOTAL


def read_add(fields: Fields, now: datetime, habits: Habits) -> AddRequest:
    """What add.do asks for; raises Refused with every fault."""
    faults = Faults()
    top = FieldReader(fields, faults)
    overwrite = top.take("replace", as_boolean, False)
    note = top.take("note", lambda value: check_note(as_text(value)), "")
    recall_reader, task_reader = top.inside("recallConfig"), top.inside("taskConfig")
    recall = _read_recall(recall_reader) if recall_reader else None
    task = _read_task(task_reader, now, habits, faults) if task_reader else None
    faults.raise_if_any()
    if recall is None or task is None:  # unreachable: what is missing was booked
        raise Invalid("fault.required")
    key, trigger, priority, policies = task
    spec = TaskSpec(trigger=trigger, recall=recall, priority=priority, policies=policies, note=note)
    return AddRequest(key=key, spec=spec, overwrite=overwrite)


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
        result=None if result is None else result if isinstance(result, str) else str(result),
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
    zone = reader.take("timeZone", lambda value: find_zone(as_text(value)), habits.zone)
    kind = reader.need(("triggerType",), lambda value: as_member(value, TriggerType))
    if kind is None:
        return None
    read = _read_cron if kind is TriggerType.CRON else _read_simple
    trigger = read(reader, zone, now, habits)
    if trigger is None or faults:
        return None
    with faults.at("taskConfig"):
        check_end(trigger.start, trigger.end)
        first_fire(trigger.anchored(now), now)
    return TaskKey(group=group or "", name=name or ""), trigger, priority, policies


def _read_policies(reader: FieldReader) -> Policies:
    inner = reader.inside_if_any("policies")
    if inner is None:
        return Policies()
    return Policies(
        connect_timeout=inner.take("connectTimeout", lambda v: check_timeout(as_duration(v)), None),
        total_timeout=inner.take("timeout", lambda v: check_timeout(as_duration(v)), None),
        report_timeout=inner.take(
            "reportTimeout", lambda v: check_timeout(as_duration(v), LONGEST_REPORT), None
        ),
    )


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


def _read_recall(reader: FieldReader) -> Recall | None:
    kind = reader.need(("recallType",), lambda value: as_member(value, RecallKind))
    data = reader.take("data", check_data, None)
    if kind is RecallKind.HTTP:
        option = reader.inside("option", _http_option)
        return _read_http(option, data) if option else None
    if kind is RecallKind.SOCKET:
        option = reader.inside("option", _socket_option)
        return _read_socket(option, data) if option else None
    return None


def _http_option(value: JsonValue) -> Mapping[str, JsonValue]:
    """The option object; a bare URL stands for {"url": …}."""
    if isinstance(value, str) and not value.lstrip().startswith("{"):
        return {"url": value.strip()}
    return as_object(value)


def _socket_option(value: JsonValue) -> Mapping[str, JsonValue]:
    """The option object; "host:port" stands for {"host": …, "port": …}."""
    if isinstance(value, str) and not value.lstrip().startswith("{"):
        host, _, port = value.strip().rpartition(":")
        return {"host": host.strip("[]"), "port": port}
    return as_object(value)


def _read_http(option: FieldReader, data: JsonValue) -> HttpRecall | None:
    url = option.need(("url",), lambda value: check_url(as_text(value).strip()))
    shape = option.take("bodyShape", lambda value: as_member(value, BodyShape), BodyShape.NESTED)
    rule = option.take("replyRule", lambda value: as_member(value, ReplyRule), ReplyRule.AUTO)
    return (
        None if url is None else HttpRecall(url=url, data=data, body_shape=shape, reply_rule=rule)
    )


def _read_socket(option: FieldReader, data: JsonValue) -> SocketRecall | None:
    host = option.need(("host",), lambda value: check_host(as_text(value).strip()))
    port = option.need(("port",), _port)
    shape = option.take("bodyShape", lambda value: as_member(value, BodyShape), BodyShape.NESTED)
    framing = option.take("framing", lambda value: as_member(value, Framing), Framing.LINE)
    ack = option.take("ack", lambda value: as_member(value, Ack), Ack.AUTO)
    if host is None or port is None:
        return None
    return SocketRecall(host=host, port=port, data=data, framing=framing, ack=ack, body_shape=shape)


def _port(value: JsonValue) -> int:
    port = as_integer(value)
    if not 1 <= port <= 65535:
        raise Invalid("recall.port")
    return port
