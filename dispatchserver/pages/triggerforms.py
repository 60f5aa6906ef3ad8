"""Reads the when part of the task form: its fields into a when rule. Pure."""

from collections.abc import Callable, Mapping
from datetime import datetime, time, timedelta
from functools import partial
from typing import TypeVar
from zoneinfo import ZoneInfo

from dispatchserver.domain.cron import CronExpression
from dispatchserver.domain.cronunix import UnixCronExpression
from dispatchserver.domain.daychoice import DayChoice, every_days, monthly, weekly
from dispatchserver.domain.dayinterval import (
    DayIntervalTrigger,
    check_day_interval,
    first_date_from,
)
from dispatchserver.domain.dst import DstRule
from dispatchserver.domain.errors import Invalid
from dispatchserver.domain.fields import as_integer, as_moment
from dispatchserver.domain.fixeddelay import (
    LONGEST_DELAY,
    FixedDelayTrigger,
    check_delay,
    check_fixed_delay,
)
from dispatchserver.domain.trigger import (
    COUNT_LIMIT,
    LONGEST_INTERVAL,
    CronDialect,
    CronTrigger,
    SimpleTrigger,
    check_end,
    check_interval,
    parse_cron,
)
from dispatchserver.domain.triggers import Trigger
from dispatchserver.domain.uniontrigger import LINES_LIMIT, UnionTrigger, check_union
from dispatchserver.domain.wallclock import offsets
from dispatchserver.domain.windowtrigger import (
    LONGEST_STEP,
    WindowTrigger,
    check_window,
    read_clock,
)
from dispatchserver.pages.choices import KEPT, MONTHDAYS, WEEKDAYS
from dispatchserver.pages.formreader import FormReader, in_range, read_date
from dispatchserver.pages.triggerfields import bounds, wall

T = TypeVar("T")

PLACES = {
    "trigger.window_frequency": "nth",
    "trigger.window_step": "step",
    "trigger.window_closed": "closes",
    "trigger.window_ends_early": "end",
    "trigger.days_empty": "end",
}
Grid = tuple[time, time | None, timedelta | None]


class TriggerForm:
    """The when part of one form; `kept` is the rule that it was opened on."""

    def __init__(
        self, form: FormReader, zone: ZoneInfo, now: datetime, kept: Trigger | None
    ) -> None:
        self._form = form
        self._zone = zone
        self._now = now
        self._kept = kept

    def read(self) -> Trigger | None:
        """The rule of the chosen kind; None where its fields are faulty (and then booked)."""
        if self._kept and self._form.text("trigger") == KEPT:
            return self._kept
        kinds: Mapping[str, Callable[[], Trigger | None]] = {
            SimpleTrigger.kind: self._simple,
            CronTrigger.kind: self._cron,
            WindowTrigger.kind: self._window,
            DayIntervalTrigger.kind: self._day_interval,
            UnionTrigger.kind: self._union,
            FixedDelayTrigger.kind: self._fixed_delay,
        }
        known = len(self._form.faults)
        trigger = kinds[self._form.word("trigger")]()
        return trigger if len(self._form.faults) == known else None

    def _simple(self) -> SimpleTrigger | None:
        repeat = self._form.word("repeat")
        if repeat == "later":
            return self._later()
        start = self._moment("start") or self._now
        if repeat == "once":
            return self._once(start)
        check = _then(self._form.span("unit", LONGEST_INTERVAL), check_interval)
        interval = self._form.need("interval", check)
        count = self._form.need("count", in_range(1, COUNT_LIMIT)) if repeat == "count" else None
        end = self._end(start)
        return SimpleTrigger(start=start, interval=interval, count=count, end=end, zone=self._zone)

    def _later(self) -> SimpleTrigger | None:
        check = _then(self._form.span("after_unit", LONGEST_DELAY), check_delay)
        after = self._form.need("after", check)
        return None if after is None else SimpleTrigger(start=self._now + after, zone=self._zone)

    def _once(self, start: datetime) -> SimpleTrigger:
        """One fire. An end means nothing to it, and is asked for only where the task has one."""
        kept = self._kept
        if not isinstance(kept, SimpleTrigger) or kept.interval is not None:
            return SimpleTrigger(start=start, zone=self._zone)
        end = self._end(start) if kept.end else None
        return SimpleTrigger(start=start, count=kept.count, end=end, zone=self._zone)

    def _cron(self) -> CronTrigger | None:
        dialect = self._form.choice("dialect", CronDialect.QUARTZ)
        expression = self._form.need("cron", partial(parse_cron, dialect=dialect))
        start = self._moment("start")
        end, dst = self._end(start), self._dst()
        if expression is None:
            return None
        return CronTrigger(expression=expression, zone=self._zone, dst=dst, start=start, end=end)

    def _union(self) -> UnionTrigger | None:
        dialect = self._form.choice("dialect", CronDialect.QUARTZ)
        start = self._moment("start")
        end, dst = self._end(start), self._dst()
        found = [
            CronTrigger(expression=expression, zone=self._zone, dst=dst, start=start, end=end)
            for expression in self._expressions(dialect)
        ]
        return self._checked(lambda: check_union(tuple(found)), "lines") if found else None

    def _expressions(self, dialect: CronDialect) -> list[CronExpression | UnixCronExpression]:
        """One a line; every faulty one is booked with the number of its line."""
        texts = self._form.need("lines", _lines) or {}
        found = []
        for number, text in texts.items():
            try:
                found.append(parse_cron(text, dialect))
            except Invalid as invalid:
                self._form.refuse("lines", invalid, line_number=number)
        return found

    def _window(self) -> WindowTrigger | None:
        known = len(self._form.faults)
        # the grid hangs on the clock, so that a start of now need not be told to the millisecond
        start = self._moment("start") or self._now.replace(second=0, microsecond=0)
        end, dst = self._moment("end"), self._dst()
        days, grid = self._days(), self._grid()
        if days is None or grid is None or len(self._form.faults) > known:
            return None
        opens, closes, every = grid
        trigger = WindowTrigger(
            days=days,
            opens=opens,
            closes=closes,
            every=every,
            start=start,
            end=end,
            zone=self._zone,
            dst=dst,
        )
        return self._checked(lambda: check_window(trigger), "end" if end else "nth")

    def _days(self) -> DayChoice | None:
        every = self._form.need("nth", as_integer)
        if every is None:
            return None
        match self._form.word("nth_unit"):
            case "week":
                weekdays = self._form.chosen("weekday", WEEKDAYS)
                return self._checked(lambda: weekly(every, _some(weekdays)), "weekdays")
            case "month":
                monthdays = self._form.chosen("monthday", MONTHDAYS)
                return self._checked(lambda: monthly(every, _some(monthdays)), "monthdays")
            case _:
                return self._checked(lambda: every_days(every), "nth")

    def _grid(self) -> Grid | None:
        """The times of day: one, or a step between two."""
        if self._form.word("times") == "once":
            at = self._form.need("at", read_clock)
            return None if at is None else (at, None, None)
        every = self._form.need("step", self._form.span("step_unit", LONGEST_STEP))
        opens = self._form.need("opens", read_clock)
        closes = self._form.need("closes", read_clock)
        return None if opens is None else (opens, closes, every)

    def _day_interval(self) -> DayIntervalTrigger | None:
        known = len(self._form.faults)
        days, at = self._form.need("days", as_integer), self._form.need("at", read_clock)
        first = self._form.take("first_date", read_date, None)
        end, dst = self._moment("end"), self._dst()
        if days is None or at is None or len(self._form.faults) > known:
            return None
        trigger = DayIntervalTrigger(
            days=days,
            at=at,
            first_date=first or first_date_from(self._now, at, self._zone),
            end=end,
            zone=self._zone,
            dst=dst,
        )
        places = {"trigger.window_frequency": "days"}
        return self._checked(lambda: check_day_interval(trigger), "end", places)

    def _fixed_delay(self) -> FixedDelayTrigger | None:
        check = _then(self._form.span("delay_unit", LONGEST_DELAY), check_delay)
        delay = self._form.need("delay", check)
        first, end = self._moment("start") or self._now, self._moment("end")
        if delay is None:
            return None
        trigger = FixedDelayTrigger(delay=delay, first=first, end=end, zone=self._zone)
        return self._checked(lambda: check_fixed_delay(trigger), "end")

    def _dst(self) -> DstRule:
        return self._form.choice("dst", DstRule.EXACTLY_ONCE)

    def _moment(self, name: str) -> datetime | None:
        """The clock time typed; the exact kept moment where it was not changed."""
        typed = self._form.take(name, partial(_wall_moment, zone=self._zone), None)
        if typed is None or self._kept is None or self._kept.zone != self._zone:
            return typed
        start, end = bounds(self._kept)
        kept = start if name == "start" else end
        return kept if wall(typed, self._zone) == wall(kept, self._zone) else typed

    def _end(self, start: datetime | None) -> datetime | None:
        end = self._moment("end")
        with self._form.faults.at("end", self._form.text("end")):
            check_end(start, end)
        return end

    def _checked(
        self, make: Callable[[], T], field: str, places: Mapping[str, str] = PLACES
    ) -> T | None:
        """What is made; None where it breaks a rule, which is then booked at the field that can mend it."""
        try:
            return make()
        except Invalid as invalid:
            self._form.refuse(places.get(invalid.code, field), invalid)
            return None


def _then(
    read: Callable[[str], timedelta], check: Callable[[timedelta], timedelta]
) -> Callable[[str], timedelta]:
    return lambda text: check(read(text))


def _lines(text: str) -> dict[int, str]:
    """The lines that say something, by their numbers; raises Invalid for too many."""
    lines = {number: line.strip() for number, line in enumerate(text.splitlines(), 1)}
    said = {number: line for number, line in lines.items() if line}
    if len(said) > LINES_LIMIT:
        raise Invalid("trigger.union_lines", limit=LINES_LIMIT)
    return said


def _some(numbers: list[int]) -> list[int]:
    if not numbers:
        raise Invalid("fault.none_chosen")
    return numbers


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
