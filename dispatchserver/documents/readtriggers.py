"""When rules from JSON documents, as `triggers.py` writes them, with every fault under its path. Pure."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from dispatchserver.documents.days import DayUnit, as_clock, as_numbers, choose_days
from dispatchserver.documents.reading import Basis, checked, read_count, read_date, read_zone
from dispatchserver.domain.cron import CronExpression
from dispatchserver.domain.cronunix import UnixCronExpression
from dispatchserver.domain.daychoice import DayChoice, every_days
from dispatchserver.domain.dayinterval import (
    DayIntervalTrigger,
    check_day_interval,
    first_date_from,
)
from dispatchserver.domain.dst import DstRule
from dispatchserver.domain.fields import (
    FieldReader,
    as_duration,
    as_integer,
    as_member,
    as_moment,
    as_text,
)
from dispatchserver.domain.fixeddelay import FixedDelayTrigger, check_delay, check_fixed_delay
from dispatchserver.domain.trigger import (
    COUNT_LIMIT,
    CronDialect,
    CronTrigger,
    SimpleTrigger,
    check_end,
    check_interval,
    parse_cron,
)
from dispatchserver.domain.triggers import Trigger
from dispatchserver.domain.uniontrigger import LINES_LIMIT, Line, UnionTrigger, check_union
from dispatchserver.domain.windowtrigger import WindowTrigger, check_window

Expression = CronExpression | UnixCronExpression

FIELD_OF = {
    "trigger.end_before_start": "end",
    "trigger.window_shape": "every_s",
    "trigger.window_step": "every_s",
    "trigger.window_closed": "closes",
    "trigger.window_empty": "days",
    "trigger.window_ends_early": "end",
    "trigger.window_frequency": "days",
    "trigger.days_empty": "end",
}


class Kind(StrEnum):
    """What kinds of triggers are called in documents."""

    SIMPLE = SimpleTrigger.kind
    CRON = CronTrigger.kind
    WINDOW = WindowTrigger.kind
    DAYS = DayIntervalTrigger.kind
    DELAY = FixedDelayTrigger.kind
    UNION = UnionTrigger.kind


def read_trigger(reader: FieldReader, basis: Basis) -> Trigger | None:
    """The trigger that a document describes; None where it is faulty (and then booked).

    A start that is not said is now; of a cron expression there is none. Whether it still fires is not asked.
    """
    kind, basis = _read_head(reader, basis)
    if kind is Kind.UNION:
        return _read_union(reader, basis)
    if kind is Kind.DELAY:
        return _read_delay(reader, basis)
    return None if kind is None else LINE_READERS[kind](reader, basis)


def _read_head(reader: FieldReader, basis: Basis) -> tuple[Kind | None, Basis]:
    """The kind, and the basis with the zone that is named. Of an unknown kind no other name is looked at."""
    zone = reader.take("zone", read_zone, basis.zone)
    kind = reader.need(("kind",), lambda value: as_member(value, Kind))
    if kind is None:
        reader.overlook()
    return kind, basis if zone is basis.zone else replace(basis, zone=zone)


def _read_union(reader: FieldReader, basis: Basis) -> UnionTrigger | None:
    """Every line is a trigger of its own; it takes the zone of the union where it names none."""
    for name in ("start", "end"):
        if reader.has(name):
            reader.refuse(name, "trigger.union_outside")
    lines = [_read_line(line, basis) for line in reader.each("lines", LINES_LIMIT)]
    if not lines or None in lines:
        return None
    found = tuple(line for line in lines if line is not None)
    return checked(reader, "lines", lambda: check_union(found), FIELD_OF)


def _read_line(reader: FieldReader, basis: Basis) -> Line | None:
    kind, basis = _read_head(reader, basis)
    if kind in (Kind.UNION, Kind.DELAY):
        reader.refuse("kind", "trigger.union_line", allowed=", ".join(LINE_READERS))
        reader.overlook()
    return LINE_READERS[kind](reader, basis) if kind in LINE_READERS else None


def read_expression(reader: FieldReader, name: str, dialect: str) -> Expression | None:
    """The cron expression under a name, in the dialect that stands under another."""
    grammar = reader.take(dialect, lambda value: as_member(value, CronDialect), CronDialect.QUARTZ)
    return reader.need((name,), lambda value: parse_cron(as_text(value).strip(), grammar))


def read_cron(reader: FieldReader, basis: Basis, name: str = "expression") -> CronTrigger | None:
    """The cron trigger whose expression stands under this name; None where it is faulty (and then booked)."""
    expression = read_expression(reader, name, "dialect")
    dst, (start, end) = _read_dst(reader), _read_bounds(reader, basis)
    checked(reader, "end", lambda: check_end(start, end), FIELD_OF)
    if expression is None:
        return None
    return CronTrigger(expression=expression, zone=basis.zone, dst=dst, start=start, end=end)


def _read_simple(reader: FieldReader, basis: Basis) -> SimpleTrigger | None:
    known = reader.fault_count
    start, end = _read_bounds(reader, basis)
    after = reader.take("after", lambda value: check_delay(as_duration(value)), None)
    if after is not None and reader.has("start"):
        reader.refuse("after", "field.either", one="start", other="after")
    interval = reader.take("interval_s", lambda value: check_interval(as_duration(value)), None)
    count = reader.take("count", lambda value: read_count(value, COUNT_LIMIT), None)
    if count is not None and count > 1 and not reader.has("interval_s"):
        reader.refuse("interval_s", "fault.required")
    if reader.fault_count > known:
        return None
    begin = start or (basis.now if after is None else basis.now + after)
    checked(reader, "end", lambda: check_end(begin, end), FIELD_OF)
    count = 1 if interval is None else count
    return SimpleTrigger(start=begin, interval=interval, count=count, end=end, zone=basis.zone)


def _read_window(reader: FieldReader, basis: Basis) -> WindowTrigger | None:
    known = reader.fault_count
    (start, end), dst = _read_bounds(reader, basis), _read_dst(reader)
    days = _read_days(reader)
    opens = reader.need(("opens",), as_clock)
    closes = reader.take("closes", as_clock, None)
    every = reader.take("every_s", as_duration, None)
    if days is None or opens is None or reader.fault_count > known:
        return None
    trigger = WindowTrigger(
        days=days,
        opens=opens,
        closes=closes,
        every=every,
        start=start or basis.now,
        end=end,
        zone=basis.zone,
        dst=dst,
    )
    return checked(reader, "days", lambda: check_window(trigger), FIELD_OF)


def _read_days(window: FieldReader) -> DayChoice | None:
    """Every day where nothing is said."""
    if not window.has("days"):
        return every_days(1)
    days = window.inside("days")
    if days is None:
        return None
    unit = days.need(("unit",), lambda value: as_member(value, DayUnit))
    every = days.take("every", as_integer, 1)
    if unit is None:
        days.overlook()
        return None
    name = {DayUnit.WEEK: "weekdays", DayUnit.MONTH: "days"}.get(unit, "every")
    values = () if unit is DayUnit.DAY else days.take(name, as_numbers, ())
    fields = {"trigger.window_frequency": "every"}
    return checked(days, name, lambda: choose_days(unit, every, values), fields)


def _read_day_interval(reader: FieldReader, basis: Basis) -> DayIntervalTrigger | None:
    """Begins on `first_date`; where that is not said, with the first such time from `start`, or from now, on."""
    known = reader.fault_count
    (start, end), dst = _read_bounds(reader, basis), _read_dst(reader)
    days = reader.take("days", as_integer, 1)
    at = reader.need(("at",), as_clock)
    first = reader.take("first_date", read_date, None)
    if first is not None and start is not None:
        reader.refuse("start", "field.either", one="first_date", other="start")
    if at is None or reader.fault_count > known:
        return None
    trigger = DayIntervalTrigger(
        days=days,
        at=at,
        first_date=first or first_date_from(start or basis.now, at, basis.zone),
        end=end,
        zone=basis.zone,
        dst=dst,
    )
    return checked(reader, "days", lambda: check_day_interval(trigger), FIELD_OF)


def _read_delay(reader: FieldReader, basis: Basis) -> FixedDelayTrigger | None:
    known = reader.fault_count
    start, end = _read_bounds(reader, basis)
    delay = reader.need(("delay_s",), lambda value: check_delay(as_duration(value)))
    if delay is None or reader.fault_count > known:
        return None
    trigger = FixedDelayTrigger(delay=delay, first=start or basis.now, end=end, zone=basis.zone)
    return checked(reader, "end", lambda: check_fixed_delay(trigger), FIELD_OF)


def _read_bounds(reader: FieldReader, basis: Basis) -> tuple[datetime | None, datetime | None]:
    start = reader.take("start", lambda value: as_moment(value, basis.zone), None)
    end = reader.take("end", lambda value: as_moment(value, basis.zone), None)
    return start, end


def _read_dst(reader: FieldReader) -> DstRule:
    return reader.take("dst", lambda value: as_member(value, DstRule), DstRule.EXACTLY_ONCE)


LINE_READERS: dict[Kind, Callable[[FieldReader, Basis], Line | None]] = {
    Kind.SIMPLE: _read_simple,
    Kind.CRON: read_cron,
    Kind.WINDOW: _read_window,
    Kind.DAYS: _read_day_interval,
}
