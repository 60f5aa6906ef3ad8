"""Reads the task form: its fields into a task, or all that is wrong with them. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import TypeVar
from zoneinfo import ZoneInfo

from dispatchserver.domain import jsontext
from dispatchserver.domain.changing import Addition
from dispatchserver.domain.cron import CronExpression, DstRule
from dispatchserver.domain.errors import Fault, Faults, Invalid, Refused, TaskChanged, TaskExists
from dispatchserver.domain.fields import (
    FieldReader,
    as_duration,
    as_integer,
    as_member,
    as_moment,
    as_text,
)
from dispatchserver.domain.jsontext import JsonValue
from dispatchserver.domain.recall import (
    Ack,
    BodyShape,
    Framing,
    HttpRecall,
    Recall,
    ReplyRule,
    SocketRecall,
    check_data,
    check_host,
    check_url,
)
from dispatchserver.domain.task import (
    LONGEST_REPORT,
    LONGEST_TIMEOUT,
    Policies,
    Task,
    TaskKey,
    TaskSpec,
    check_name,
    check_note,
    check_priority,
    check_timeout,
)
from dispatchserver.domain.trigger import (
    COUNT_LIMIT,
    LONGEST_INTERVAL,
    CronTrigger,
    SimpleTrigger,
    check_end,
    check_interval,
    find_zone,
)
from dispatchserver.domain.triggers import Trigger
from dispatchserver.domain.wallclock import offsets
from dispatchserver.pages.fields import BLANK, CHOICES, KEPT, wall
from dispatchserver.pages.words import UNITS

Form = Mapping[str, str]
V = TypeVar("V")
E = TypeVar("E", bound=StrEnum)

KEPT_AS_TYPED = frozenset({"group", "name", "note", "data"})
PORT_LIMIT = 65_535
ZONE_LIMIT = 64  # longer than any zone's name; a near one is looked for, which must not take long
TIMEOUTS = {
    "connect_timeout": LONGEST_TIMEOUT,
    "total_timeout": LONGEST_TIMEOUT,
    "report_timeout": LONGEST_REPORT,
}


class TaskForm:
    """Reads one submitted form. Every fault is booked under the name of the field that it is shown at."""

    def __init__(self, form: Form, zone: ZoneInfo, now: datetime, kept: Task | None) -> None:
        values = {k: v if k in KEPT_AS_TYPED else v.strip() for k, v in form.items()}
        self._values = values
        self._faults = Faults()
        self._reader = FieldReader(values, self._faults)
        self._now = now
        self._kept = kept
        self._zone = self._take("zone", lambda text: find_zone(text[:ZONE_LIMIT]), zone)

    def read(self) -> Addition:
        """The task that the form describes, to replace the one it was opened on; raises Refused with all faults."""
        key = self._kept.key if self._kept else self._key()
        note = self._take("note", check_note, "")
        priority = self._take("priority", lambda text: check_priority(as_integer(text)), 0)
        trigger = self._trigger()
        recall = self._socket() if self._word("recall") == "SOCKET" else self._http()
        kept = self._kept.spec.policies if self._kept else Policies()
        policies = replace(
            kept,
            connect_timeout=self._timeout("connect_timeout"),
            total_timeout=self._timeout("total_timeout"),
            report_timeout=self._timeout("report_timeout"),
        )
        self._faults.raise_if_any()
        assert trigger is not None, "a missing expression was booked"
        labels = self._kept.spec.labels if self._kept else {}
        spec = TaskSpec(
            trigger=trigger,
            recall=recall,
            priority=priority,
            policies=policies,
            note=note.replace("\r\n", "\n"),
            labels=labels,
        )
        expected = self._values.get("version", "") if self._kept else None
        return Addition(
            key=key, spec=spec, at=self._now, overwrite=self._kept is not None, expected=expected
        )

    def schedule(self) -> Trigger:
        """When the task would fire; raises Refused with the faults of the fields that say so."""
        trigger = self._trigger()
        self._faults.raise_if_any()
        assert trigger is not None, "a missing expression was booked"
        return trigger

    def _take(self, name: str, read: Callable[[str], V], default: V) -> V:
        return self._reader.take(name, lambda value: read(as_text(value)), default)

    def _need(self, name: str, read: Callable[[str], V], default: V) -> V:
        found = self._reader.need((name,), lambda value: read(as_text(value)))
        return default if found is None else found

    def _key(self) -> TaskKey:
        return TaskKey(
            group=self._need("group", check_name, ""), name=self._need("name", check_name, "")
        )

    def _trigger(self) -> Trigger | None:
        if self._kept and self._values.get("trigger") == KEPT:
            return self._kept.spec.trigger
        return self._cron() if self._word("trigger") == "cron" else self._simple()

    def _simple(self) -> SimpleTrigger:
        start = self._moment("start") or self._now
        repeat = self._word("repeat")
        if repeat == "once":
            return SimpleTrigger(start=start, zone=self._zone)
        end = self._end(start)
        return SimpleTrigger(
            start=start,
            interval=self._interval(),
            count=self._need("count", _count, 1) if repeat == "count" else None,
            end=end,
            zone=self._zone,
        )

    def _interval(self) -> timedelta:
        unit = UNITS[self._word("unit")]
        return self._need("interval", lambda text: _interval(as_integer(text), unit), unit)

    def _cron(self) -> CronTrigger | None:
        start = self._moment("start")
        end = self._end(start)
        expression = self._reader.need(("cron",), lambda text: CronExpression.parse(as_text(text)))
        if expression is None:
            return None
        before = self._kept.spec.trigger if self._kept else None
        dst = before.dst if isinstance(before, CronTrigger) else DstRule.EXACTLY_ONCE
        return CronTrigger(expression=expression, zone=self._zone, dst=dst, start=start, end=end)

    def _moment(self, name: str) -> datetime | None:
        """The clock time typed; the exact kept moment where it was not changed."""
        before = self._kept.spec.trigger if self._kept else None
        kept = (before.start if name == "start" else before.end) if before else None
        typed = self._take(name, partial(_wall_moment, zone=self._zone), None)
        if typed and kept and before and before.zone == self._zone:
            return kept if wall(typed, self._zone) == wall(kept, self._zone) else typed
        return typed

    def _end(self, start: datetime | None) -> datetime | None:
        end = self._moment("end")
        with self._faults.at("end", self._values.get("end")):
            check_end(start, end)
        return end

    def _http(self) -> Recall:
        return HttpRecall(
            url=self._need("url", check_url, ""),
            data=self._data(),
            body_shape=self._choice("body_shape", BodyShape.NESTED),
            reply_rule=self._choice("reply_rule", ReplyRule.AUTO),
        )

    def _socket(self) -> Recall:
        return SocketRecall(
            host=self._need("host", check_host, ""),
            port=self._need("port", _port, 1),
            data=self._data(),
            framing=self._choice("framing", Framing.LINE),
            ack=self._choice("ack", Ack.AUTO),
            body_shape=self._choice("body_shape", BodyShape.NESTED),
        )

    def _word(self, name: str) -> str:
        return self._take(name, lambda text: _one_of(text, CHOICES[name]), BLANK[name])

    def _choice(self, name: str, default: E) -> E:
        return self._take(name, lambda text: as_member(text, type(default)), default)

    def _data(self) -> JsonValue:
        as_json = self._word("data_kind") == "json"
        return self._reader.take("data", _json if as_json else _text, None)

    def _timeout(self, name: str) -> timedelta | None:
        longest = TIMEOUTS[name]
        return self._take(name, lambda text: check_timeout(as_duration(text), longest), None)


def _json(value: JsonValue) -> JsonValue:
    text = as_text(value)
    return check_data(jsontext.loads(text)) if text.strip() else None


def _text(value: JsonValue) -> JsonValue:
    return check_data(as_text(value).replace("\r\n", "\n"))


def _one_of(text: str, allowed: Sequence[str]) -> str:
    if text not in allowed:
        raise Invalid("field.choice", allowed=", ".join(allowed))
    return text


def _count(text: str) -> int:
    count = as_integer(text)
    if not 1 <= count <= COUNT_LIMIT:
        raise Invalid("fault.range", low=1, high=COUNT_LIMIT)
    return count


def _port(text: str) -> int:
    port = as_integer(text)
    if not 1 <= port <= PORT_LIMIT:
        raise Invalid("fault.range", low=1, high=PORT_LIMIT)
    return port


def _interval(count: int, unit: timedelta) -> timedelta:
    # compared as counts first: a timedelta cannot hold what a person can type
    within = min(count, LONGEST_INTERVAL // unit + 1)
    return check_interval(max(within, 0) * unit)


def _wall_moment(text: str, zone: ZoneInfo) -> datetime | None:
    moment = as_moment(text, zone)
    if moment is not None and _in_gap(text, zone):
        raise Invalid("fault.gap", zone=zone.key)
    return moment


def _in_gap(text: str, zone: ZoneInfo) -> bool:
    """Whether clocks were put forward over this clock time, so that it never is."""
    try:
        typed = datetime.fromisoformat(text)
    except ValueError:
        return False
    before, after = offsets(zone, typed.replace(tzinfo=None))
    return typed.tzinfo is None and before < after


def placed(error: Invalid | TaskExists | TaskChanged, form: Form) -> Refused:
    """What the engine refused only when it had the whole task, at the field that can mend it."""
    if isinstance(error, TaskExists):
        return Refused([Fault(field="name", code="fault.exists")])
    if isinstance(error, TaskChanged):
        return Refused([Fault(field="version", code="fault.stale", params=error.params)])
    field = "cron" if form.get("trigger") == "cron" else "start"
    return Refused([Fault(field=field, code=error.code, params=error.params)])
